"""The heads of HTTP requests: limits, targets, and the headers that say where a request goes. No I/O.

Tornado parses request lines and headers. Added here: limits that are checked before that, with an error for
each; and targets in all four forms of RFC 9112, section 3.2.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from tornado.httputil import HTTPHeaders, HTTPInputError, RequestStartLine, parse_request_start_line

from chateau.hub.errors import cut, quoted
from chateau.protocols.http_errors import HeadersTooLarge, InvalidRequest, TargetTooLong

_REQUEST_LINE_EXTRA = len("OPTIONS  HTTP/1.1\r\n")

_ABSOLUTE = re.compile(r"https?://([^/?#]*)(.*)", re.IGNORECASE | re.DOTALL)
_AUTHORITY = re.compile(r"[A-Za-z0-9._~%!$&'()*+,;=\-]+(:[0-9]*)?|\[[0-9A-Fa-f:.]+\](:[0-9]*)?")

ANY_TARGET = "*"
"""The target of a request about the server as a whole: ``OPTIONS * HTTP/1.1``."""


class HeadLimits(NamedTuple):
    """Maximum sizes of a request's head: the target and all of it in bytes, and the number of headers."""

    target: int = 8_192
    headers: int = 100
    head: int = 65_536


DEFAULT_LIMITS = HeadLimits()


def parse_head(data: bytes, limits: HeadLimits) -> tuple[RequestStartLine, HTTPHeaders]:
    """Return the first line and the headers of the head *data*, or of its beginning if it is too long.

    The target is in origin form (``/path?query``) or ``*``: of an absolute one (``http://host/path``), the
    host is in the header ``Host``, as RFC 9112, section 3.2.2, requires.

    Raises:
        TargetTooLong, HeadersTooLarge.
        InvalidRequest: it is not HTTP/1.
    """
    text = data.decode("latin-1").lstrip("\r\n")
    line, _, rest = text.partition("\n")
    line = line.removesuffix("\r")
    target = line.split(" ", 2)[1] if line.count(" ") > 1 else line[_REQUEST_LINE_EXTRA:]
    if len(target) > limits.target:
        raise TargetTooLong(limits.target)
    if len(data) > limits.head:
        raise HeadersTooLarge(f"The request's headers are too long; the maximum is {limits.head} bytes.")
    if rest.count("\n") > limits.headers + 1:  # the empty line is one more
        raise HeadersTooLarge(f"The request has too many headers; the maximum is {limits.headers}.")
    try:
        start_line = parse_request_start_line(line)
        headers = HTTPHeaders.parse(rest)
    except HTTPInputError as exc:
        raise InvalidRequest(f"This is not a valid request of HTTP/1.1: {cut(str(exc))}.") from exc
    return _in_origin_form(start_line, headers), headers


def _in_origin_form(start_line: RequestStartLine, headers: HTTPHeaders) -> RequestStartLine:
    """Return *start_line* with its target in origin form, and put the host of an absolute one in *headers*.

    A request with a wrong number of headers ``Host`` keeps them: it is rejected for that.
    """
    target = start_line.path
    if target.startswith("/") or (target == ANY_TARGET and start_line.method == "OPTIONS"):
        return start_line
    if start_line.method == "CONNECT":  # for its address there is a 405
        return start_line._replace(path=ANY_TARGET)
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is None or _AUTHORITY.fullmatch(absolute[1]) is None:
        raise InvalidRequest(f"The target {quoted(target)} is invalid; expected a path such as /ws.")
    if len(headers.get_list("Host")) == 1:
        headers["Host"] = absolute[1]
    path = absolute[2].partition("#")[0]
    return start_line._replace(path=path if path.startswith("/") else f"/{path}")
