"""Flags: the effect of each on a server process, and the error if a value cannot be used."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, redirect_stderr
from http.client import HTTPConnection, HTTPResponse
from io import StringIO
from pathlib import Path
from textwrap import dedent
from typing import Any
from unittest.mock import patch
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from running_server import ROOT, RunningServer, free_port, rejected_start, running_server
from websockets.sync.client import ClientConnection, connect, unix_connect

from chateau.app import main
from chateau.settings import described

PATIENCE_SECONDS = 10
WITHOUT_LINES_PORT = ("env", "-u", "CHATEAU_LINES_PORT", sys.executable, "server.py")
"""The command, where the port for lines is not chosen."""


def misused(*flags: str, environment: dict[str, str] | None = None) -> str:
    """Return the one-line error of an invalid setting, which is found before the start."""
    output = StringIO()
    with patch.dict(os.environ, environment or {}), redirect_stderr(output):
        assert main(flags) == 2
    assert output.getvalue().count("\n") == 1, output.getvalue()
    return output.getvalue().removesuffix("\n")


def refused(*flags: str, environment: dict[str, str] | None = None) -> str:
    """Return the one-line error of a server that does not start."""
    error = rejected_start(*flags, environment=environment, timeout_seconds=PATIENCE_SECONDS)
    return error.removesuffix("\n")


def port_of(server: RunningServer) -> int:
    return int(server.address.split(":")[2].split("/")[0])


def websocket(server: RunningServer, path: str, **headers: str) -> ClientConnection:
    more = {name.replace("_", "-"): value for name, value in headers.items()}
    url = f"ws://127.0.0.1:{port_of(server)}{path}"
    return connect(url, additional_headers=more, proxy=None, open_timeout=PATIENCE_SECONDS)


def ask(client: ClientConnection, request: Any) -> Any:
    client.send(json.dumps(request))
    return receive_json(client)


def receive_json(client: ClientConnection) -> Any:
    return json.loads(client.recv(timeout=PATIENCE_SECONDS))


def status_of(url: str, **options: Any) -> int:
    try:
        with urlopen(Request(url, **options), timeout=PATIENCE_SECONDS) as response:
            return int(response.status)
    except HTTPError as error:
        with error:
            return error.code


@contextmanager
def taken(port: int = 0) -> Iterator[int]:
    """A port in use."""
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", port))
        sock.listen()
        yield sock.getsockname()[1]


# --usock


class UnixConnection(HTTPConnection):
    """An HTTP connection over a UNIX socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=PATIENCE_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE_SECONDS)
        self.sock.connect(str(self._path))


def by_unix(path: Path, method: str, url: str, body: str | None = None) -> tuple[int, bytes]:
    with closing(UnixConnection(path)) as connection:
        connection.request(method, url, body)
        response: HTTPResponse = connection.getresponse()
        return response.status, response.read()


def test_unix_socket_has_the_same_endpoints_and_is_removed_afterwards(tmp_path: Path) -> None:
    path = tmp_path / "sock"

    with running_server("--usock", str(path)) as server:
        assert path.is_socket()
        status, page = by_unix(path, "GET", "/")
        assert status == 200
        assert b"Chateau" in page
        with (
            unix_connect(str(path), "ws://localhost/ws") as alice,
            websocket(server, "/ws") as bob,
            unix_connect(str(path), "ws://localhost/channel/news/") as listener,
        ):
            assert ask(alice, {"type": 1, "username": "alice"})["status"] == 200
            assert ask(bob, {"type": 1, "username": "bob"})["status"] == 200
            assert ask(bob, {"type": 3, "clients": ["alice"], "content": "hi"})["status"] == 200
            assert receive_json(alice)["content"] == "hi"
            assert by_unix(path, "POST", "/channel/news/", "hello") == (201, b'"OK"')
            assert listener.recv(timeout=PATIENCE_SECONDS) == "hello"
        assert server.stop() == 0

    assert not path.exists()
    assert "Traceback" not in server.log


def test_stale_unix_socket_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "sock"
    with running_server("--usock", str(path)) as server:
        server.stop(signal.SIGKILL)
    assert path.is_socket()

    with running_server("--usock", str(path)) as server:
        assert by_unix(path, "GET", "/")[0] == 200
        server.stop()

    assert not path.exists()


def test_unix_socket_in_a_missing_folder_is_a_one_line_error(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "sock"

    line = refused("--usock", str(path))

    assert line == f"chateau: --usock {path}: cannot listen there: No such file or directory"


def test_too_long_path_of_a_unix_socket_is_a_one_line_error(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 120)

    line = refused("--usock", str(path))

    assert line.startswith(f"chateau: --usock {path}: cannot listen there: ")
    assert "too long" in line


def test_file_at_the_path_of_the_unix_socket_is_preserved(tmp_path: Path) -> None:
    path = tmp_path / "diary.txt"
    path.write_text("Dear diary", "utf-8")

    line = refused("--usock", str(path))

    assert line.startswith(f"chateau: --usock {path}: cannot listen there: ")
    assert path.read_text("utf-8") == "Dear diary"


def test_folder_at_the_path_of_the_unix_socket_is_a_one_line_error(tmp_path: Path) -> None:
    line = refused("--usock", str(tmp_path))

    assert line.startswith(f"chateau: --usock {tmp_path}: cannot listen there: ")


def test_file_instead_of_the_parent_folder_is_a_one_line_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", "utf-8")

    line = refused("--usock", str(tmp_path / "file" / "sock"))

    assert line.startswith("chateau: --usock ")


def test_unix_socket_in_use_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "sock"
    with running_server("--usock", str(path)):
        line = refused("--usock", str(path))

        assert line == f"chateau: --usock {path}: cannot listen there: Address already in use"
        assert path.is_socket()


def test_failed_start_preserves_the_unix_socket_of_a_running_server(tmp_path: Path) -> None:
    path = tmp_path / "sock"
    with running_server("--usock", str(path)) as server:
        refused("--usock", str(path), "--port", str(port_of(server)))

        assert path.is_socket()
        assert by_unix(path, "GET", "/")[0] == 200


def test_server_stops_gracefully_after_its_unix_socket_was_removed(tmp_path: Path) -> None:
    path = tmp_path / "sock"

    with running_server("--usock", str(path)) as server:
        path.unlink()
        assert server.stop() == 0

    assert "Traceback" not in server.log


def test_client_on_the_unix_socket_receives_the_shutdown(tmp_path: Path) -> None:
    path = tmp_path / "sock"

    with (
        running_server("--usock", str(path)) as server,
        unix_connect(str(path), "ws://localhost/ws") as client,
    ):
        server.process.send_signal(signal.SIGTERM)
        assert receive_json(client) == {"type": 0, "status": 503, "event": "shutdown", "reason": None}


# --reuse-port and --reuse-addr


def test_servers_with_reuse_port_share_a_port() -> None:
    with running_server("--reuse-port", "true") as first:
        port = str(port_of(first))
        with running_server("--reuse-port", "true", "--port", port) as second:
            assert second.address == first.address
            assert status_of(first.address) == 200
            assert second.stop() == 0
        assert status_of(first.address) == 200


@pytest.mark.parametrize("flags", [(), ("--reuse-addr", "false"), ("--reuse-port", "true")])
def test_port_of_a_server_that_does_not_share_it_is_rejected(flags: tuple[str, ...]) -> None:
    with running_server() as first:
        port = str(port_of(first))

        line = refused("--port", port, *flags)

        assert line == f"chateau: --port {port}: cannot listen on 127.0.0.1: Address already in use"
        assert status_of(first.address) == 200


def test_recently_used_port_is_rejected_without_reuse_addr() -> None:
    with running_server() as server:
        port = port_of(server)
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            while client.recv(65_536):  # the server closes first, so the port is in TIME_WAIT
                pass
        server.stop()

    line = refused("--port", str(port), "--reuse-addr", "false")
    assert line == f"chateau: --port {port}: cannot listen on 127.0.0.1: Address already in use"
    with running_server("--port", str(port)) as again:
        assert status_of(again.address) == 200


def test_free_port_is_used_without_reuse_addr() -> None:
    with running_server("--reuse-addr", "false") as server:
        assert status_of(server.address) == 200


@pytest.mark.parametrize("flag", ["--reuse-addr", "--reuse-port"])
def test_boolean_flag_rejects_other_values(flag: str) -> None:
    assert misused(flag, "maybe") == f"chateau: {flag}: got 'maybe', expected true or false"


# --opcodes-port


def test_opcodes_port_uses_opcodes_at_any_path_and_is_in_the_cache() -> None:
    port = free_port()

    with running_server("--opcodes-port", str(port)) as server:
        assert server.process.stdout is not None
        assert server.process.stdout.readline() == f"Opcodes are at ws://127.0.0.1:{port}/\n"
        for path in ("", "/", "/opcodes", "/ws", "/a/b?c=d", "/schemas/", "/channel/x/"):
            with connect(f"ws://127.0.0.1:{port}{path}", proxy=None) as client:
                cache = ask(client, {"op": 4})
                assert cache["op"] == 4, path
                assert cache["d"]["port"] == port
                assert cache["d"]["host"] == "127.0.0.1"
        with websocket(server, "/opcodes") as client:
            assert ask(client, {"op": 4})["d"]["port"] == port
        assert status_of(f"http://127.0.0.1:{port}/") == 426
        assert server.stop() == 0


def test_cache_has_the_common_port_without_an_opcodes_port() -> None:
    port = free_port()

    with running_server("--port", str(port)) as server, websocket(server, "/opcodes") as client:
        assert ask(client, {"op": 4})["d"]["port"] == port


def test_cache_has_the_automatically_chosen_port() -> None:
    with running_server("--port", "0") as server, websocket(server, "/opcodes") as client:
        assert ask(client, {"op": 4})["d"]["port"] == port_of(server)


def test_opcodes_port_in_use_is_a_one_line_error() -> None:
    with taken() as port:
        line = refused("--opcodes-port", str(port))

    assert line == f"chateau: --opcodes-port {port}: cannot listen on 127.0.0.1: Address already in use"


def test_client_on_the_opcodes_port_receives_the_shutdown() -> None:
    port = free_port()

    with (
        running_server("--opcodes-port", str(port)) as server,
        connect(f"ws://127.0.0.1:{port}/", proxy=None) as client,
    ):
        server.process.send_signal(signal.SIGTERM)
        assert receive_json(client)["op"] == 3


# --lines-port


def test_lines_port_uses_lines_and_its_address_is_printed() -> None:
    port = free_port()

    with running_server("--lines-port", str(port)) as server:
        assert server.process.stdout is not None
        assert server.process.stdout.readline() == f"Lines over TCP are at 127.0.0.1:{port}\n"
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS) as client:
            client.sendall(b"LOGIN bob\r\n")
            assert b"Username set to bob" in client.recv(65_536)
            server.process.send_signal(signal.SIGTERM)
            assert client.recv(65_536) == b'{"type":"shutdown","reason":null}\r\n'
            assert client.recv(65_536) == b""


def test_default_lines_port_in_use_is_a_warning() -> None:
    try:
        holder = taken(9090)
        holder.__enter__()
    except OSError:
        holder = None  # another process uses it, which serves the purpose
    try:
        with running_server(command=WITHOUT_LINES_PORT) as server:
            assert status_of(server.address) == 200
            assert server.stop() == 0
    finally:
        if holder is not None:
            holder.__exit__(None, None, None)

    (line,) = [line for line in server.log.splitlines() if "WARNING" in line]
    assert "--lines-port 9090: cannot listen on 127.0.0.1: Address already in use" in line


@pytest.mark.parametrize("by", ["flag", "environment"])
def test_chosen_lines_port_in_use_is_a_one_line_error(by: str) -> None:
    with taken() as port:
        flags = ("--lines-port", str(port)) if by == "flag" else ()
        line = refused(*flags, environment={"CHATEAU_LINES_PORT": str(port)})

    assert line == f"chateau: --lines-port {port}: cannot listen on 127.0.0.1: Address already in use"


@pytest.mark.parametrize("flag", ["--lines-port", "--opcodes-port"])
def test_duplicate_port_is_rejected(flag: str) -> None:
    port = str(free_port())

    line = refused("--port", port, flag, port)

    assert line == f"chateau: {flag} {port}: cannot listen on 127.0.0.1: Address already in use"


@pytest.mark.parametrize("flag", ["--port", "--lines-port", "--opcodes-port"])
@pytest.mark.parametrize("value", ["65536", "-1", "http", "", "80.5"])
def test_invalid_port_is_a_one_line_error(flag: str, value: str) -> None:
    line = misused(f"{flag}={value}")

    assert line == f"chateau: {flag}: got {value!r}, expected a port, 0 to 65535"


# --pwd


def test_publishing_requires_the_password() -> None:
    with running_server("--pwd", "sword fish&ü", "--log-level", "debug") as server:
        url = f"{server.address}channel/news/"
        given = "?pwd=sword%20fish%26%C3%BC"
        bearer = "Bearer sword fish&ü".encode().decode("latin-1")

        assert status_of(url, data=b"x") == 403
        assert status_of(f"{url}?pwd=wrong", data=b"x") == 403
        assert status_of(f"{url}?pwd=", data=b"x") == 403
        assert status_of(url + given, data=b"x") == 201
        assert status_of(f"{server.address}broadcast/", data=b'{"news": [{"text": "x"}]}') == 403
        assert status_of(f"{server.address}broadcast/{given}", data=b'{"news": [{"text": "x"}]}') == 201
        assert status_of(url, data=b"x", headers={"Authorization": bearer}) == 201
        with websocket(server, "/channel/news/") as listener:
            assert status_of(url + given, data=b"hello") == 201
            assert listener.recv(timeout=PATIENCE_SECONDS) == "hello"
        server.stop()

    assert "sword" not in server.log
    assert "wrong" not in server.log


def test_password_can_be_set_in_the_environment() -> None:
    with running_server(environment={"CHATEAU_PWD": "swordfish"}) as server:
        assert status_of(f"{server.address}channel/news", data=b"x") == 403
        assert status_of(f"{server.address}channel/news?pwd=swordfish", data=b"x") == 201


@pytest.mark.parametrize("flag", ["--pwd", "--secret-key"])
def test_empty_password_is_rejected(flag: str) -> None:
    assert misused(flag, "") == f"chateau: {flag}: got '', expected one line of text that is not empty"


# --default-privacy


@pytest.mark.parametrize(("privacy", "seen"), [("public", True), ("private", False)])
def test_default_privacy_applies_to_new_functions_clients(privacy: str, seen: bool) -> None:
    with (
        running_server("--default-privacy", privacy) as server,
        websocket(server, "/functions") as alice,
        websocket(server, "/") as bob,
    ):
        custom = {"function": "set_custom_variables", "custom_variables": {"name": "alice"}}
        assert "error" not in ask(alice, custom)
        clients = ask(bob, {"function": "retrieve_clients"})["clients"]

    names = [card["custom"].get("name") for card in clients.values()]
    assert ("alice" in names) is seen


def test_invalid_privacy_is_a_one_line_error() -> None:
    line = misused("--default-privacy", "secret")

    assert line == "chateau: --default-privacy: got 'secret', expected public or private"


# --server-name and --command-prefix


@pytest.mark.parametrize(
    ("flags", "name", "prefix"),
    [
        ((), "Chateau", "!"),
        (("--server-name", "Schloß Neu"), "Schloß Neu", "!"),
        (("--command-prefix", "/"), "Chateau", "/"),
        (("--command-prefix", "🏰::", "--server-name", "x"), "x", "🏰::"),
    ],
)
def test_commands_start_with_the_prefix_and_get_responses_of_the_server(
    flags: tuple[str, ...], name: str, prefix: str
) -> None:
    with running_server(*flags) as server, websocket(server, "/opcodes") as client:
        client.send(json.dumps({"op": 1, "d": {"content": "alice"}}))
        client.send(json.dumps({"op": 1, "d": {"content": f"{prefix}rooms"}}))
        while (received := receive_json(client))["op"] != 0 or "entered" in received["d"]["content"]:
            pass
        assert received["d"]["author"] == name
        assert "general" in received["d"]["content"]
        assert ask(client, {"op": 4})["d"]["command_prefix"] == prefix


def test_server_name_cannot_be_registered() -> None:
    with running_server("--server-name", "Butler") as server:
        for name in ("Butler", "BUTLER"):
            with websocket(server, "/ws") as client:
                assert ask(client, {"type": 1, "username": name})["status"] == 400
        with websocket(server, "/ws") as client:
            assert ask(client, {"type": 1, "username": "Chateau"})["status"] == 200


@pytest.mark.parametrize("name", ["", "x" * 33, " x", "x\ty", "\u200b", "General", "channel", "\uff47eneral"])
def test_invalid_server_name_is_rejected(name: str) -> None:
    line = misused("--server-name", name)

    expected = "a name of 1 to 32 characters, not general or channel"
    assert line == f"chateau: --server-name: got {name!r}, expected {expected}"


@pytest.mark.parametrize("prefix", ["", " ", "a b", "123456789", "\n"])
def test_invalid_prefix_is_a_one_line_error(prefix: str) -> None:
    line = misused("--command-prefix", prefix)

    assert line == f"chateau: --command-prefix: got {prefix!r}, expected 1 to 8 characters without spaces"


# --plugin


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("raise RuntimeError('no\\nluck')", "it cannot be imported: RuntimeError: no luck"),
        ("import no_such_module_at_all", "it cannot be imported: ModuleNotFoundError: No module named"),
        ("def (", "it cannot be imported: SyntaxError: "),
        ("raise SystemExit(3)", "it cannot be imported: SystemExit: 3"),
        ("x = 1", "it has no commands"),
        ("\x00", "it cannot be imported: SyntaxError: "),
        (
            """
            from chateau.plugins import command

            @command("help")
            async def mine(server, user, words): ...
            """,
            "the command 'help' is one of the server's own",
        ),
        (
            """
            from chateau.plugins import command

            @command("Roll It")
            async def roll(server, user, words): ...
            """,
            "'Roll It' is no command's name",
        ),
    ],
)
def test_plugin_with_an_error_is_a_one_line_error(tmp_path: Path, text: str, fault: str) -> None:
    path = tmp_path / "plugin_with_a_fault.py"
    path.write_text(dedent(text), "utf-8")

    line = refused("--plugin", str(path))

    assert line.startswith(f"chateau: --plugin {path}: {fault}")


@pytest.mark.parametrize("name", ["no_such_module_at_all", "missing.py", "..", "", "json"])
def test_missing_plugin_is_a_one_line_error(name: str) -> None:
    assert refused("--plugin", name).startswith("chateau: --plugin ")


def test_several_plugins_can_be_set_by_flag_and_in_the_environment(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / f"plugin_{name}.py").write_text(
            "from chateau.plugins import command\n\n"
            f"@command('{name}')\nasync def run(server, user, words):\n    return '{name}!'\n",
            "utf-8",
        )
    paths = [str(tmp_path / "plugin_one.py"), str(tmp_path / "plugin_two.py")]
    flags = [part for path in paths for part in ("--plugin", path)]

    for given in ({"flags": flags}, {"environment": {"CHATEAU_PLUGIN": ",".join(paths)}}):
        with (
            running_server(*given.get("flags", ()), environment=given.get("environment")) as server,  # type: ignore[arg-type]
            websocket(server, "/opcodes") as client,
        ):
            client.send(json.dumps({"op": 1, "d": {"content": "alice"}}))
            for name in ("one", "two"):
                client.send(json.dumps({"op": 1, "d": {"content": f"!{name}"}}))
                while (received := receive_json(client))["op"] != 0 or "entered" in received["d"]["content"]:
                    pass
                assert received["d"]["content"] == f"{name}!"


# --history-age and --data


@pytest.mark.parametrize("age", ["", "30", "30 d", "1w", "-1d", "1.5h", "d", "00d", "1d\n", "9999999d", "٣d"])
def test_invalid_history_age_is_a_one_line_error(age: str) -> None:
    line = misused(f"--history-age={age}")

    assert line.startswith(f"chateau: --history-age: got {age!r}, expected a number of seconds, minutes, ")


@pytest.mark.parametrize("age", ["0", "1s", "999999d"])
def test_history_age_may_be_unlimited_short_or_very_long(age: str, tmp_path: Path) -> None:
    with (
        running_server("--history-age", age, "--data", str(tmp_path / "kept")) as server,
        websocket(server, "/ws") as client,
    ):
        assert ask(client, {"type": 1, "username": "alice"})["status"] == 200
        assert ask(client, {"type": 5, "room": "lobby"})["status"] == 200
        client.send(json.dumps({"type": 7, "room": "lobby", "content": "hi"}))
        assert {receive_json(client)["status"], receive_json(client)["status"]} == {200}
        page = ask(client, {"type": 8, "room": "lobby"})
        assert [message["content"] for message in page["messages"]] == ["hi"]


def test_file_as_data_folder_is_a_one_line_error(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("precious", "utf-8")

    line = refused("--data", str(path))

    assert line.startswith(f"chateau: --data {path}: ")
    assert path.read_text("utf-8") == "precious"


def test_data_folder_below_a_file_is_a_one_line_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("precious", "utf-8")

    assert refused("--data", str(tmp_path / "file" / "data")).startswith("chateau: --data ")


def test_data_folder_in_use_is_a_one_line_error(tmp_path: Path) -> None:
    with running_server("--data", str(tmp_path)) as server:
        line = refused("--data", str(tmp_path))

        assert line.startswith(f"chateau: --data {tmp_path}: ")
        assert status_of(server.address) == 200


def test_server_that_cannot_listen_releases_its_data_folder(tmp_path: Path) -> None:
    with taken() as port:
        refused("--port", str(port), "--data", str(tmp_path))

    with running_server("--data", str(tmp_path)) as server:
        assert status_of(server.address) == 200


# --trusted-proxy


def addresses_seen(server: RunningServer, **headers: str) -> set[str]:
    """Return the addresses of the clients, one of which sends *headers*."""
    with websocket(server, "/functions", **headers) as client:
        clients = ask(client, {"function": "retrieve_clients"})["clients"]
    return {card["ip"] for card in clients.values()}


def test_trusted_proxies_in_the_environment_are_comma_separated() -> None:
    environment = {"CHATEAU_TRUSTED_PROXY": "127.0.0.0/8,10.0.0.0/8,2001:db8::/32"}

    with running_server("--allow-host", "*", environment=environment) as server:
        forwarded = "192.0.2.1, 203.0.113.7, 10.1.2.3"
        assert addresses_seen(server, X_Forwarded_For=forwarded) == {"203.0.113.7"}
        assert addresses_seen(server) == {"127.0.0.1"}


def test_commas_may_be_followed_by_spaces() -> None:
    with running_server(
        "--allow-host", "*", environment={"CHATEAU_TRUSTED_PROXY": "127.0.0.1, 10.0.0.0/8"}
    ) as server:
        assert addresses_seen(server, X_Forwarded_For="203.0.113.7") == {"203.0.113.7"}


def test_forwarded_address_is_ignored_without_a_trusted_proxy() -> None:
    with running_server() as server:
        assert addresses_seen(server, X_Forwarded_For="203.0.113.7") == {"127.0.0.1"}


def test_trusted_proxy_flag_is_repeatable_and_overrides_the_environment() -> None:
    flags = ("--allow-host", "*", "--trusted-proxy", "10.0.0.0/8", "--trusted-proxy", "127.0.0.1")

    with running_server(*flags, environment={"CHATEAU_TRUSTED_PROXY": "192.0.2.1"}) as server:
        assert addresses_seen(server, X_Forwarded_For="203.0.113.7, 10.0.0.1") == {"203.0.113.7"}
        assert addresses_seen(server, X_Forwarded_For="203.0.113.7, 192.0.2.1") == {"192.0.2.1"}


@pytest.mark.parametrize(("trusted", "seen"), [("unix", "203.0.113.7"), ("127.0.0.1", "0.0.0.0")])
def test_forwarded_address_over_a_trusted_unix_socket_is_used(
    tmp_path: Path, trusted: str, seen: str
) -> None:
    path = tmp_path / "sock"

    with (
        running_server("--usock", str(path), "--trusted-proxy", trusted, "--allow-host", "*") as server,
        unix_connect(
            str(path), "ws://localhost/functions", additional_headers={"X-Forwarded-For": "203.0.113.7"}
        ) as client,
    ):
        clients = ask(client, {"function": "retrieve_clients"})["clients"]
        assert [card["ip"] for card in clients.values()] == [seen]
        assert addresses_seen(server) - {seen} == {"127.0.0.1"}


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.9.9.9"])
def test_trusted_proxy_on_a_loopback_address_requires_allow_host(host: str) -> None:
    line = misused("--host", host, "--trusted-proxy", "127.0.0.1", "--port", "0", "--lines-port", "0")

    assert "--trusted-proxy" in line
    assert "--allow-host" in line


@pytest.mark.parametrize("value", ["proxy", "10.0.0.0/33", "10.0.0.1,proxy", "10.0.0.1,,::1", "300.0.0.1"])
@pytest.mark.parametrize("by", ["--trusted-proxy", "CHATEAU_TRUSTED_PROXY"])
def test_invalid_trusted_proxy_is_a_one_line_error(by: str, value: str) -> None:
    flags, environment = ((by, value), {}) if by.startswith("--") else ((), {by: value})

    line = misused(*flags, environment=environment)

    assert line == f"chateau: {by}: got {value!r}, expected an address, a range such as 10.0.0.0/8, or unix"


# --help


def test_help_shows_every_flag_with_description_and_default() -> None:
    ended = subprocess.run(
        [sys.executable, "server.py", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE_SECONDS,
    )

    shown = " ".join(ended.stdout.split())
    assert ended.stderr == ""
    assert max(map(len, ended.stdout.splitlines())) <= 100
    for row in described():
        assert f"{row.flag} " in shown
        assert row.description in shown
        assert f"{row.description} [{row.default}]" in shown or not row.default
    for flag in ("--config", "--version", "--help", "-h"):
        assert flag in shown


def test_unknown_flag_is_a_one_line_error() -> None:
    assert misused("--reuse", "true") == (
        "chateau: unrecognized arguments: --reuse true (--help lists all flags)"
    )
