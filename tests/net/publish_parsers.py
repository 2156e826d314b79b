"""Parsers of publish requests without a server."""

from __future__ import annotations

from publishing_harness import broadcast, broadcast_binary

from chateau.net.host_policy import HostPolicy
from chateau.net.origin_policy import OriginPolicy
from chateau.net.publish_connection import PublishParser
from chateau.net.publish_handler import PublishEndpoint, remote_ip
from chateau.protocols.channels import ChannelsProtocol
from chateau.protocols.spec import ProtocolContext

MAX_BODY = 1_000


def new_parser() -> PublishParser:
    channels = ChannelsProtocol(
        ProtocolContext(
            hub=None,  # type: ignore[arg-type]
            schemas=None,  # type: ignore[arg-type]
            broadcast=broadcast,
            broadcast_binary=broadcast_binary,
            clock=lambda: 0.0,
            max_frame=MAX_BODY,
        )
    )
    endpoint = PublishEndpoint(
        channels,
        url_prefix="/api",
        address_of=remote_ip,
        origins=OriginPolicy(),
        hosts=HostPolicy(),
        clock=lambda: 0.0,
    )
    return PublishParser(endpoint)
