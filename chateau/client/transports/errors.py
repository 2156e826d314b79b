"""What can go wrong with a wire, each as one plain sentence."""

import re
from http import HTTPStatus

SHOWN_CHARACTERS = 200  # of what a server said when it refused
_STATUS_LINE = re.compile(rb"HTTP/\d(?:\.\d)? (\d{3})\b")


class CannotConnect(Exception):
    """There is no connection; ``status`` is the HTTP status that refused it, where one did."""

    def __init__(self, url: str, reason: str, status: int | None = None) -> None:
        super().__init__(f"cannot connect to {url}: {reason}")
        self.reason = reason
        self.status = status


class ConnectionClosed(Exception):
    """Nothing can be sent any more."""


class NotPossible(ConnectionClosed):
    """This kind of wire cannot do that, open or not."""


class RequestFailed(Exception):
    """The server took an HTTP request and did not give a whole answer."""


class Refused(Exception):
    """A handshake failed; :func:`open_connection` makes :class:`CannotConnect` of it."""

    def __init__(self, reason: str, status: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status


def refusal(status: int, body: bytes) -> Refused:
    """The server said no, in HTTP."""
    said = body.decode("utf-8", "backslashreplace").strip()[:SHOWN_CHARACTERS]
    words = status_words(status)
    return Refused(f"the server answers {words if said in {'', words} else f'{words}: {said}'}", status)


def refusal_in(heard: bytes) -> Refused | None:
    """The refusal that the beginning of an HTTP answer is, where it is one."""
    if (found := _STATUS_LINE.match(heard)) is None or (status := int(found[1])) < 200:
        return None
    return refusal(status, heard.partition(b"\r\n\r\n")[2])


def status_words(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def excerpt(payload: bytes, characters: int = 60) -> str:
    """The beginning of what came, for a sentence about it."""
    text = payload[: 4 * characters].decode("utf-8", "backslashreplace")
    return repr(text if len(text) <= characters else text[:characters] + "…")
