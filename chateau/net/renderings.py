"""The address ``/renderings``: a frame comes in by POST, and goes out as each of the protocols writes it.

What they write is made in :mod:`chateau.reference.translations`; here it gets the bytes around it, by the
framings that the connections use. Nothing is sent to anybody else, and nothing is kept.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from tornado.web import stream_request_body

from chateau.hub.errors import HubError
from chateau.net.frames import masked_text_frame
from chateau.net.framing import EVENT_STREAM, LINES, WEBSOCKET
from chateau.net.page import Page
from chateau.net.publish_desk import bytes_of, date_line, refusal
from chateau.protocols import chateau
from chateau.protocols.errors import InvalidJson, TooLarge
from chateau.protocols.json_text import encode
from chateau.reference.encoded_frames import TargetServer

if TYPE_CHECKING:
    from collections.abc import Callable

    from chateau.reference.encoded_frames import EncodedFrame
    from chateau.reference.translations import Translation, Translator

BODY_BYTES = 65_536
"""Bytes that a frame may have here."""

DRAINED = 16
"""How many times that is read and dropped of a body that is too long, so that its sender reads the answer."""

MASKING_KEY = bytes.fromhex("37fa213d")
"""That of RFC 6455's own example (section 5.7)."""

MASKED = (
    "The masking key, 37 fa 21 3d, is that of RFC 6455's example: a client takes a new one for each frame."
)

FRAMINGS: dict[tuple[str | None, str | None], Callable[[bytes], bytes]] = {
    ("WebSocket", "server"): WEBSOCKET.text,
    ("WebSocket", "client"): lambda payload: masked_text_frame(payload, MASKING_KEY),
    ("TCP", "server"): LINES.text,
    ("TCP", "client"): lambda payload: payload + b"\n",
    ("server-sent events", "server"): EVENT_STREAM.text,
    ("HTTP", "server"): bytes,  # whole as they are
    ("HTTP", "client"): bytes,
}
"""What puts a writing into its frame, by wire and by who writes it."""


FAILURES = {405: ("unknown_type", "This address takes the method POST.")}
"""What is said of a request that is not looked at, by its status."""


def http_refusal(error: HubError) -> bytes:
    """The answer to a publish that is refused with *error* now."""
    return bytes_of(refusal(error), date_line(int(time.time())))


def shown(rendering: Translation) -> dict[str, Any]:
    """*rendering* as it is answered."""
    return {
        "event": rendering.event,
        "kind": rendering.kind,
        "writings": [_shown(writing) for writing in rendering.frames],
    }


def _shown(writing: EncodedFrame) -> dict[str, Any]:
    protocol, group, who, payload, note = writing
    told: dict[str, Any] = {"protocol": protocol, "wire": group, "who": who}
    if payload is None:
        told |= {"text": None, "hex": None, "head": 0, "tail": 0}
    else:
        framed = FRAMINGS[group, who](payload)
        around = len(framed) - len(payload)
        head, tail = (0, around) if group == "TCP" else (around, 0)
        told |= {"text": payload.decode(), "hex": framed.hex(), "head": head, "tail": tail}
    if (group, who) == ("WebSocket", "client"):
        note = f"{note} {MASKED}" if note else MASKED
    return told if note is None else told | {"note": note}


@stream_request_body
class RenderingsPage(Page):
    """Renders the frame in the body of a POST."""

    def initialize(self, renderer: Translator, url_prefix: str, command_prefix: str) -> None:
        self._renderer = renderer
        self._url_prefix = url_prefix
        self._command_prefix = command_prefix
        self._chunks: list[bytes] = []
        self._size = 0

    def prepare(self) -> None:
        """Take a body of any length, but look at no long one."""
        self.request.connection.set_max_body_size(2**62)  # type: ignore[union-attr]
        declared = self.request.headers.get("Content-Length", "")
        if declared.isdecimal() and (len(declared) > 18 or int(declared) > BODY_BYTES * DRAINED):
            self._refuse(413, _too_large())

    def data_received(self, chunk: bytes) -> None:
        """Keep what may be a frame."""
        self._size += len(chunk)
        if self._size <= BODY_BYTES:
            self._chunks.append(chunk)
        elif self._size > BODY_BYTES * DRAINED:
            self._refuse(413, _too_large())  # nothing comes here any more, and the connection ends

    def post(self) -> None:
        if self._size > BODY_BYTES:
            self._refuse(413, _too_large())
            return
        place = TargetServer(self.request.host, self._url_prefix, self._command_prefix)
        try:
            rendering = self._renderer.translate(_text(b"".join(self._chunks)), place)
        except HubError as error:
            self._refuse(400, error)
        else:
            self._finish_with(shown(rendering))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Say in JSON what is wrong with a request that is no POST, or that failed."""
        if status_code == 405:
            self.set_header("Allow", "POST")
        code, sentence = FAILURES.get(status_code, ("internal", "The server failed; its log says how."))
        self._finish_with({"status": status_code, "code": code, "error": sentence})

    def _refuse(self, status: int, error: HubError) -> None:
        self.set_status(status)
        self._finish_with(chateau.error_response(error, {}) | {"status": status})

    def _finish_with(self, answer: dict[str, Any]) -> None:
        self.set_header("Content-Type", "application/json")
        self.set_header("Cache-Control", "no-store")
        self.finish(encode(answer))


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as exc:
        raise InvalidJson("it is not UTF-8") from exc


def _too_large() -> TooLarge:
    return TooLarge(f"A frame may have {BODY_BYTES} bytes here.")
