"""A minimal sixth protocol: it echoes each request, and sends a shout to everybody."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from chateau.hub.events import Shutdown
from chateau.protocols.error_catalog import ANY, ErrorCatalog, admission, against, unreadable
from chateau.protocols.json_peer import JsonPeer, JsonProtocol, Request, unknown_type
from chateau.protocols.spec import EndpointSpec, ProtocolSpec

Frame = dict[str, Any]


def _echo(peer: JsonPeer, request: Frame) -> Frame:
    return {"echo": "echo", "text": request["text"], "session": peer.session.id}


def _count(peer: JsonPeer, request: Frame) -> Frame:
    return {"echo": "count", "sessions": peer.protocol.hub.session_count()}


REQUESTS = {"echo": Request("echo-request", _echo), "count": Request("count-request", _count)}
PUSHES = {Shutdown: lambda event: {"echo": "shutdown", "reason": event.reason}}


class EchoProtocol(JsonProtocol):
    """The echo protocol of one server."""

    name = "echo"
    type_key = "echo"
    requests = REQUESTS
    expected = "echo or count"
    peer = JsonPeer
    pushes = PUSHES


ERRORS: ErrorCatalog = {
    ANY: (
        *unreadable(unknown_type("echo", {"echo": "fly"}, EchoProtocol.expected), {"echo": "fly"}),
        *admission({"echo": "count"}),
    ),
    "echo-request": (against("echo-request", {"echo": "echo"}),),
    "count-request": (),
}

SPEC = ProtocolSpec(
    name="echo",
    title="The echo protocol",
    about="A WebSocket that echoes.",
    lead="JSON in text frames, each an object with an `echo`.",
    endpoints=(
        EndpointSpec(
            name="echo", address="/echo", title="The echo protocol", description="JSON in text frames."
        ),
    ),
    requests=("echo-request", "count-request"),
    make=EchoProtocol,
    encode_error=EchoProtocol.encode_error,
    opening='{"echo": "count"}',
    folder=Path(__file__).parent / "echo",
    error_catalog=ERRORS,
)
