"""Connections to a server under test, which may send anything.

    connection = await open_connection("alice", Target("chateau", "ws://localhost:8888/ws"), entries.append)
    await connection.send(Opcode.TEXT, b'{"type": 1, "username": "alice"}')
    await connection.close()
    await connection.wait_closed(5.0)

Every frame is reported to ``on_entry``, in the order on the wire. A connection decodes frames and lines, not
their meaning. The libraries of a transport are imported when a connection needs them.
"""

from chateau.client.transports.connection import Connection, open_connection
from chateau.client.transports.framing import event_fields
from chateau.client.transports.target import (
    CannotConnect,
    ConnectionClosed,
    NotPossible,
    RequestFailed,
    Target,
)

__all__ = [
    "CannotConnect",
    "Connection",
    "ConnectionClosed",
    "NotPossible",
    "RequestFailed",
    "Target",
    "event_fields",
    "open_connection",
]
