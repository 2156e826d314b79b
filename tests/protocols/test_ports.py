"""Every implementation of a port has its methods, with the same parameters."""

from __future__ import annotations

import inspect

import pytest

from chateau.hub import ports
from chateau.net.connection import Connection, SocketConnection
from chateau.net.poller import EpollPoller, LoopPoller, Poller, Watched
from chateau.protocols import transport
from chateau.protocols.channels import ChannelEndpoint, ChannelsProtocol
from chateau.protocols.channels import Listener as ChannelPeer
from chateau.protocols.chateau import ChateauPeer, ChateauProtocol
from chateau.protocols.event_streams import EventStreamEndpoint, EventStreams
from chateau.protocols.functions import FunctionsPeer, FunctionsProtocol
from chateau.protocols.lines import LinesPeer, LinesProtocol
from chateau.protocols.opcodes import OpcodesPeer, OpcodesProtocol
from chateau.store.memory import MemoryStore
from chateau.store.sqlite import SqliteStore
from chateau.store.sqlite_state import Commit

FILLED = [
    (transport.Outbox, Connection),
    *((transport.Peer, peer) for peer in (ChateauPeer, FunctionsPeer, LinesPeer, OpcodesPeer, ChannelPeer)),
    (transport.LinePeer, LinesPeer),
    *(
        (transport.Endpoint, endpoint)
        for endpoint in (
            ChateauProtocol,
            FunctionsProtocol,
            LinesProtocol,
            OpcodesProtocol,
            ChannelEndpoint,
            EventStreamEndpoint,
        )
    ),
    *(
        (ports.EventSink, protocol)
        for protocol in (
            ChateauProtocol,
            FunctionsProtocol,
            LinesProtocol,
            OpcodesProtocol,
            ChannelsProtocol,
            EventStreams,
        )
    ),
    (ports.Store, MemoryStore),
    (ports.Store, SqliteStore),
    (ports.Commit, Commit),
    (Poller, EpollPoller),
    (Poller, LoopPoller),
    (Watched, SocketConnection),
]


@pytest.mark.parametrize(("port", "backend"), FILLED, ids=lambda kind: kind.__name__)
def test_backend_has_every_method_of_its_port(port: type, backend: type) -> None:
    named = {
        name: method for name, method in vars(port).items() if inspect.isfunction(method) and name[0] != "_"
    }

    assert named
    for name, method in named.items():
        assert list(inspect.signature(getattr(backend, name)).parameters) == list(
            inspect.signature(method).parameters
        )
