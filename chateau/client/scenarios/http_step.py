"""The http step: one request over a connection of its own, and what its answer has to be."""

import re
from collections.abc import Iterable
from typing import Any

from chateau.client import strict_json
from chateau.client.protocols import HTTP
from chateau.client.scenarios.content import BadContent, body_of
from chateau.client.scenarios.document import Client, Step
from chateau.client.scenarios.scope import Scope
from chateau.client.scenarios.stage import Stage
from chateau.client.transports import CannotConnect, RequestFailed, Response, request

JSON_TYPE = re.compile(r"application/(.+\+)?json")


async def play_http(step: Step, stage: Stage, scope: Scope) -> None:
    """Send the request of *step*, and compare what comes back."""
    (name,) = step.clients
    response = await _response(step, stage, scope, name)
    _check_status(step, stage, response, name)
    if "answer" in step.options:
        wanted = step.options["answer"]
        stage.compare(step, scope, wanted, _answer(response), "the body of the answer is another", name)
    if "answer_headers" in step.options:
        wanted = _in_lower_case(step.options["answer_headers"].items())
        came = _in_lower_case(response.headers)
        stage.compare(step, scope, wanted, came, "the headers of the answer are others", name)


async def _response(step: Step, stage: Stage, scope: Scope, name: str) -> Response:
    spec = stage.scenario.clients.get(name) or Client(HTTP, HTTP)
    method, path = stage.filled(step, scope, step.value).split(" ", 1)
    base = stage.filled(step, scope, spec.url) or stage.server.url(HTTP, "")
    body, headers = _content(step, stage, scope, spec)
    try:
        return await request(
            name,
            method,
            base.rstrip("/") + path,
            headers,
            body,
            stage.on_entry,
            stage.within(step),
            stage.filled(step, scope, spec.local_address),
        )
    except CannotConnect as exc:
        raise stage.unreachable(step, exc, name) from exc
    except RequestFailed as exc:
        raise stage.failed(step, str(exc), name) from exc


def _content(
    step: Step, stage: Stage, scope: Scope, spec: Client
) -> tuple[bytes, tuple[tuple[str, str], ...]]:
    """The body, and the headers, of which the content type is the body's unless the step has another."""
    try:
        body, content_type = body_of(stage.filled(step, scope, step.options.get("body")))
    except BadContent as exc:
        raise stage.cannot(step, str(exc), spec.name) from exc
    headers = {**spec.headers, **step.options.get("headers", {})}
    if content_type and "content-type" not in {key.lower() for key in headers}:
        headers["Content-Type"] = content_type
    return body, tuple(stage.filled(step, scope, headers).items())


def _check_status(step: Step, stage: Stage, response: Response, name: str) -> None:
    right = step.options.get("status", response.status)
    statuses = right if isinstance(right, list) else [right]
    if response.status not in statuses:
        wanted = " or ".join(map(str, statuses))
        said = response.body[:200].decode("utf-8", "backslashreplace")
        raise stage.failed(step, f"the status is {response.status}, not {wanted}; the body is {said!r}", name)


def _in_lower_case(headers: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Headers by their names, whose case has no meaning (RFC 9110 §5.1)."""
    return {name.lower(): value for name, value in headers}


def _answer(response: Response) -> Any:
    """The body of an answer: JSON where its content type says so, or text, or hex where it is no UTF-8.

    What says that it is JSON and is none must match nothing: the answer OK is not the answer "OK".
    """
    try:
        text = response.body.decode()
    except UnicodeDecodeError:
        return response.body.hex()
    headers = _in_lower_case(response.headers)
    is_json = JSON_TYPE.fullmatch(headers.get("content-type", "").split(";")[0].strip().lower())
    try:
        value = strict_json.decode(text)
    except ValueError:
        return {"not JSON": text} if is_json else text
    return value if is_json or isinstance(value, dict | list) else text
