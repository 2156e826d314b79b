"""ProtocolSpec: one value that defines a protocol.

The server, the reference, the API descriptions and the documentation iterate over the specs in
:mod:`chateau.protocols.catalog`. To add a protocol: write its module with a ``SPEC``, put its JSON Schemas
into ``schemas/NAME/``, and list the spec in the catalog.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

from chateau.protocols.schemas import schemas_folder

if TYPE_CHECKING:
    from pathlib import Path

    from chateau.hub.access import Privacy
    from chateau.hub.errors import HubError
    from chateau.hub.hub import Hub
    from chateau.hub.ports import Clock
    from chateau.protocols.error_catalog import ErrorCatalog
    from chateau.protocols.plugin_commands import Command
    from chateau.protocols.schemas import SchemaSet
    from chateau.protocols.transport import Broadcast

Transport = Literal["websocket", "http", "tcp"]
MessageKind = Literal["request", "response", "push"]

MESSAGE_KINDS: tuple[MessageKind, ...] = ("request", "response", "push")


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointSpec:
    """An address of a protocol, and which of the protocol's messages pass through it.

    *address* is a path, in which ``{name}`` stands for a channel's name. An endpoint with a *port_setting*
    has a port of its own, which that setting gives, and *greeting* is what the server prints in front of
    the port's address. *kinds* are the kinds of messages that have schemas; *unwritten* names messages
    that have none.
    """

    name: str
    title: str
    description: str
    address: str = "/"
    transport: Transport = "websocket"
    kinds: tuple[MessageKind, ...] = MESSAGE_KINDS
    unwritten: tuple[str, ...] = ()
    port_setting: str | None = None
    greeting: str = ""

    @property
    def is_path(self) -> bool:
        """Whether a WebSocket connects to this endpoint at a fixed path of the server's port."""
        return self.transport == "websocket" and self.port_setting is None and "{" not in self.address


@dataclass(slots=True)
class ServerAddress:
    """The host and port that the server listens on, as reported to clients. *port* is set after binding."""

    host: str = "127.0.0.1"
    port: int = 8765


@dataclass(frozen=True, kw_only=True)
class ProtocolContext:
    """What a protocol is made from: the hub, its schemas, its transport, and the settings.

    *broadcast* and *broadcast_binary* belong to the transport of the protocol's first endpoint.
    *max_rate* is in messages per second and connection (0 is unlimited), *max_frame* in bytes. *stop* shuts
    the server down in an orderly way, with a reason or None. *publish_password* is required to publish to
    channels, where it is set.
    """

    hub: Hub
    schemas: SchemaSet
    broadcast: Broadcast
    clock: Clock
    broadcast_binary: Broadcast = lambda _payload, _outboxes: None
    stop: Callable[[str | None], None] = lambda _reason: None
    max_rate: float = 0
    max_frame: int = 1_048_576
    server_name: str = "Chateau"
    command_prefix: str = "!"
    default_privacy: Privacy = "public"
    publish_password: str | None = None
    address: ServerAddress = field(default_factory=ServerAddress)
    plugins: Mapping[str, Command] = field(default_factory=dict)
    create_task: Callable[[Coroutine[Any, Any, None]], asyncio.Future[None]] = asyncio.ensure_future


@dataclass(frozen=True, kw_only=True)
class ProtocolSpec:
    """A protocol: its name and texts, its endpoints and schemas, how it is made, and how it can fail.

    *about* is its line in the index of the reference, *lead* the first paragraph of its page. *requests*
    are the schemas of its requests (for lines: the words of its commands), in the order in which they are
    documented. *make* builds the protocol: an :class:`~chateau.hub.ports.EventSink` which is also a
    :class:`~chateau.protocols.transport.Endpoint`, unless none of its addresses is a fixed path.
    *encode_error* returns the error response to a request, as a value to encode. *opening* is the frame that
    the reference's "Try it" sends first. *page* names the reference's own builder for a page that differs
    from that of a JSON protocol. *folder* is where the schemas are, ``schemas/NAME`` by default.
    *error_catalog* is ``ERRORS`` of the module ``chateau.protocols.NAME_errors`` by default.
    """

    name: str
    title: str
    about: str
    lead: str
    endpoints: tuple[EndpointSpec, ...]
    requests: tuple[str, ...]
    make: Callable[[ProtocolContext], Any]
    encode_error: Callable[[HubError, Any], dict[str, Any]] | None = None
    opening: str = ""
    page: str = ""
    folder: Path | None = None
    error_catalog: ErrorCatalog | None = None

    @property
    def schemas(self) -> Path:
        """The folder of the protocol's JSON Schemas."""
        return self.folder or schemas_folder() / self.name

    def load_errors(self) -> ErrorCatalog:
        """Return the catalog of errors, which is imported here: only the reference needs it."""
        if self.error_catalog is not None:
            return self.error_catalog
        catalog: ErrorCatalog = import_module(f"chateau.protocols.{self.name}_errors").ERRORS
        return catalog
