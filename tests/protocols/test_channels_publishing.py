"""Publishing to a channel: formats, recipients, passwords, idempotency keys and bulk bodies."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest
from channels_harness import CODES, PUBLISHER, SCHEMA_SET, Failing, Harness, LateStore, code_of, outcome
from harness import check_sentence
from hypothesis import given
from hypothesis import strategies as st

from chateau.hub.errors import HubError, Unavailable
from chateau.hub.events import RoomMessage
from chateau.protocols import costs

TEXT = b"Hello world"

NAMES = [
    pytest.param("test-channel", "test-channel", id="as it is"),
    pytest.param("Test-Channel", "test-channel", id="lower-cased"),
    pytest.param(" test-channel\t\n", "test-channel", id="trimmed"),
    pytest.param("room_1_2", "room:1:2", id="with colons for underscores"),
    pytest.param("ROOM_1", "room_1", id="all of that on both sides"),
    pytest.param("ÉTÉ", "été", id="beyond ASCII"),
]


@pytest.mark.parametrize(("published", "subscribed"), NAMES)
def test_channel_is_found_in_any_spelling(published: str, subscribed: str) -> None:
    harness = Harness()
    protocol = harness.subscribe(subscribed)

    receipt = harness.publish(published, "text", TEXT)

    assert protocol.take() == ["Hello world"]
    assert receipt.delivered == 1


def test_publication_reaches_only_subscribers_of_its_channel() -> None:
    harness = Harness()
    first, second, other = harness.subscribe("a"), harness.subscribe("a"), harness.subscribe("b")

    assert harness.publish("a", "text", TEXT).delivered == 2

    assert (first.take(), second.take(), other.take()) == (["Hello world"], ["Hello world"], [])


def test_publishing_to_an_empty_channel_leaves_no_state() -> None:
    harness = Harness()

    assert harness.publish("a", "text", TEXT).delivered == 0

    assert harness.hub.room_summaries() == []


KINDS = [
    pytest.param(None, "hi", id="no header is text"),
    pytest.param("text", "hi", id="text"),
    pytest.param("Text", "hi", id="Text, as the seed writes it"),
    pytest.param(" TEXT ", "hi", id="shouted, with spaces"),
    pytest.param("bytes", b"hi", id="bytes"),
    pytest.param("BYTES", b"hi", id="BYTES"),
]


@pytest.mark.parametrize(("header", "got"), KINDS)
def test_content_type_is_case_insensitive(header: str | None, got: object) -> None:
    harness = Harness()
    protocol = harness.subscribe("a")

    harness.publish("a", header, b"hi")

    assert protocol.take() == [got]


AS_SENT = [
    pytest.param("text", b"", id="the empty text"),
    pytest.param("text", "zażółć 𝄞 \0 \u2028".encode(), id="any characters"),
    pytest.param("text", b"\xef\xbb\xbfmarked", id="a byte order mark"),
    pytest.param("text", b'{"a": 1, "a": 2}', id="text that looks like JSON"),
    pytest.param("json", b'{"a":1,"a":2}', id="JSON with a key twice"),
    pytest.param("json", b' {\n\t"a" :  1.50 }\r\n ', id="JSON with white space"),
    pytest.param("json", b"-0.0", id="a negative zero"),
    pytest.param("json", b"1e2", id="a number with an exponent"),
    pytest.param("json", b"12345678901234567890123456789012345678901234567890", id="an integer of 50 digits"),
    pytest.param("json", b"0.1000000000000000055511151231257827", id="more digits than a double has"),
    pytest.param("json", rb'"\u00e9\/\ud834\udd1e"', id="escapes"),
    pytest.param("json", b"null", id="null"),
    pytest.param("json", b'""', id="an empty string"),
    pytest.param("json", b"[" * 1_000 + b"]" * 1_000, id="deep nesting"),
    pytest.param("bytes", b"", id="no bytes at all"),
    pytest.param("bytes", bytes(range(256)), id="every byte"),
]


@pytest.mark.parametrize(("kind", "payload"), AS_SENT)
def test_publication_is_delivered_unchanged(kind: str, payload: bytes) -> None:
    harness = Harness()
    protocol = harness.subscribe("a")

    harness.publish("a", kind, payload)

    assert protocol.take() == [payload if kind == "bytes" else payload.decode()]


REFUSED = [
    pytest.param("a", "text", b"\xff", "invalid_message", id="text that is not UTF-8"),
    pytest.param("a", "text", b"\xed\xa0\x80", "invalid_message", id="a surrogate in UTF-8"),
    pytest.param("a", "json", b"", "invalid_json", id="no JSON at all"),
    pytest.param("a", "json", b"{", "invalid_json", id="half an object"),
    pytest.param("a", "json", b"{} {}", "invalid_json", id="two values"),
    pytest.param("a", "json", b"NaN", "invalid_json", id="NaN"),
    pytest.param("a", "json", b"-Infinity", "invalid_json", id="infinity"),
    pytest.param("a", "json", b"1e400", "invalid_json", id="a number beyond a double"),
    pytest.param("a", "json", b"01", "invalid_json", id="a leading zero"),
    pytest.param("a", "json", rb'"\ud800"', "invalid_json", id="half a surrogate pair"),
    pytest.param("a", "json", b"\xef\xbb\xbf{}", "invalid_json", id="a byte order mark"),
    pytest.param("a", "json", b'"\xff"', "invalid_json", id="JSON that is not UTF-8"),
    pytest.param("a", "json", '"a"'.encode("utf-16"), "invalid_json", id="UTF-16"),
    pytest.param("a", "json", b"[" * 1_100 + b"]" * 1_100, "invalid_json", id="nesting without an end"),
    pytest.param("a", "xml", b"<a/>", "unknown_type", id="a kind that nobody knows"),
    pytest.param("a", "", b"", "unknown_type", id="an empty kind"),
    pytest.param("a", "text,json", b"{}", "unknown_type", id="two kinds"),
    pytest.param("a", "x" * 1_000, b"", "unknown_type", id="a kind too long to quote"),
    pytest.param("", "text", b"", "invalid_name", id="no name"),
    pytest.param(" \t ", "text", b"", "invalid_name", id="a name of spaces"),
    pytest.param("a" * 65, "text", b"", "invalid_name", id="a name too long"),
    pytest.param("a\0b", "text", b"", "invalid_name", id="a control character in the name"),
    pytest.param("a\u200bb", "text", b"", "invalid_name", id="an invisible character in the name"),
]


@pytest.mark.parametrize(("name", "kind", "payload", "code"), REFUSED)
def test_invalid_publication_is_rejected_and_not_delivered(
    name: str, kind: str, payload: bytes, code: str
) -> None:
    harness = Harness()
    protocol = harness.subscribe("a")

    with pytest.raises(HubError) as refused:
        harness.publish(name, kind, payload)

    assert code_of(refused.value) == code
    check_sentence(str(refused.value), name + kind + payload.decode("latin-1"))
    assert protocol.take() == []


def test_publication_longer_than_a_frame_is_rejected() -> None:
    harness = Harness(max_frame=10)
    protocol = harness.subscribe("a")

    harness.publish("a", "text", b"x" * 10)
    with pytest.raises(HubError) as refused:
        harness.publish("a", "text", b"x" * 11)
    with pytest.raises(HubError) as refused_bulk:
        harness.broadcast(b'{"a": []}   ')

    assert code_of(refused.value) == code_of(refused_bulk.value) == "too_large"
    assert protocol.take() == ["x" * 10]


# Access


@pytest.mark.parametrize("password", [None, "", "Swordfish", "swordfish ", "pässwort\0", "swordfis"])
def test_missing_or_wrong_password_is_rejected(password: str | None) -> None:
    harness = Harness(password="swordfish")
    protocol = harness.subscribe("a")

    with pytest.raises(HubError) as refused:
        harness.publish("a", "text", TEXT, password=password)
    with pytest.raises(HubError) as refused_bulk:
        harness.broadcast({"a": [{"text": "hi"}]}, password=password)

    assert code_of(refused.value) == code_of(refused_bulk.value) == "access_denied"
    assert protocol.take() == []


def test_publishing_with_the_correct_password_succeeds() -> None:
    harness = Harness(password="pässwort")
    protocol = harness.subscribe("a")

    harness.publish("a", "text", TEXT, password="pässwort")
    harness.broadcast({"a": [{"text": "hi"}]}, password="pässwort")

    assert protocol.take() == ["Hello world", "hi"]


def test_server_without_a_password_accepts_any_password() -> None:
    harness = Harness()

    assert harness.publish("a", "text", TEXT, password="anything").delivered == 0


def test_banned_address_cannot_publish_until_unbanned() -> None:
    harness = Harness()
    protocol = harness.subscribe("a")
    harness.hub.access.ban("198.51.100.0/24")

    for attempt in (
        lambda: harness.publish("a", "text", TEXT),
        lambda: harness.broadcast({"a": [{"text": "hi"}]}),
    ):
        with pytest.raises(HubError) as refused:
            attempt()
        assert code_of(refused.value) == "banned"
    harness.hub.access.unban("198.51.100.0/24")
    harness.publish("a", "text", TEXT)

    assert protocol.take() == ["Hello world"]


@pytest.mark.parametrize("how", ["close", "lock"])
def test_closed_or_locked_room_rejects_publications(how: str) -> None:
    harness = Harness()
    harness.member("alice", "lobby")
    if how == "close":
        harness.hub.rooms.close("lobby")
    else:
        harness.hub.rooms.lock("lobby", "swordfish")

    with pytest.raises(HubError) as refused:
        harness.publish("lobby", "text", TEXT)

    assert code_of(refused.value) == "access_denied"


# Members of the room


CHATTED = [
    pytest.param("text", "zażółć".encode(), "zażółć", id="text as it is"),
    pytest.param("json", b'{"a" : 1}', '{"a" : 1}', id="JSON as its text"),
    pytest.param("bytes", b"\x00\xff", b64encode(b"\x00\xff").decode(), id="bytes in base64"),
]


@pytest.mark.parametrize(("kind", "payload", "content"), CHATTED)
def test_members_receive_a_publication_as_a_message_from_channel(
    kind: str, payload: bytes, content: str
) -> None:
    harness = Harness()
    harness.member("alice", "lobby")

    assert harness.publish("lobby", kind, payload).delivered == 1

    message = harness.other.events[-1].as_message()  # type: ignore[union-attr]
    assert isinstance(message, RoomMessage)
    assert (message.sender, message.room, message.content) == ("channel", "lobby", content)
    assert message.seq > 0


# Idempotency keys and storage


def test_repeated_idempotency_key_returns_the_first_response_and_delivers_once() -> None:
    harness = Harness()
    protocol = harness.subscribe("a")

    first = harness.publish("a", "text", b"once", key="k")
    harness.subscribe("a")
    second = harness.publish("A ", "json", b'"other"', key="k")

    assert second == first
    assert protocol.take() == ["once"]


def test_idempotency_key_is_per_channel_and_expires_after_five_minutes() -> None:
    harness = Harness()
    first, second = harness.subscribe("a"), harness.subscribe("b")

    harness.publish("a", "text", b"1", key="k")
    harness.publish("b", "text", b"2", key="k")
    harness.clock.advance(300)
    harness.publish("a", "text", b"3", key="k")

    assert (first.take(), second.take()) == (["1", "3"], ["2"])


@pytest.mark.parametrize("key", ["", "k" * 201])
def test_idempotency_key_has_1_to_200_characters(key: str) -> None:
    harness = Harness()

    with pytest.raises(HubError) as refused:
        harness.publish("a", "text", TEXT, key=key)
    with pytest.raises(HubError) as refused_bulk:
        harness.broadcast({"a": []}, key=key)

    assert code_of(refused.value) == code_of(refused_bulk.value) == "invalid_message"
    assert harness.publish("a", "text", TEXT, key="k" * 200).delivered == 0


def test_stored_publication_returns_its_commit() -> None:
    store = LateStore()
    harness = Harness(store=store)

    receipt = harness.publish("a", "text", TEXT)

    assert receipt.commit is store.commits[0]


def test_publication_that_cannot_be_stored_is_rejected() -> None:
    harness = Harness(store=Failing(Unavailable("It cannot be stored now.")))
    protocol = harness.subscribe("a")

    with pytest.raises(Unavailable):
        harness.publish("a", "text", TEXT)

    assert protocol.take() == []


# Bulk bodies

SEED = {
    "room:1": [{"text": "Hi all"}],
    "user:22": [{"json": {"notification": "You've got new friend"}}],
    "video:stream": [{"bytes": "\x031\x032\x033..."}, {"bytes": "\x031\x032\x033..."}],
}


def test_bulk_body_of_the_seed_reaches_all_its_channels() -> None:
    harness = Harness()
    room, user, video = (
        harness.subscribe("room:1"),
        harness.subscribe("user_22"),
        harness.subscribe("video:stream"),
    )
    second = harness.subscribe("video:stream")

    receipt = harness.broadcast(SEED)

    assert receipt == (1 + 1 + 2 + 2, None)
    assert room.take() == ["Hi all"]
    assert user.take() == ['{"notification": "You\'ve got new friend"}']
    assert video.take() == second.take() == [b"\x031\x032\x033...", b"\x031\x032\x033..."]


def test_bulk_publications_keep_the_order_of_the_body_across_spellings() -> None:
    harness = Harness()
    protocol = harness.subscribe("a:b")

    harness.broadcast(
        b'{"a_b": [{"text": "1"}, {"json": 2}], "x": [], "A:B": [{"bytes": "3"}, {"text": "4"}]}'
    )

    assert protocol.take() == ["1", "2", b"3", "4"]


JSON_AS_WRITTEN = [
    '{"a":1,"a":2}',
    '{"a" :\t[1 ,2 ]\n}',
    "-0.0",
    "1E+2",
    "123456789012345678901234567890",
    "0.30000000000000004441",
    r'"\u00e9\/\"]}"',
    '"]}"',
    "[]",
    "{}",
    "null",
    "true",
    "[[[[{}]]]]",
]


@pytest.mark.parametrize("value", JSON_AS_WRITTEN)
@pytest.mark.parametrize("space", ["", " \t\r\n"])
def test_json_value_in_a_bulk_body_is_delivered_unchanged(value: str, space: str) -> None:
    harness = Harness()
    protocol = harness.subscribe("a")
    package = space.join(["{", '"json"', ":", value, "}"])

    harness.broadcast(space.join(["", "{", '"a"', ":", "[", package, ",", package, "]", "}", ""]).encode())

    assert protocol.take() == [value, value]


def test_bulk_body_can_contain_every_byte() -> None:
    harness = Harness()
    protocol = harness.subscribe("a")
    everything = bytes(range(256))

    harness.broadcast({"a": [{"bytes": everything.decode("latin-1")}, {"bytes": ""}, {"bytes": "\n"}]})

    assert protocol.take() == [everything, b"", b"\n"]


@pytest.mark.parametrize("body", [b"{}", b" { } ", b'{"a": []}', b'{"a": [], "b": [ ]}'])
def test_bulk_body_may_be_empty(body: bytes) -> None:
    assert Harness().broadcast(body) == (0, None)


LATE = '{"a": [{"text": "early"}], '

BULK_REFUSED = [
    pytest.param(b"", "invalid_json", id="nothing"),
    pytest.param(b"[]", "not_an_object", id="an array"),
    pytest.param(b"null", "not_an_object", id="null"),
    pytest.param(b'{"a": [{"text": "early"}]', "invalid_json", id="half a body"),
    pytest.param(b'{"a": [{"text": "\xff"}]}', "invalid_json", id="a body that is not UTF-8"),
    pytest.param(LATE + '"b": {}}', "invalid_message", id="a channel that is not a list"),
    pytest.param(LATE + '"b": null}', "invalid_message", id="a channel that is null"),
    pytest.param(LATE + '"b": [{}]}', "invalid_message", id="an empty package"),
    pytest.param(LATE + '"b": ["text"]}', "invalid_message", id="a publication that is not an object"),
    pytest.param(LATE + '"b": [{"text": 1}]}', "invalid_message", id="a text that is not a string"),
    pytest.param(LATE + '"b": [{"bytes": "Ā"}]}', "invalid_message", id="a character that is not a byte"),
    pytest.param(LATE + '"b": [{"bytes": [1]}]}', "invalid_message", id="bytes that are not a string"),
    pytest.param(LATE + '"b": [{"Text": "x"}]}', "invalid_message", id="a kind in another case"),
    pytest.param(LATE + '"b": [{"xml": "x"}]}', "invalid_message", id="a kind that nobody knows"),
    pytest.param(LATE + '"b": [{"text": "x", "json": 1}]}', "invalid_message", id="two kinds at once"),
    pytest.param(LATE + '"b": [{"text": "x", "text": "y"}]}', "invalid_json", id="one kind twice"),
    pytest.param(LATE + '"a": []}', "invalid_json", id="one channel twice"),
    pytest.param(LATE + '"\\u0061": []}', "invalid_json", id="one channel twice, once with an escape"),
    pytest.param(LATE + '"": []}', "invalid_name", id="a channel without a name, and without packages"),
    pytest.param(LATE + f'"{"b" * 65}": [{{"text": ""}}]}}', "invalid_name", id="a name too long"),
    pytest.param(LATE + '"closed": []}', "access_denied", id="a closed channel"),
    pytest.param(LATE + '"b": [{"json": NaN}]}', "invalid_json", id="NaN"),
    pytest.param(
        LATE + f'"b": [{{"json": {"[" * 1_005}{"]" * 1_005}}}]}}', "invalid_json", id="nesting without an end"
    ),
]


@pytest.mark.parametrize(("body", "code"), BULK_REFUSED)
def test_bulk_body_with_an_error_delivers_nothing(body: str | bytes, code: str) -> None:
    harness = Harness()
    early = harness.subscribe("a")
    harness.member("alice", "closed")
    harness.hub.rooms.close("closed")
    raw = body.encode() if isinstance(body, str) else body

    with pytest.raises(HubError) as refused:
        harness.broadcast(raw)

    assert code_of(refused.value) == code
    check_sentence(str(refused.value), raw.decode("latin-1"))
    assert early.take() == []


def test_error_of_a_bulk_body_has_its_path() -> None:
    with pytest.raises(HubError) as refused:
        Harness().broadcast({"b": [{"text": "x"}, {"text": 1}]})

    assert str(refused.value).startswith('"b/1" matches none of the allowed forms. A package is an object')


def test_idempotency_key_of_a_bulk_body_applies_per_position() -> None:
    harness = Harness()
    protocol = harness.subscribe("a")
    body = {"a": [{"text": "1"}, {"text": "1"}]}

    first = harness.broadcast(body, key="k")
    second = harness.broadcast(body, key="k")
    harness.publish("a", "text", b"single", key="k")

    assert first == second == (2, None)
    assert protocol.take() == ["1", "1", "single"]


def test_repeated_bulk_body_continues_after_the_last_stored_publication() -> None:
    store = Failing(Unavailable("It cannot be stored now."), good=1)
    harness = Harness(store=store)
    protocol = harness.subscribe("a")
    body = {"a": [{"text": "1"}, {"text": "2"}]}

    with pytest.raises(Unavailable):
        harness.broadcast(body, key="k")
    store._good = 10
    harness.broadcast(body, key="k")

    assert protocol.take() == ["1", "2"]


def test_commit_of_a_bulk_body_finishes_after_all_its_commits() -> None:
    store = LateStore()
    harness = Harness(store=store)
    called: list[object] = []
    commit = harness.broadcast({"a": [{"text": "1"}, {"text": "2"}], "b": [{"text": "3"}]}).commit
    assert commit is not None
    commit.add_done_callback(called.append)
    first, second, third = store.commits

    third.finish()
    first.finish()
    assert not commit.done()
    assert called == []
    second.finish()

    assert commit.done()
    assert called == [commit]
    assert commit.exception() is None


def test_commit_of_a_bulk_body_fails_when_one_commit_fails() -> None:
    store = LateStore()
    commit = Harness(store=store).broadcast({"a": [{"text": "1"}, {"text": "2"}]}).commit
    assert commit is not None
    failure = OSError("no space left on device")

    store.commits[0].finish()
    store.commits[1].finish(failure)

    assert commit.exception() is failure


# Generated input

KIND_NAMES = st.sampled_from([None, "text", "json", "bytes"]) | st.text(max_size=20)


@given(name=st.text(max_size=70), kind=KIND_NAMES, payload=st.binary(max_size=200))
def test_any_publication_is_delivered_or_rejected_with_a_code(
    name: str, kind: str | None, payload: bytes
) -> None:
    harness = Harness()

    assert outcome(lambda: harness.publish(name, kind, payload)) in {"published", *CODES}


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
PACKAGES = (
    st.fixed_dictionaries({"text": st.text(max_size=10)})
    | st.fixed_dictionaries({"json": JSON})
    | st.fixed_dictionaries({"bytes": st.binary(max_size=10).map(lambda raw: raw.decode("latin-1"))})
)
CHANNELS = st.from_regex(r"[a-z]{1,8}", fullmatch=True)


@given(
    body=st.dictionaries(CHANNELS, st.lists(PACKAGES, max_size=4), max_size=4),
    indent=st.sampled_from([None, 1]),
)
def test_any_valid_bulk_body_is_delivered_unchanged(
    body: dict[str, list[dict[str, Any]]], indent: int | None
) -> None:
    harness = Harness()
    subscribers = {channel: harness.subscribe(channel) for channel in body}

    receipt = harness.broadcast(json.dumps(body, indent=indent).encode())

    assert receipt.delivered == sum(map(len, body.values()))
    for channel, packages in body.items():
        got = subscribers[channel].take()
        assert len(got) == len(packages)
        for arrived, package in zip(got, packages, strict=True):
            ((kind, value),) = package.items()
            match kind:
                case "text":
                    assert arrived == value
                case "bytes":
                    assert arrived == value.encode("latin-1")
                case "json":
                    assert json.loads(arrived) == value


@given(body=JSON.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=100))
def test_any_bulk_body_is_delivered_or_rejected_with_a_code(body: bytes) -> None:
    harness = Harness()

    assert outcome(lambda: harness.broadcast(body)) in {"published", *CODES}


BODIES = [
    pytest.param(example, id=str(number))
    for number, example in enumerate(SCHEMA_SET.schemas["broadcast-request"]["examples"])
]


@pytest.mark.parametrize("body", BODIES)
def test_schema_examples_of_a_bulk_body_are_accepted(body: object) -> None:
    assert Harness().broadcast(body, address=PUBLISHER).delivered == 0


# Costs


def test_broadcast_charges_for_its_channels_and_packages_before_their_names_are_checked() -> None:
    harness = Harness()
    charged: list[float] = []

    harness.broadcast({"a": [{"text": "1"}, {"text": "2"}], "b": []}, charge=charged.append)
    assert outcome(lambda: harness.broadcast({"c": [], "x" * 99: []}, charge=charged.append)) != "published"

    assert charged == [4, 2]


@pytest.mark.parametrize(("size", "tokens"), [(0, 0), (4_095, 0), (4_096, 1), (1_048_576, 256)])
def test_content_costs_a_token_per_4_kib(size: int, tokens: float) -> None:
    assert costs.content(size) == tokens
