"""WebSocket frames of the client, encoded and decoded independently of the server's code.

Sent frames are not checked, so that a test can send anything; received frames are.
"""

from __future__ import annotations

from typing import NamedTuple

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
MASK = bytes.fromhex("a1b2c3d4")


def client_frame(
    opcode: int,
    payload: bytes = b"",
    *,
    final: bool = True,
    mask: bytes | None = MASK,
    reserved: int = 0,
    length_bytes: int | None = None,
    declared: int | None = None,
) -> bytes:
    """Return a frame as a client sends it.

    The length takes *length_bytes* more than its seven bits, as few as there can be by default, and
    is *declared* instead of the true one. *mask* None sends the payload as it is.
    """
    length = len(payload) if declared is None else declared
    if length_bytes is None:
        length_bytes = 0 if length < 126 else 2 if length < 65_536 else 8
    seven_bits = {0: length, 2: 126, 8: 127}[length_bytes]
    first = (0x80 if final else 0) | reserved << 4 | opcode
    second = (0 if mask is None else 0x80) | seven_bits
    head = bytes((first, second)) + (length.to_bytes(length_bytes) if length_bytes else b"")
    return head + payload if mask is None else head + mask + masked(payload, mask)


def masked(payload: bytes, mask: bytes) -> bytes:
    """Return *payload* under *mask*; masking twice returns the original."""
    stretched = (mask * (len(payload) // 4 + 1))[: len(payload)]
    return (int.from_bytes(payload) ^ int.from_bytes(stretched)).to_bytes(len(payload))


def text(content: str | bytes, *, final: bool = True) -> bytes:
    """Return a text frame of a client."""
    return client_frame(TEXT, content.encode() if isinstance(content, str) else content, final=final)


def close(code: int | None = None, reason: bytes = b"") -> bytes:
    """Return a close frame of a client."""
    return client_frame(CLOSE, b"" if code is None else code.to_bytes(2) + reason)


class ServerFrame(NamedTuple):
    """A frame that the server sent."""

    opcode: int
    payload: bytes

    @property
    def code(self) -> int | None:
        """The code of a close frame."""
        return int.from_bytes(self.payload[:2]) if self.payload else None

    @property
    def reason(self) -> str:
        """The reason of a close frame."""
        return self.payload[2:].decode()


def first_server_frame(data: bytes | bytearray | memoryview) -> tuple[ServerFrame, int] | None:
    """Return the first frame of *data* and its length; None if it is incomplete.

    The server sends no fragments, no reserved bits and no masks, and writes lengths in the fewest bytes.
    """
    if len(data) < 2:
        return None
    first, length, body = data[0], data[1], 2
    assert first & 0xF0 == 0x80, f"fragmented, or reserved bits: {first:#x}"
    assert first & 0xF in (TEXT, BINARY, CLOSE, PING, PONG), f"opcode {first & 0xF}"
    assert length < 128, "masked"
    if length >= 126:
        body = 4 if length == 126 else 10
        if len(data) < body:
            return None
        length = int.from_bytes(data[2:body])
        assert length >= (126 if body == 4 else 65_536), "a length in more bytes than it needs"
        assert first & 0x8 == 0, "a long control frame"
    if len(data) < body + length:
        return None
    return ServerFrame(first & 0xF, bytes(data[body : body + length])), body + length


def server_frames(data: bytes | bytearray) -> list[ServerFrame]:
    """Return the frames in *data*, which has nothing else."""
    frames, rest = [], memoryview(bytes(data))
    while rest:
        found = first_server_frame(rest)
        assert found is not None, f"{len(rest)} bytes of a frame that is not whole"
        frames.append(found[0])
        rest = rest[found[1] :]
    return frames
