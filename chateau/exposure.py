"""What a server exposes, and which clients can use it: sentences with the flag that changes it.

``--check`` prints them, and they are logged at the start of a server that others than this machine can reach.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import ip_address

from chateau.settings import MEMORY, UNIX, Settings


def is_loopback(addresses: Sequence[str]) -> bool:
    """Return whether only this machine can connect to *addresses*."""
    return all(ip_address(address.partition("%")[0]).is_loopback for address in addresses)


def exposure(settings: Settings, addresses: Sequence[str]) -> list[str]:
    """Return what a server with *settings* that listens on *addresses* exposes, a sentence each."""
    clients = _clients(settings, addresses)
    return [
        *_listeners(settings, clients),
        *_unix_socket(settings),
        *_encryption(settings, addresses),
        *_messages(settings, clients),
        *_admins(settings),
        *_pages(settings),
        *(f"the code of {name} runs in the server: --plugin {name}" for name in settings.plugin),
    ]


def _clients(settings: Settings, addresses: Sequence[str]) -> str:
    if not is_loopback(addresses):
        return "anyone on the network"
    proxies = [each for each in settings.trusted_proxy if each != UNIX]
    return "anyone on this machine, and every client of its proxy," if proxies else "anyone on this machine"


def _listeners(settings: Settings, clients: str) -> Iterator[str]:
    yield f"{clients} can connect by HTTP and WebSocket: --host {settings.host}, --port {settings.port}"
    if settings.lines_port:
        lines = f"--lines-port {settings.lines_port}"
        yield f"{clients} can connect to the line protocol, which is never encrypted: {lines}"
    if settings.opcodes_port:
        yield f"{clients} can connect to the opcode protocol: --opcodes-port {settings.opcodes_port}"


def _unix_socket(settings: Settings) -> Iterator[str]:
    if settings.usock is None:
        return
    mode = settings.usock_permissions
    users = "any user" if mode & 0o002 else "the server's group" if mode & 0o020 else "the server's user"
    flag = f"--usock-mode {settings.usock_mode}"
    yield f"{users} of this machine can connect to the UNIX socket {settings.usock}: {flag}"
    if UNIX in settings.trusted_proxy:
        yield f"{users} of this machine can claim any client address: --trusted-proxy unix, {flag}"


def _encryption(settings: Settings, addresses: Sequence[str]) -> Iterator[str]:
    if settings.tls_cert is None and not is_loopback(addresses):
        yield "messages, passwords and keys are not encrypted on the network: no --tls-cert"


def _messages(settings: Settings, clients: str) -> Iterator[str]:
    read = "can take a free username, and read and write in every room that is not locked"
    age = "" if settings.history_age == "0" else f", --history-age {settings.history_age}"
    yield f"{clients} {read}, its history included: --history {settings.history}{age}"
    if settings.pwd is None:
        yield f"{clients} can publish: no --pwd"
    else:
        yield f"{clients} can publish with the password: --pwd"
    if settings.default_privacy == "public":
        yield f"{clients} can list the clients of the function protocol: --default-privacy public"
    if settings.data != MEMORY:
        yield f"users who can read the folder {settings.data} can read all stored messages: --data"


def _admins(settings: Settings) -> Iterator[str]:
    if settings.secret_key is None:
        yield "nobody is an admin: no --secret-key"
    else:
        yield "clients with the secret key can watch sessions, ban, delete rooms, and shut down: --secret-key"


def _pages(settings: Settings) -> Iterator[str]:
    if not settings.allow_origin:
        yield "pages of this server alone can connect in browsers: no --allow-origin"
    elif "*" in settings.allow_origin:
        yield "pages of every origin can connect and publish in browsers: --allow-origin *"
    else:
        origins = " and ".join(settings.allow_origin)
        yield f"pages of {origins} can connect and publish in browsers: --allow-origin"
