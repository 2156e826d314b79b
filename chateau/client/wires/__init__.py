"""Wires: connections to a server under test, whatever it does.

    wire = await open_wire("alice", Target("chateau", "ws://localhost:8888/ws"), entries.append)
    await wire.send(Opcode.TEXT, b'{"type": 1, "username": "alice"}')
    await wire.close()
    await wire.ended(5.0)

Everything that goes over a wire is told to ``on_entry``, in the order in which it does. A wire understands
frames and lines, not what they mean; that is for those who play, replay and record.
"""

from chateau.client.wires.errors import CannotConnect, NotPossible, RequestFailed, WireClosed
from chateau.client.wires.event_stream import event_fields
from chateau.client.wires.http import Response, request, send_request
from chateau.client.wires.target import Target
from chateau.client.wires.wire import Wire, open_wire

__all__ = [
    "CannotConnect",
    "NotPossible",
    "RequestFailed",
    "Response",
    "Target",
    "Wire",
    "WireClosed",
    "event_fields",
    "open_wire",
    "request",
    "send_request",
]
