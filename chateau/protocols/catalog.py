"""All protocols of the server, in the order in which they are listed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chateau.protocols import channels, chateau, functions, lines, opcodes

if TYPE_CHECKING:
    from chateau.protocols.spec import ProtocolSpec

ALL: tuple[ProtocolSpec, ...] = (chateau.SPEC, functions.SPEC, lines.SPEC, opcodes.SPEC, channels.SPEC)
