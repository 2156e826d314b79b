"""HTTP requests: one request on a connection of its own, and its response.

The request is sent as it is given, valid or not; :mod:`chateau.client.transports.http_response` reads the
response.
"""

import asyncio
from dataclasses import dataclass

from chateau.client.transcript import OnEntry
from chateau.client.transports.target import (
    Address,
    CannotConnect,
    Refused,
    RequestFailed,
    address_of,
    connect,
)

WITH_BODY = frozenset({"POST", "PUT", "PATCH"})  # these send a length even if it is 0

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Response:
    """A whole response; the names of the headers are in the case in which they were received."""

    status: int
    headers: Headers
    body: bytes


async def request(
    client: str,
    method: str,
    url: str,
    headers: Headers,
    body: bytes,
    on_entry: OnEntry,
    timeout_seconds: float,
    local_address: str | None = None,
) -> Response:
    """Send a request and return its response; send the length of *body* unless *headers* have it.

    The entry of the response has its head, and its body without chunks.

    Raises:
        CannotConnect: no server listens there.
        RequestFailed: there was no whole response within *timeout_seconds*, or it is not HTTP.
    """
    if "connection" not in {name.lower() for name, _ in headers}:
        headers = (*headers, ("Connection", "close"))
    data = format_request(method, address_of(url), headers, body)
    return await send_request(client, data, url, on_entry, timeout_seconds, local_address)


async def send_request(
    client: str,
    data: bytes,
    url: str,
    on_entry: OnEntry,
    timeout_seconds: float,
    local_address: str | None = None,
) -> Response:
    """Send *data*, a formatted request, to the server of *url*, as :func:`request` does."""
    from chateau.client.transports.http_response import exchange

    method = data.partition(b" ")[0].decode("latin-1")
    writer = None
    try:
        async with asyncio.timeout(timeout_seconds):
            reader, writer = await connect(asyncio.open_connection, address_of(url), local_address)
            return await exchange(client, data, on_entry, reader, writer)
    except TimeoutError as exc:
        if writer is None:
            raise CannotConnect(url, f"there is no connection (waited {timeout_seconds:g} s)") from exc
        raise RequestFailed(f"no whole response to {method} {url} within {timeout_seconds:g} s") from exc
    except Refused as exc:
        if writer is None:
            raise CannotConnect(url, exc.reason) from exc
        raise RequestFailed(f"no response to {method} {url}: {exc.reason}") from exc
    finally:
        if writer is not None:
            writer.transport.abort()


def format_request(method: str, address: Address, headers: Headers, body: bytes) -> bytes:
    """Return a whole request: *headers*, with a Host and a length if they have none, and *body*."""
    names = {name.lower() for name, _ in headers}
    lines = [f"{method} {address.resource} HTTP/1.1"]
    if "host" not in names:
        lines.append(f"Host: {address.authority}")
    lines += [f"{name}: {value}" for name, value in headers]
    if (body or method in WITH_BODY) and not names & {"content-length", "transfer-encoding"}:
        lines.append(f"Content-Length: {len(body)}")
    if body and any(
        (name.lower(), value.lower()) == ("transfer-encoding", "chunked") for name, value in headers
    ):
        body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    head = "\r\n".join([*lines, "", ""])
    try:
        return head.encode("latin-1") + body
    except UnicodeEncodeError:
        return head.encode() + body
