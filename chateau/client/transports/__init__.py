"""Wires: connections to a server under test, whatever it does.

    wire = await open_connection("alice", Target("chateau", "ws://localhost:8888/ws"), entries.append)
    await wire.send(Opcode.TEXT, b'{"type": 1, "username": "alice"}')
    await wire.close()
    await wire.ended(5.0)

Everything that goes over a wire is told to ``on_entry``, in the order in which it does. A wire understands
frames and lines, not what they mean; that is for those who play, replay and record.
"""

from chateau.client.transports.connection import Connection, open_connection
from chateau.client.transports.errors import CannotConnect, ConnectionClosed, NotPossible, RequestFailed
from chateau.client.transports.event_stream import event_fields
from chateau.client.transports.http import Response, request, send_request
from chateau.client.transports.target import Target

__all__ = [
    "CannotConnect",
    "Connection",
    "ConnectionClosed",
    "NotPossible",
    "RequestFailed",
    "Response",
    "Target",
    "event_fields",
    "open_connection",
    "request",
    "send_request",
]
