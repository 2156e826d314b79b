"""The harness of the channels protocol; see :mod:`harness`.

The room of a channel may have members of the chateau protocol. Pushes to subscribers are checked against
their schemas, events of a stream against the format, and receipts against the received publications.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from harness import PORT, ROOT, FakeCommit, Frame, LateCommits, read, schema_set, validators
from harness import Harness as GenericHarness
from listed_errors import checked_publish

from chateau.hub.errors import HubError
from chateau.hub.events import JoinRecord, Publication, StoredRecord
from chateau.hub.session import Session
from chateau.protocols.channels import BulkReceipt, ChannelsProtocol, Listener
from chateau.protocols.event_streams import EventStreams
from chateau.store.memory import MemoryStore

SCHEMAS = ROOT / "schemas" / "channels"
SCHEMA_SET = schema_set("channels")
VALIDATORS = validators(SCHEMA_SET)
PUBLISHER = "198.51.100.7"


def checked_push(payload: bytes) -> Frame:
    """Return the push in *payload*, after checking it against its schema."""
    frame = read(payload)
    VALIDATORS[f"{frame.get('event', 'message')}-push"].validate(frame)
    return frame


class ServerSent(NamedTuple):
    """One event, as a browser reads it."""

    kind: str
    content: str
    id: str | None  # None where the event did not set it


class Reader:
    """Parse an event stream as the WHATWG standard specifies, section 9.2.6, and reject what it tolerates."""

    def __init__(self) -> None:
        self.events: list[ServerSent] = []

    def feed(self, payload: bytes) -> None:
        """Read a payload, which is one whole event."""
        text = payload.decode("utf-8")
        assert text.endswith("\n\n"), payload
        assert "\r" not in text
        kind, content, id_ = "message", [], None
        *lines, _, _ = text.split("\n")
        for line in lines:
            name, colon, value = line.partition(":")
            assert colon, f"neither an empty line nor a field: {line!r}"
            value = value.removeprefix(" ")
            match name:
                case "event":
                    kind = value
                case "data":
                    content.append(value)
                case "id":
                    assert int(value) > 0
                    assert id_ is None
                    id_ = value
                case _:
                    raise AssertionError(f"no field of ours: {line!r}")
        assert content, "an event without data is never dispatched"
        self.events.append(ServerSent(kind, "\n".join(content), id_))


class Mailbox:
    """The texts and byte strings that one client received, in order, and how its connection ended."""

    def __init__(self) -> None:
        self.got: list[str | bytes] = []
        self.ends: list[tuple[int, str]] = []
        self.peer: Listener | None = None
        self.steps: Iterator[None] = iter(())  # that the peer still has to take
        self.charged = 0.0

    def charge(self, tokens: float) -> None:
        self.charged += tokens

    def send(self, payload: bytes) -> None:
        assert not self.ends, "nothing is sent behind the end"
        self.got.append(payload.decode("utf-8"))

    def send_binary(self, payload: bytes) -> None:
        assert not self.ends, "nothing is sent behind the end"
        assert type(payload) is bytes
        self.got.append(payload)

    def disconnect(self, code: int, reason: str) -> None:
        if not self.ends:
            self.ends.append((code, reason))
            if self.peer is not None:
                self.peer.on_close()

    def take(self) -> list[str | bytes]:
        """Return and remove what was received since the last call."""
        got, self.got = self.got, []
        return got

    def pushes(self) -> list[Frame]:
        """Return and remove the pushes received since the last call."""
        return [checked_push(payload.encode()) for payload in self.take() if isinstance(payload, str)]

    def server_sent(self) -> list[ServerSent]:
        """Return and remove the events received since the last call."""
        reader = Reader()
        for payload in self.take():
            assert isinstance(payload, str)
            reader.feed(payload.encode())
        for event in reader.events:
            if event.kind == "bytes":
                b64decode(event.content, validate=True)
            elif event.kind == "member":
                assert "event" not in checked_push(event.content.encode())
            elif event.kind != "message":
                assert checked_push(event.content.encode())["event"] == event.kind
        return reader.events


class LateStore(LateCommits):
    """A store for publications, whose commits the test completes."""

    def __init__(self) -> None:
        super().__init__(channel_history=1_000)

    def append(self, key: str, record: StoredRecord) -> FakeCommit | None:  # type: ignore[override]
        commit = super().append(key, record)
        if isinstance(record, Publication):
            return commit
        if commit is not None:
            self.commits.remove(commit)
        return None


class Failing(MemoryStore):
    """A store that accepts the first *good* publications only; reading may fail too."""

    def __init__(self, error: Exception, *, good: int = 0, can_read: bool = True) -> None:
        super().__init__(channel_history=1_000)
        self._error = error
        self._good = good
        self._can_read = can_read

    def append(self, key: str, record: StoredRecord) -> None:
        if not isinstance(record, JoinRecord):
            self._good -= 1
            if self._good < 0:
                raise self._error
        super().append(key, record)

    def read(self, *arguments: Any, **options: Any) -> Any:
        if not self._can_read:
            raise self._error
        return super().read(*arguments, **options)


class Harness(GenericHarness):
    """A server of the channels protocol, which stores publications if *history* is not 0."""

    schemas = SCHEMA_SET
    make = ChannelsProtocol

    def __init__(
        self,
        *,
        password: str | None = None,
        history: int = 0,
        store: MemoryStore | None = None,
        kept_bytes: int = 1_048_576,
        **options: Any,
    ) -> None:
        super().__init__(
            store=store or MemoryStore(channel_history=history),
            stores_publications=history > 0 or store is not None,
            publish_password=password,
            **options,
        )
        self.channels = self.protocol
        self.streams = EventStreams(self.hub, broadcast=self._broadcast, kept_bytes=kept_bytes)

    def subscribe(self, channel: str, address: str = "192.0.2.1") -> Mailbox:
        """Connect a subscriber by WebSocket."""
        return self._opened(self.channels.endpoint(channel), address)

    def stream(self, channel: str, last: str | None = None, address: str = "192.0.2.2") -> Mailbox:
        """Connect a subscriber by event stream that has received the event *last*, and let it catch up."""
        mailbox = self.stream_in_steps(channel, last, address)
        for _ in mailbox.steps:
            pass
        return mailbox

    def stream_in_steps(self, channel: str, last: str | None = None, address: str = "192.0.2.2") -> Mailbox:
        """Connect the same, which takes the steps that the test takes."""
        return self._opened(self.streams.endpoint(channel, last), address)

    def member(self, name: str, room: str) -> Session:
        """Connect a member of *room* that uses the chateau protocol."""
        return self.connect_other(name, room=room)

    def publish(self, channel: str, kind: str | None, payload: bytes, **options: Any) -> Any:
        """Publish from another address."""
        with checked_publish("package-request"):
            return self.channels.publish(
                channel, kind, payload, **({"address": PUBLISHER, "client": self} | options)
            )

    def broadcast(self, body: object, **options: Any) -> BulkReceipt:
        """Publish a bulk body: bytes as they are, else as JSON."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        with checked_publish("broadcast-request"):
            return self.channels.broadcast_all(raw, **({"address": PUBLISHER, "client": self} | options))

    def _opened(self, endpoint: Any, address: str) -> Mailbox:
        mailbox = Mailbox()
        mailbox.peer = endpoint.open(mailbox, address, PORT)
        mailbox.steps = iter(mailbox.peer.on_open() or ())
        return mailbox

    def _next_id(self) -> tuple[str, str]:
        self.stamped = self.stamped % 1_499 + 1
        return super()._next_id()


def code_of(error: HubError) -> str:
    """Return the code of an error, after checking that its text is one sentence."""
    sentence = str(error)
    assert 0 < len(sentence) <= 300, sentence
    assert sentence.endswith("."), sentence
    return error.code


CODES = frozenset(
    (
        "access_denied",
        "banned",
        "invalid_json",
        "invalid_message",
        "invalid_name",
        "not_an_object",
        "too_large",
        "unavailable",
        "unknown_type",
    )
)
"""Why a publish may be refused."""


def outcome(attempt: Callable[[], object]) -> str:
    """Return ``published``, or the code of the error."""
    try:
        attempt()
    except HubError as error:
        return code_of(error)
    return "published"
