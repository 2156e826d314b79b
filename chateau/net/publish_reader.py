"""Reading publishes: plain HTTP/1.1 requests, many in one read, without I/O.

Plain means: a POST that the desk knows, with a ``Content-Length`` within bounds, no header twice, and
nothing about how the connection or the body is to be handled. Whatever else comes, right or wrong, is
left unread, from its first byte on, for Tornado.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from tornado.httputil import HTTPHeaders

from chateau.net.publish_desk import body_length, header

if TYPE_CHECKING:
    from chateau.net.publish_desk import Errand, PublishDesk

HEAD_BYTES = 16_384
"""Bytes of a request's head at most; Tornado takes longer ones."""

_HEAD_END = b"\r\n\r\n"
_LENIENT_HEAD_END = re.compile(rb"\n\r?\n")
_HEAD = re.compile(
    rb"POST ([!-~]+) HTTP/1\.1((?:\r\n[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t -~\x80-\xff]*)+)"  # RFC 9112
)
_SPECIAL = ("Transfer-Encoding", "Expect", "Upgrade")


class Publish(NamedTuple):
    """One request, whole."""

    errand: Errand
    headers: HTTPHeaders
    body: bytes


class _Head(NamedTuple):
    errand: Errand
    headers: HTTPHeaders
    length: int  # of the body


class PublishReader:
    """Reads what one connection brings. *rest* is what it leaves to others, once there is such."""

    __slots__ = ("_desk", "_have", "_pieces", "_wanted", "rest")

    def __init__(self, desk: PublishDesk) -> None:
        self._desk = desk
        self._pieces: list[bytes] = []  # of what is not read yet
        self._have = 0  # bytes of them
        self._wanted = 0  # bytes without which there is nothing new to read
        self.rest: bytes | None = None

    def feed(self, data: bytes) -> list[Publish]:
        """The publishes that *data*, behind what came before it, completes."""
        if self.rest is not None:
            self.rest += data
            return []
        self._pieces.append(data)
        self._have += len(data)
        return self._read() if self._have >= self._wanted else []

    def _read(self) -> list[Publish]:
        data = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        found: list[Publish] = []
        at = 0
        while at < len(data):
            end = data.find(_HEAD_END, at)
            if end < 0:
                if self._is_hopeless(data, at):
                    break
                self._keep(data, at, wanted=1 + len(data) - at)
                return found
            head = self._head(data[at:end]) if end - at <= HEAD_BYTES else None
            if head is None:
                break
            begin = end + len(_HEAD_END)
            end = begin + head.length
            if end > len(data):
                self._keep(data, at, wanted=end - at)
                return found
            found.append(Publish(head.errand, head.headers, data[begin:end]))
            at = end
        else:
            self._keep(data, at, wanted=0)
            return found
        self._pieces.clear()
        self.rest = data[at:]
        return found

    def _keep(self, data: bytes, at: int, *, wanted: int) -> None:
        self._pieces = [data[at:]] if at < len(data) else []
        self._have = len(data) - at
        self._wanted = wanted

    def _is_hopeless(self, data: bytes, at: int) -> bool:
        """Whether what begins at *at* and has no end can be no head of a publish."""
        if len(data) - at >= HEAD_BYTES + len(_HEAD_END) or not b"POST ".startswith(data[at : at + 5]):
            return True
        return _LENIENT_HEAD_END.search(data, at) is not None

    def _head(self, head: bytes) -> _Head | None:
        """The request's *head*, read; None where it is not plain."""
        match = _HEAD.fullmatch(head)
        if match is None:
            return None
        target, lines = match.groups()
        errand = self._desk.errand("POST", target.decode())
        headers = _headers(lines.decode("latin-1"))
        if errand is None or headers is None:
            return None
        length = body_length(headers)
        if length is None or length > self._desk.max_body:
            return None
        return _Head(errand, headers, length)


def _headers(lines: str) -> HTTPHeaders | None:
    """The headers in *lines*, each begun by a line's end; None where one is there twice, or not plain."""
    headers = HTTPHeaders()
    for line in lines[2:].split("\r\n"):
        name, _, value = line.partition(":")
        if name in headers:
            return None
        headers[name] = value.strip(" \t")
    if any(name in headers for name in _SPECIAL) or "Host" not in headers:
        return None
    connection = header(headers, "Connection")
    return headers if connection is None or connection.lower() == "keep-alive" else None
