"""The examples in the documents that define the protocols work as they are written.

A comment marks each change that makes an example valid or comparable.
"""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from running_server import RunningServer, free_port, running_server
from websockets.sync.client import ClientConnection, connect

TIMEOUT_SECONDS = 10
PASSWORD = "some-secure-pwd"
SECRET_KEY = "swordfish"

Frame = dict[str, Any]


class Harness:
    """A running server, with clients of all protocols."""

    def __init__(
        self, server: RunningServer, *, lines_port: int, opcodes_port: int, prefix: str = ""
    ) -> None:
        self.server = server
        self.port = urlsplit(server.address).port
        self.lines_port = lines_port
        self.opcodes_port = opcodes_port
        self.prefix = prefix

    def websocket(self, path: str) -> AbstractContextManager[WebSocketClient]:
        return websocket_client(f"ws://127.0.0.1:{self.port}{self.prefix}{path}")

    def opcodes(self) -> AbstractContextManager[WebSocketClient]:
        return websocket_client(f"ws://127.0.0.1:{self.opcodes_port}")

    def lines(self) -> Lines:
        return Lines(self.lines_port)

    def post(self, path: str, body: bytes, **headers: str) -> tuple[int, str, str | None]:
        """Post *body* like ``requests.post``; return the status, the body and its type."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_SECONDS)
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request("POST", self.prefix + path, body, headers)
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        return response.status, text, response.headers["Content-Type"]


class WebSocketClient:
    """A WebSocket client that sends text unchanged and receives JSON."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    def send(self, text: str) -> None:
        self.socket.send(text)

    def receive(self) -> Any:
        return json.loads(self.receive_raw())

    def receive_raw(self) -> str | bytes:
        return self.socket.recv(TIMEOUT_SECONDS)

    def ask(self, text: str) -> Any:
        self.send(text)
        return self.receive()


@contextmanager
def websocket_client(url: str) -> Iterator[WebSocketClient]:
    with connect(url, proxy=None) as client:
        yield WebSocketClient(client)


class Lines:
    """A client of the lines protocol that receives bytes."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), TIMEOUT_SECONDS)
        self.stream = self.socket.makefile("rb")

    def send(self, line: str, end: str = "\r\n") -> None:
        self.socket.sendall((line + end).encode())

    def receive(self) -> bytes:
        return self.stream.readline()

    def ask(self, line: str, end: str = "\r\n") -> bytes:
        self.send(line, end)
        return self.receive()

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *_: object) -> None:
        self.stream.close()
        self.socket.close()


@contextmanager
def running_harness(*flags: str, prefix: str = "") -> Iterator[Harness]:
    ports = {"lines_port": free_port(), "opcodes_port": free_port()}
    given = [word for name, port in ports.items() for word in (f"--{name.replace('_', '-')}", str(port))]
    with running_server("--secret-key", SECRET_KEY, "--pwd", PASSWORD, *given, *flags) as server:
        yield Harness(server, **ports, prefix=prefix)


@pytest.fixture(scope="module")
def harness() -> Iterator[Harness]:
    with running_harness() as harness:
        yield harness


# chateau


def test_chateau_registers_messages_and_lists_clients(harness: Harness) -> None:
    with harness.websocket("/ws") as alice, harness.websocket("/ws") as bob:
        assert alice.ask('{"type": 1, "username": "alice"}') == {"type": 1, "status": 200}
        assert bob.ask('{"type": 1, "username": "bob"}') == {"type": 1, "status": 200}

        response = alice.ask('{"type": 3, "clients": ["bob"], "content": "hello"}')

        assert (response["type"], response["status"]) == (3, 200)
        message = bob.receive()
        assert (message["sender"], message["content"]) == ("alice", "hello")
        assert bob.ask('{"type": 4}') == {"type": 4, "status": 200, "clients": ["alice", "bob"]}


def test_chateau_responds_to_each_failure_with_400(harness: Harness) -> None:
    with harness.websocket("/ws") as carol, harness.websocket("/ws") as other:
        assert carol.ask('{"type": 4}')["status"] == 400
        assert carol.ask('{"type": 3, "clients": ["carol"], "content": "hello"}')["status"] == 400
        assert carol.ask('{"type": 1, "username": "carol"}')["status"] == 200
        assert other.ask('{"type": 1, "username": "carol"}')["status"] == 400
        assert carol.ask('{"type": 3, "clients": ["nobody"], "content": "hello"}')["status"] == 400


@pytest.mark.parametrize(
    "request_",
    [
        '{"type": 1, "Username": "dave"}',
        '{"type": 1, "username": "dave", "password!": ""}',
        '{"type": "1", "username": "dave"}',
        '{"Type": 1, "username": "dave"}',
        '{"type": 3, "client": ["erin"], "content": "hello"}',
        '{"type": 3, "clients": ["erin"], "contents": "hello"}',
        '{"type": 3, "clients": "erin", "content": "hello"}',
        '{"type": 4, "clients": []}',
    ],
)
def test_chateau_rejects_other_keys(harness: Harness, request_: str) -> None:
    with harness.websocket("/ws") as erin:
        assert erin.ask('{"type": 1, "username": "erin"}') == {"type": 1, "status": 200}

        assert erin.ask(request_)["status"] == 400


# functions

SEND_MESSAGE = """{
        "function": "send_message",         #required
        "recipient_ids": [],                #required
        "message": "message",               #required
        "secret_key": "",                   #optional
        "callback": "",                     #optional
    }"""

RETRIEVE_CLIENTS = """{
        "function": "retrieve_clients",     #required
        "secret_key": "",                   #optional
        "callback": "",                     #optional
    }"""

SET_CUSTOM_VARIABLES = """{
        "function": "set_custom_variables", #required
        "custom_variables": {"name":"Bob"}, #required
        "callback": "",                     #optional
    }"""

SET_PRIVACY = """{
        "function": "set_privacy",          #required
        "privacy": "public",                #required
        "callback": "",                     #optional
    }"""

ALLOW_IP = """{
        "function": "allow_ip",             #required
        "ip": "127.0.0.1",                  #required
        "callback": "",                     #optional
    }"""

BLOCK_IP = """{
        "function": "block_ip",             #required
        "ip": "127.0.0.1",                  #required
        "callback": "",                     #optional
    }"""

BAN_IP = """{
        "function": "ban_ip",               #required
        "ip": "127.0.0.1",                  #required
        "secret_key": "",                   #required
        "callback": "",                     #optional
    }"""


def as_json(example: str) -> str:
    """Return *example* as JSON: without comments and without the comma after the last member."""
    return re.sub(r",(\s*})$", r"\1", re.sub(r" *#.*", "", example))


def without_optional(example: str) -> str:
    """Return *example* with only the members marked as required."""
    return as_json(re.sub(r".*#optional\n", "", example))


ASKED = [SEND_MESSAGE, RETRIEVE_CLIENTS, SET_CUSTOM_VARIABLES, SET_PRIVACY, ALLOW_IP, BLOCK_IP]
NAMES = ["send_message", "retrieve_clients", "set_custom_variables", "set_privacy", "allow_ip", "block_ip"]


@pytest.mark.parametrize("path", ["/", "/functions"])
@pytest.mark.parametrize("example", ASKED, ids=NAMES)
@pytest.mark.parametrize("form", [as_json, without_optional])
def test_each_function_response_has_its_name_and_callback(
    harness: Harness, path: str, example: str, form: Any
) -> None:
    with harness.websocket(path) as client:
        response = client.ask(form(example))

    assert next(iter(response)) == "function"
    assert response["function"] == json.loads(as_json(example))["function"]
    assert response["callback"] == ""
    assert "error" not in response


def test_functions_echo_the_callback(harness: Harness) -> None:
    with harness.websocket("/") as client:
        for example in (*ASKED, BAN_IP):
            request = as_json(example).replace('"callback": ""', '"callback": "activate me"')
            assert client.ask(request)["callback"] == "activate me"


def test_functions_show_a_client_with_id_ip_port_and_custom_variables(harness: Harness) -> None:
    with harness.websocket("/") as client:
        response = client.ask(as_json(SET_CUSTOM_VARIABLES))
        assert response == {
            "function": "set_custom_variables",
            "custom_variables": {"name": "Bob"},
            "callback": "",
        }

        clients = client.ask(as_json(RETRIEVE_CLIENTS))["clients"]

        ((id_, card),) = [(id_, card) for id_, card in clients.items() if card["custom"] == {"name": "Bob"}]
        port = client.socket.local_address[1]
        assert card == {"id": id_, "ip": "127.0.0.1", "port": port, "custom": {"name": "Bob"}}


def test_functions_send_a_message_to_another_client(harness: Harness) -> None:
    with harness.websocket("/") as bob, harness.websocket("/") as other:
        bob.ask(as_json(SET_CUSTOM_VARIABLES))
        clients = other.ask(as_json(RETRIEVE_CLIENTS))["clients"]
        (id_,) = [id_ for id_, card in clients.items() if card["custom"].get("name") == "Bob"]
        to_bob = as_json(SEND_MESSAGE).replace("[]", f'["{id_}"]')

        response = other.ask(to_bob)

        assert list(response) == ["function", "sender", "message", "callback"]
        assert bob.receive() == {key: value for key, value in response.items() if key != "callback"}
        assert bob.ask(as_json(BLOCK_IP)) == {"function": "block_ip", "ip": "127.0.0.1", "callback": ""}
        assert other.ask(to_bob)["undelivered"] == [id_]


def test_a_private_client_is_reached_from_addresses_that_it_allows(harness: Harness) -> None:
    with harness.websocket("/") as bob, harness.websocket("/") as other:
        bob.ask(as_json(SET_CUSTOM_VARIABLES))

        def is_seen() -> bool:
            clients = other.ask(as_json(RETRIEVE_CLIENTS))["clients"]
            return {"name": "Bob"} in [card["custom"] for card in clients.values()]

        assert is_seen()
        bob.ask(as_json(SET_PRIVACY).replace("public", "private"))
        assert not is_seen()
        assert bob.ask(as_json(ALLOW_IP)) == {"function": "allow_ip", "ip": "127.0.0.1", "callback": ""}
        assert is_seen()
        assert bob.ask(as_json(SET_PRIVACY)) == {
            "function": "set_privacy",
            "privacy": "public",
            "callback": "",
        }


def test_ban_ip_needs_the_secret_key_and_holds() -> None:
    with running_harness() as harness, harness.websocket("/") as client:
        refused = client.ask(as_json(BAN_IP))
        assert (refused["function"], refused["code"]) == ("ban_ip", "access_denied")

        banned = client.ask(as_json(BAN_IP).replace('"secret_key": ""', f'"secret_key": "{SECRET_KEY}"'))

        assert banned == {"function": "ban_ip", "ip": "127.0.0.1", "callback": ""}
        assert client.ask(as_json(RETRIEVE_CLIENTS))["code"] == "banned"
        assert harness.post(f"/channel/news/?pwd={PASSWORD}", b"Hello world")[0] == 403


# lines

OK = '{"type": "commandResult", "result": "OK"}'
JOIN_A_ROOM_FIRST = '{"type": "error", "error": "Join a room first"}'
LOGIN_REQUIRED = '{"type": "error", "error": "Login required"}'
JOINED = '{"type": "commandResult", "result": "Joined room room"}'


def line(example: str) -> bytes:
    """Return *example* without white space between its tokens, as the server writes it."""
    return json.dumps(json.loads(example), separators=(",", ":")).encode() + b"\r\n"


@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_lines_log_in_and_join(harness: Harness, end: str) -> None:
    with harness.lines() as client:
        response = client.ask("LOGIN nickname", end)
        assert response == line('{"type": "commandResult", "result": "Username set to nickname"}')
        assert client.ask("JOIN room", end) == line(JOINED)


@pytest.mark.parametrize("join", ["JOIN room", "JOIN ROOM room"])
@pytest.mark.parametrize("leave", ["LEAVE", "LEAVE ROOM", "LEFT ROOM", "LEFT"])
def test_lines_have_each_alias(harness: Harness, join: str, leave: str) -> None:
    with harness.lines() as client:
        client.ask("LOGIN user")
        assert client.ask(join) == line(JOINED)
        assert json.loads(client.receive())["type"] == "userJoined"
        assert client.ask(leave) == line(OK)
        assert json.loads(client.receive())["type"] == "userLeft"
        assert client.ask(leave) == line(JOIN_A_ROOM_FIRST)


@pytest.mark.parametrize("nickname", ["!@#", "ab", "n" * 17, "nick name"])
def test_lines_reject_an_invalid_nickname(harness: Harness, nickname: str) -> None:
    with harness.lines() as client:
        error = json.loads(client.ask(f"LOGIN {nickname}"))

        assert error.pop("detail")  # which the seed's clients ignore
        assert error == json.loads('{"type": "error", "error": "Invalid nickname"}')


@pytest.mark.parametrize("command", ["JOIN", "JOIN ROOM"])
def test_lines_reject_an_invalid_join(harness: Harness, command: str) -> None:
    with harness.lines() as first, harness.lines() as second:
        assert second.ask(f"{command} room") == line(LOGIN_REQUIRED)
        first.ask("LOGIN user")
        second.ask("LOGIN user")
        first.ask("JOIN room")

        assert second.ask(f"{command} !@#") == line(
            '{"type": "error", "error": "Invalid room name: !@#, please use alphanumericcharacters only"}'
        )
        assert second.ask(f"{command} room") == line(
            '{"type": "error", "error": "User with such nickname is already present in the requested room"}'
        )


HISTORY_LINE = (
    '{"body": {"body": "User user has joined the room", "from": "user", "room": "room", "utctimestamp": '
    '"2015-05-24 15:17:19.209832", "to": "user", "type": "userJoined"}, "type": "history", "from": "user"}'
)
TIMESTAMP = rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}"


def asked_for_history(client: Lines, command: str) -> list[bytes]:
    """Return the response lines to *command*, with the seed's time instead of theirs."""
    response = json.loads(client.ask(command))
    assert list(response) == ["type", "result", "count"]
    lines = [client.receive() for _ in range(response["count"])]
    return [re.sub(TIMESTAMP, b"2015-05-24 15:17:19.209832", line) for line in lines]


def test_lines_return_the_history(harness: Harness) -> None:
    with harness.lines() as client:
        client.ask("LOGIN user")
        assert client.ask("HISTORY") == line(JOIN_A_ROOM_FIRST)
        client.ask("JOIN room")
        client.receive()

        assert asked_for_history(client, "HISTORY")[-1] == line(HISTORY_LINE)
        since = asked_for_history(client, "HISTORY 2015-05-24T15:17:19.209832")
        assert since[-1] == line(HISTORY_LINE)
        assert asked_for_history(client, "HISTORY 2015-05-24 15:17:19.209832") == since
        until = "HISTORY 2015-05-24 15:17:19.209832 2015-05-24 15:17:19.209832"
        assert asked_for_history(client, until) == []
        assert asked_for_history(client, "HISTORY 2015-05-24 15:17:19.209832 2999-01-01") == since


# opcodes

MESSAGE_RECEIVED = """{
	"op": 0,
	"d": {
		"author": "Jimothy",
		"content": "Hello world!"
	}
}"""

MESSAGE_CREATE = """{
	"op": 1,
	"d": {
		"content": "Message contents!"
	}
}"""

ROOM_STATE_CHANGE = """{
	"op": 2,
	"d": {
		"available": true|false,
		"room": "general"
	}
}"""

SERVER_SHUTDOWN = """{
	"op": 3,
	"d": {
		"reason": "Maintenance, this field may be null"
	}
}"""

CACHE_UPDATE = r"""{
	"op": 4,
	"d": {
		"rooms": ,
		"command_prefix": "\",
		"host": "localhost",
		"port": 8765,
		"users": 5
	}
}"""


def content(text: str) -> str:
    """Return the seed's Message create with the content *text*."""
    return MESSAGE_CREATE.replace("Message contents!", text)


def log_in(client: WebSocketClient, name: str) -> Any:
    """Log *client* in and return the cache."""
    cache = client.ask(content(name))
    assert client.receive() == {
        "op": 0,
        "d": {"author": "Chateau", "content": f"{name} has entered the room"},
    }
    return cache


def text_of(frame: str | bytes) -> str:
    """Return *frame*, or an example, without white space between its tokens."""
    return json.dumps(json.loads(frame), separators=(",", ":"))


@pytest.mark.parametrize("port_of_its_own", [False, True])
def test_opcodes_create_and_receive_messages(harness: Harness, port_of_its_own: bool) -> None:
    with ExitStack() as stack:
        open_client = harness.opcodes if port_of_its_own else lambda: harness.websocket("/opcodes")
        jimothy, other = (stack.enter_context(open_client()) for _ in range(2))
        assert log_in(jimothy, "Jimothy")["op"] == 4
        assert log_in(other, "Other")["op"] == 4
        jimothy.receive()  # the join of the other client

        jimothy.send(content("Hello world!"))
        for client in (jimothy, other):
            assert text_of(client.receive_raw()) == text_of(MESSAGE_RECEIVED)

        other.send(MESSAGE_CREATE)
        assert jimothy.receive() == {"op": 0, "d": {"author": "Other", "content": "Message contents!"}}


def test_opcodes_push_the_state_of_a_room(harness: Harness) -> None:
    with harness.websocket("/opcodes") as owner, harness.websocket("/opcodes") as member:
        log_in(owner, "Owner")
        log_in(member, "Member")
        for command in (f"!auth {SECRET_KEY}", "!close", "!open", "!lock general swordfish", "!unlock"):
            owner.send(content(command))

        for available in ("false", "true", "false", "true"):
            change = ROOM_STATE_CHANGE.replace("true|false", available)
            assert text_of(member.receive_raw()) == text_of(change)


def test_opcodes_update_the_cache() -> None:
    with running_harness("--command-prefix", "\\", "--host", "localhost") as harness, ExitStack() as stack:
        clients = [stack.enter_context(harness.opcodes()) for _ in range(5)]

        at_login = log_in(clients[0], "Jimothy")
        at_request = clients[0].ask('{"op": 4}')

        # The backslash and the rooms are written so that it is JSON, the port is the one that is free.
        shown = CACHE_UPDATE.replace(r'"\"', r'"\\"').replace('"rooms": ,', '"rooms": {},')
        expected = json.loads(shown.replace("8765", str(harness.opcodes_port)))["d"]
        for cache in (at_login, at_request):
            assert list(cache["d"]) == [*expected, "me"]
            assert cache["d"].pop("me") == {"name": "Jimothy", "room": "general"}
            assert cache["d"].pop("rooms").keys() == {"general"}
            assert cache == {"op": 4, "d": {key: expected[key] for key in expected if key != "rooms"}}


def test_opcodes_announce_a_shutdown_by_a_request() -> None:
    with (
        running_harness() as harness,
        harness.websocket("/opcodes") as client,
        harness.websocket("/opcodes") as other,
    ):
        log_in(client, "Jimothy")
        assert other.ask(SERVER_SHUTDOWN)["op"] == 5  # it has no key
        wrong = SERVER_SHUTDOWN.replace('"reason"', '"key": "wrong", "reason"')
        assert other.ask(wrong)["d"]["code"] == "access_denied"

        other.send(SERVER_SHUTDOWN.replace('"reason"', f'"key": "{SECRET_KEY}", "reason"'))

        for each in (client, other):
            assert text_of(each.receive_raw()) == text_of(SERVER_SHUTDOWN)
        assert harness.server.process.wait(TIMEOUT_SECONDS) == 0


def test_opcodes_announce_a_shutdown_by_a_signal() -> None:
    with running_harness() as harness, harness.websocket("/opcodes") as client:
        log_in(client, "Jimothy")

        harness.server.process.terminate()

        assert client.receive() == {"op": 3, "d": {"reason": None}}


# channels

BROADCAST_OF_THE_REFERENCE = {
    "room:1": [{"text": "Hi all"}],
    "user:22": [{"json": {"notification": "You've got new friend"}}],
    "video:stream": [{"bytes": "\x031\x032\x033..."}, {"bytes": "\x031\x032\x033..."}],
}

BROADCAST_OF_THE_EXAMPLE = {
    "test-channel": [
        {"text": "Hello world"}
    ],
    "call:stream-channel": [
        {"bytes": "\x031\x032\x033..."},
        {"bytes": "\x031\x032\x033..."},
        {"bytes": "\x031\x032\x033..."},
        {"bytes": "\x031\x032\x033..."},
        {"bytes": "\x031\x032\x033..."},
        {"bytes": "\x031\x032\x033..."}
    ]
}  # fmt: skip

PUBLISHED = (201, '"OK"', "application/json")
WRONG_PASSWORD = (403, '"Not authorized"', "application/json")
FAILED_TO_READ = (400, '"Bad request"', "application/json")


def posted_json(harness: Harness, path: str, value: object) -> tuple[int, str, str | None]:
    """Post *value* like ``requests.post(…, json=value)``."""
    return harness.post(path, json.dumps(value, allow_nan=False).encode(), Content_Type="application/json")


def check_examples(harness: Harness) -> None:
    """Publish the examples and check that they arrive."""
    with ExitStack() as stack:
        channels = {
            name: stack.enter_context(harness.websocket(f"/channel/{name}/"))
            for name in (*BROADCAST_OF_THE_REFERENCE, *BROADCAST_OF_THE_EXAMPLE)
        }

        response = harness.post(
            "/channel/test-channel/?pwd=some-secure-pwd", b"Hello world", **{"package-type": "text"}
        )

        assert response == PUBLISHED
        assert channels["test-channel"].receive_raw() == "Hello world"

        for example in (BROADCAST_OF_THE_REFERENCE, BROADCAST_OF_THE_EXAMPLE):
            assert posted_json(harness, "/broadcast/?pwd=some-secure-pwd", example) == PUBLISHED
        assert channels["room:1"].receive_raw() == "Hi all"
        assert channels["user:22"].receive() == {"notification": "You've got new friend"}
        for _ in range(2):
            assert channels["video:stream"].receive_raw() == b"\x031\x032\x033..."
        assert channels["test-channel"].receive_raw() == "Hello world"
        for _ in range(6):
            assert channels["call:stream-channel"].receive_raw() == b"\x031\x032\x033..."


def test_channels_publish_the_examples(harness: Harness) -> None:
    check_examples(harness)


def test_channels_accept_all_flags_of_the_usage(tmp_path: Path) -> None:
    flags = {
        "--pwd": PASSWORD,
        "--usock": str(tmp_path / "chateau.sock"),
        "--host": "127.0.0.1",
        "--port": "0",
        "--reuse-addr": "true",
        "--reuse-port": "true",
        "--url-prefix": "/aiows",
    }
    with running_harness(*(word for flag in flags.items() for word in flag), prefix="/aiows") as harness:
        check_examples(harness)


@pytest.mark.parametrize("kind", ["Text", "text", "bytes", "json"])
def test_package_type_decides_the_kind_of_frame(harness: Harness, kind: str) -> None:
    with harness.websocket("/channel/types/") as subscriber:
        response = harness.post("/channel/types/?pwd=some-secure-pwd", b'{"n": [1, 2]}', Package_Type=kind)

        assert response == PUBLISHED
        assert subscriber.receive_raw() == (b'{"n": [1, 2]}' if kind == "bytes" else '{"n": [1, 2]}')


@pytest.mark.parametrize("query", ["", "?pwd=", "?pwd=wrong", "?PWD=some-secure-pwd"])
def test_wrong_password_gets_403(harness: Harness, query: str) -> None:
    assert harness.post(f"/channel/test-channel/{query}", b"Hello world") == WRONG_PASSWORD
    assert posted_json(harness, f"/broadcast/{query}", BROADCAST_OF_THE_EXAMPLE) == WRONG_PASSWORD


def test_unreadable_body_gets_400(harness: Harness) -> None:
    with harness.websocket("/channel/test-channel/") as subscriber:
        for headers, body in (
            ({"package-type": "json"}, b"{"),
            ({"package-type": "text"}, b"\xff"),
            ({"package-type": "video"}, b"Hello world"),
        ):
            response = harness.post("/channel/test-channel/?pwd=some-secure-pwd", body, **headers)
            assert response == FAILED_TO_READ
        for value in ([], {"test-channel": "Hello world"}, {"test-channel": [{"text": 1}]}):
            assert posted_json(harness, "/broadcast/?pwd=some-secure-pwd", value) == FAILED_TO_READ

        harness.post("/channel/test-channel/?pwd=some-secure-pwd", b"Hello world")
        assert subscriber.receive_raw() == "Hello world"  # and nothing before it


def test_packets_from_a_subscriber_are_not_forwarded(harness: Harness) -> None:
    with harness.websocket("/channel/one-way/") as first, harness.websocket("/channel/one-way/") as second:
        first.send("Hello")
        harness.post("/channel/one-way/?pwd=some-secure-pwd", b"Hello world")

        assert [each.receive_raw() for each in (first, second)] == ["Hello world"] * 2
