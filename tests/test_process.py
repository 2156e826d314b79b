"""The process: signals, output that is closed or stuck, and plug-ins that try to end or to outlive it."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from textwrap import dedent
from urllib.request import urlopen

import pytest
from running_server import DEFAULTS, ROOT, RunningServer, free_port, running_server
from test_flags import ask, by_unix, port_of, receive_json, status_of, websocket
from websockets.sync.client import ClientConnection, connect

TLS = ROOT / "tests" / "net" / "tls"
PATIENCE_SECONDS = 20
SERVER = (sys.executable, "server.py")


def wait_for(what: str, is_so: object, seconds: float = PATIENCE_SECONDS) -> None:
    assert callable(is_so)
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def is_served(port: int) -> bool:
    try:
        return status_of(f"http://127.0.0.1:{port}/") == 200
    except OSError:
        return False


@contextmanager
def shell(script: str, *flags: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run *script* in a shell, in a session of its own, where ``$@`` is the server's command."""
    process = subprocess.Popen(
        ["bash", "-c", script, "bash", *SERVER, *flags],
        cwd=ROOT,
        env=os.environ | DEFAULTS,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


# Standard streams


@pytest.mark.parametrize(
    "script",
    [
        '"$@" | head -1',
        '"$@" | head -c 0',
        '"$@" >&-',
        '"$@" 2>&-',
        '"$@" >&- 2>&- <&-',
        '"$@" >/dev/full',
        '"$@" 2>/dev/full',
        '"$@" 2>&1 | sleep 1000',
        'PYTHONIOENCODING=ascii "$@" --usock /tmp/ü-$$',
    ],
)
def test_server_continues_whatever_its_output_is(tmp_path: Path, script: str) -> None:
    port, lines = free_port(), free_port()
    flags = ["--port", str(port), "--lines-port", str(lines), "--data", str(tmp_path), "--log-level", "debug"]
    with shell(script, *flags, "--max-log-rate", "0"):
        wait_for("the server is served", lambda: is_served(port))
        for _ in range(20):
            assert is_served(port)
        with connect(f"ws://127.0.0.1:{port}/ws", proxy=None) as client:
            assert ask(client, {"type": 1, "username": "alice"})["status"] == 200
            assert ask(client, {"type": 5, "room": "hall"})["status"] == 200
            assert "stored" in str(ask(client, {"type": 7, "room": "hall", "content": "stored"}))
            assert receive_json(client)["status"] == 200
    assert (tmp_path / "chateau.db").read_bytes().startswith(b"SQLite format 3\0")
    for path in Path("/tmp").glob("ü-*"):
        path.unlink()


def test_help_whose_reader_is_gone_is_no_error() -> None:
    ended = subprocess.run(
        ["bash", "-c", f"{sys.executable} server.py --help | head -0; echo ${{PIPESTATUS[0]}}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE_SECONDS,
    )

    assert (ended.stdout, ended.stderr) == ("0\n", "")


# SIGHUP


@contextmanager
def server_at_a_terminal(
    *flags: str, hang_ups: str = "SIG_DFL"
) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A server whose standard streams, and controlling terminal, are a new terminal."""
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", AT_A_TERMINAL.replace("HANG_UPS", hang_ups), *flags],
        cwd=ROOT,
        env=os.environ | DEFAULTS,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    )
    os.close(terminal)
    try:
        yield process, controller
    finally:
        process.kill()
        process.wait()
        with suppress(OSError):
            os.close(controller)


AT_A_TERMINAL = """
import fcntl, signal, sys, termios
signal.signal(signal.SIGHUP, signal.HANG_UPS)  # the tests may have been started by nohup
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
from chateau.app import main
sys.exit(main())
"""


def output_until(controller: int, text: bytes) -> bytes:
    received = b""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while text not in received:
        assert select.select([controller], [], [], max(deadline - time.monotonic(), 0))[0], received
        received += os.read(controller, 65_536)
    return received


def test_closing_the_terminal_drains_the_server() -> None:
    port = free_port()
    with server_at_a_terminal("--port", str(port)) as (process, controller):
        output_until(controller, b"/\r\n")
        with connect(f"ws://127.0.0.1:{port}/ws", proxy=None) as client:
            os.close(controller)

            assert receive_json(client)["event"] == "shutdown"
            assert process.wait(PATIENCE_SECONDS) == 0


def test_terminal_that_is_stopped_does_not_stop_the_server() -> None:
    port = free_port()
    flags = ("--port", str(port), "--log-level", "debug", "--max-log-rate", "0")
    with server_at_a_terminal(*flags) as (_, controller):
        output_until(controller, b"/\r\n")
        os.write(controller, b"\x13")  # Ctrl-S
        time.sleep(0.2)
        for _ in range(100):
            assert is_served(port)
        os.write(controller, b"\x11")
        time.sleep(0.2)
        assert is_served(port)  # entries from before may have been discarded
        output_until(controller, b"GET /")


def test_server_with_hang_ups_ignored_survives_the_end_of_its_terminal() -> None:
    """As `nohup` starts it."""
    port = free_port()
    with server_at_a_terminal("--port", str(port), hang_ups="SIG_IGN") as (process, controller):
        output_until(controller, b"/\r\n")
        os.close(controller)
        process.send_signal(signal.SIGHUP)
        time.sleep(0.5)

        assert is_served(port)
        assert process.poll() is None


@contextmanager
def server_without_a_terminal(*flags: str) -> Iterator[RunningServer]:
    with running_server(*flags, command=("setsid", *SERVER)) as server:
        yield server


def test_hang_up_without_a_terminal_or_a_certificate_changes_nothing() -> None:
    with server_without_a_terminal() as server:
        with websocket(server, "/ws") as client:
            server.process.send_signal(signal.SIGHUP)
            assert ask(client, {"type": 1, "username": "alice"})["status"] == 200
        assert server.stop() == 0

    assert server.log.count("nothing to reload") == 1


class Certificates:
    """A certificate and a key in a folder, which can be replaced."""

    def __init__(self, folder: Path) -> None:
        self.certificate = folder / "certificate.pem"
        self.key = folder / "key.pem"
        self.put("")

    @property
    def flags(self) -> tuple[str, ...]:
        return ("--tls-cert", str(self.certificate), "--tls-key", str(self.key))

    def put(self, prefix: str) -> None:
        self.certificate.write_bytes((TLS / f"{prefix}certificate.pem").read_bytes())
        self.key.write_bytes((TLS / f"{prefix}key.pem").read_bytes())


def certificate_of(port: int) -> str:
    return ssl.get_server_certificate(("127.0.0.1", port), timeout=PATIENCE_SECONDS).strip()


def pem(name: str) -> str:
    return (TLS / name).read_text("ascii").strip()


def test_hang_up_reloads_the_certificate_for_new_connections(tmp_path: Path) -> None:
    certificates, opcodes = Certificates(tmp_path), free_port()
    with server_without_a_terminal(*certificates.flags, "--opcodes-port", str(opcodes)) as server:
        port = port_of(server)
        old = ssl.create_default_context(cafile=TLS / "certificate.pem")
        with connect(f"wss://localhost:{port}/ws", ssl=old, proxy=None) as client:
            certificates.put("renewed_")
            assert certificate_of(port) != pem("renewed_certificate.pem")
            server.process.send_signal(signal.SIGHUP)

            wait_for("the new one", lambda: certificate_of(port) == pem("renewed_certificate.pem"))
            assert certificate_of(opcodes) == pem("renewed_certificate.pem")
            assert ask(client, {"type": 1, "username": "alice"})["status"] == 200
        assert server.stop() == 0

    assert server.log.count("is used for new connections") == 1


BROKEN = {
    "missing": lambda certificates: certificates.key.unlink(),
    "not PEM": lambda certificates: certificates.certificate.write_text("no certificate", "utf-8"),
    "another key": lambda certificates: certificates.key.write_bytes((TLS / "renewed_key.pem").read_bytes()),
    "a folder": lambda certificates: (certificates.certificate.unlink(), certificates.certificate.mkdir()),
    "a pipe": lambda certificates: (certificates.certificate.unlink(), os.mkfifo(certificates.certificate)),
}


@pytest.mark.parametrize("break_it", BROKEN.values(), ids=BROKEN)
def test_certificate_that_cannot_be_reloaded_leaves_the_old_one(tmp_path: Path, break_it: object) -> None:
    assert callable(break_it)
    certificates = Certificates(tmp_path)
    with server_without_a_terminal(*certificates.flags) as server:
        before = certificate_of(port_of(server))
        break_it(certificates)
        server.process.send_signal(signal.SIGHUP)
        time.sleep(0.5)

        assert certificate_of(port_of(server)) == before
        assert server.stop() == 0

    (line,) = [line for line in server.log.splitlines() if "ERROR" in line]
    assert "the old certificate stays in use: " in line


@pytest.mark.parametrize("form", ["a mark", "UTF-16", "one file", "a pipe"])
def test_certificates_are_text_inputs_like_others(tmp_path: Path, form: str) -> None:
    certificates = Certificates(tmp_path)
    command: tuple[str, ...] = SERVER
    flags = certificates.flags
    if form == "a mark":
        for path in (certificates.certificate, certificates.key):
            path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    elif form == "UTF-16":
        for path in (certificates.certificate, certificates.key):
            path.write_bytes(path.read_text("ascii").encode("utf-16"))
    elif form == "one file":
        both = tmp_path / "both.pem"
        both.write_bytes(certificates.key.read_bytes() + certificates.certificate.read_bytes())
        flags = ("--tls-cert", str(both), "--tls-key", str(both))
    else:
        script = f'exec "$@" --tls-cert <(cat {certificates.certificate}) --tls-key <(cat {certificates.key})'
        command, flags = ("bash", "-c", script, "bash", *SERVER), ()
    with running_server(*flags, command=command) as server:
        assert certificate_of(port_of(server)) == pem("certificate.pem")


@pytest.mark.parametrize("key", ["encrypted", "another"])
def test_key_that_cannot_be_used_is_a_one_line_error(tmp_path: Path, key: str) -> None:
    certificates = Certificates(tmp_path)
    if key == "another":
        certificates.key.write_bytes((TLS / "renewed_key.pem").read_bytes())
    else:
        command = ["openssl", "rsa", "-aes128", "-passout", "pass:secret", "-in", str(TLS / "key.pem")]
        try:
            made = subprocess.run(command, capture_output=True, check=False)
        except FileNotFoundError:
            pytest.skip("needs openssl")
        if made.returncode:
            pytest.skip("openssl cannot encrypt this key")
        certificates.key.write_bytes(made.stdout)

    ended = subprocess.run(
        [*SERVER, *certificates.flags],
        cwd=ROOT,
        env=os.environ | DEFAULTS,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )

    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    expected = "the key is encrypted" if key == "encrypted" else "the key is not that of the certificate"
    assert expected in ended.stderr


# Plug-ins


PLUGIN = """
import asyncio, sys, threading, time
from chateau.plugins import command

async def raise_it(exc):
    raise exc

async def never_end():
    while True:
        try:
            await asyncio.sleep(1)
        except BaseException:
            pass

@command("raises")
async def raises(server, user, words):
    raise {
        "interrupt": KeyboardInterrupt, "exit": SystemExit(3), "generator": GeneratorExit,
        "base": BaseException("x"), "cancelled": asyncio.CancelledError, "control": ValueError("\\x1b[2J"),
    }[words[0]]

@command("leaves")
async def leaves(server, user, words):
    exc = {"interrupt": KeyboardInterrupt(), "exit": SystemExit(3), "base": BaseException("x")}[words[0]]
    if words[1] == "task":
        user.task = asyncio.get_running_loop().create_task(raise_it(exc))
    else:
        def callback():
            raise exc
        asyncio.get_running_loop().call_soon(callback)
    return "left"

@command("stuck")
async def stuck(server, user, words):
    user.reply("started")
    if words[0] == "swallows":
        await never_end()
    elif words[0] == "task":
        server.task = asyncio.get_running_loop().create_task(never_end())
    elif words[0] == "thread":
        threading.Thread(target=time.sleep, args=(1000,)).start()
    elif words[0] == "executor":
        await asyncio.to_thread(time.sleep, 1000)
    elif words[0] == "blocks":
        time.sleep(1000)
    elif words[0] == "spins":
        while True:
            pass
"""


@contextmanager
def server_with_plugin(tmp_path: Path, *flags: str, **options: object) -> Iterator[RunningServer]:
    plugin = tmp_path / "troubles.py"
    plugin.write_text(dedent(PLUGIN), "utf-8")
    with running_server("--plugin", str(plugin), *flags, **options) as server:  # type: ignore[arg-type]
        yield server


@contextmanager
def user_of(server: RunningServer) -> Iterator[ClientConnection]:
    """A user of the opcode protocol."""
    with websocket(server, "/opcodes") as client:
        client.send(json.dumps({"op": 1, "d": {"content": "alice"}}))
        while receive_json(client)["op"] != 0:  # until the notice of the own arrival
            pass
        yield client


def response_to(client: ClientConnection, text: str) -> str:
    """Send the command *text*; return the response of the plug-in, or its error."""
    client.send(json.dumps({"op": 1, "d": {"content": text}}))
    while True:
        received = receive_json(client)
        if received["op"] == 5 or (received["op"] == 0 and received["d"]["author"] == "Chateau"):
            return json.dumps(received["d"])


@pytest.mark.parametrize("kind", ["interrupt", "exit", "generator", "base", "cancelled"])
def test_command_that_raises_anything_does_not_end_the_server(tmp_path: Path, kind: str) -> None:
    with server_with_plugin(tmp_path) as server:
        with user_of(server) as client:
            assert "failed; the server has logged why" in response_to(client, f"!raises {kind}")
            assert "failed; the server has logged why" in response_to(client, f"!raises {kind}")
        assert server.process.poll() is None
        assert server.stop() == 0

    assert server.log.count("the command !raises failed") == 2


def test_control_characters_of_an_exception_do_not_reach_the_terminal(tmp_path: Path) -> None:
    with server_with_plugin(tmp_path) as server:
        with user_of(server) as client:
            response_to(client, "!raises control")
        server.stop()

    assert r"ValueError: \x1b[2J" in server.log
    assert "\x1b" not in server.log


@pytest.mark.parametrize("kind", ["interrupt", "exit", "base"])
@pytest.mark.parametrize("where", ["task", "callback"])
def test_task_or_callback_that_raises_anything_does_not_end_the_server(
    tmp_path: Path, kind: str, where: str
) -> None:
    with server_with_plugin(tmp_path) as server:
        with user_of(server) as client:
            assert "left" in response_to(client, f"!leaves {kind} {where}")
            time.sleep(0.2)
            assert "left" in response_to(client, f"!leaves {kind} {where}")
        assert status_of(server.address) == 200
        assert server.stop() == 0


@pytest.mark.parametrize("kind", ["swallows", "task", "thread", "executor"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_plugin_that_does_not_end_does_not_outlive_the_server(
    tmp_path: Path, kind: str, number: signal.Signals
) -> None:
    with server_with_plugin(tmp_path) as server:
        with user_of(server) as client:
            assert "started" in response_to(client, f"!stuck {kind}")
        started = time.monotonic()
        assert server.stop(number) == 0

    assert time.monotonic() - started < 10
    assert "do not end, and are ended" in server.log


def is_blocked(server: RunningServer) -> bool:
    try:
        with urlopen(server.address, timeout=0.5):
            return False
    except OSError:
        return True


@pytest.mark.parametrize("kind", ["blocks", "spins"])
def test_plugin_that_blocks_the_event_loop_does_not_outlive_the_server(tmp_path: Path, kind: str) -> None:
    start = "import sys; from chateau import process, app; process.END_SECONDS = 1.0; sys.exit(app.main())"
    with (
        server_with_plugin(tmp_path, command=(sys.executable, "-c", start)) as server,
        user_of(server) as client,
    ):
        client.send(json.dumps({"op": 1, "d": {"content": f"!stuck {kind}"}}))
        wait_for("the loop is blocked", lambda: is_blocked(server))
        assert server.stop() == 1

    assert "the server has not ended in time" in server.log


# Listening


def has_ipv6() -> bool:
    import socket

    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


IPV6 = pytest.mark.skipif(not has_ipv6(), reason="needs IPv6")


@IPV6
@pytest.mark.parametrize(
    "hosts", [("127.0.0.1,::1",), ("127.0.0.1", "::1"), ("*",), ("::",), ("localhost", "::1", "127.0.0.1")]
)
@pytest.mark.parametrize("reuse", ["true", "false"])
def test_one_flag_listens_on_ipv4_and_ipv6_with_one_port(hosts: tuple[str, ...], reuse: str) -> None:
    flags = [flag for host in hosts for flag in ("--host", host)]
    with running_server(*flags, "--reuse-addr", reuse) as server:
        port = int(server.address.rpartition(":")[2].split("/")[0])
        for host in ("127.0.0.1", "[::1]"):
            with urlopen(f"http://{host}:{port}/", timeout=PATIENCE_SECONDS) as page:
                assert page.status == 200
        assert server.stop() == 0


def test_wildcard_address_of_ipv4_is_ipv4_alone() -> None:
    with running_server("--host", "0.0.0.0") as server:
        assert server.address.startswith("http://0.0.0.0:")
        assert status_of(f"http://127.0.0.1:{port_of(server)}/") == 200


@pytest.mark.parametrize("host", ["nosuchhost.invalid", "192.0.2.1", "127.0.0.1,192.0.2.1"])
def test_host_that_is_not_this_machine_is_a_one_line_error(host: str) -> None:
    for more in ([], ["--check"]):
        ended = subprocess.run(
            [*SERVER, "--host", host, *more],
            cwd=ROOT,
            env=os.environ | DEFAULTS,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_SECONDS,
        )
        assert ended.returncode == 1
        assert ended.stderr.startswith(f"chateau: --host {host}: cannot listen there: ")
        assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("mode", "expected"), [(None, 0o666), ("660", 0o660), ("0600", 0o600), ("0o777", 0o777)]
)
@pytest.mark.parametrize("umask", [0, 0o022, 0o077])
def test_unix_socket_has_the_mode_of_the_flag_whatever_the_umask_is(
    tmp_path: Path, mode: str | None, expected: int, umask: int
) -> None:
    path = tmp_path / "sock"
    start = f"import os, sys; os.umask({umask}); from chateau.app import main; sys.exit(main())"
    flags = () if mode is None else ("--usock-mode", mode)

    with running_server("--usock", str(path), *flags, command=(sys.executable, "-c", start)):
        assert path.stat().st_mode & 0o777 == expected


@pytest.mark.skipif(
    not hasattr(os, "getuid") or os.getuid() != 0, reason="needs root, to become another user"
)
def test_other_user_such_as_that_of_a_proxy_can_use_the_unix_socket_by_default(tmp_path: Path) -> None:
    folder = Path("/tmp") / f"chateau-usock-{os.getpid()}"
    folder.mkdir()
    try:
        path = folder / "sock"
        with running_server("--usock", str(path), "--trusted-proxy", "unix"):
            other = os.fork()
            if other == 0:
                status = 1
                try:
                    os.setuid(65_534)
                    status = 0 if by_unix(path, "GET", "/")[0] == 200 else 1
                finally:
                    os._exit(status)
            assert os.waitpid(other, 0)[1] == 0
    finally:
        folder.rmdir()


# Ignored variables


def test_variables_that_are_ignored_are_logged() -> None:
    environment = {
        "CHATEAU_OPCODES_PORT": "tcp://10.96.3.7:8888",
        "CHATEAU_SERVICE_HOST": "10.96.3.7",
        "CHATEAU_PASSWORD": "x",
    }
    with running_server(environment=environment) as server:
        server.stop()

    warnings = [line for line in server.log.splitlines() if "WARNING" in line]
    assert len(warnings) == 2
    assert "CHATEAU_OPCODES_PORT, CHATEAU_SERVICE_HOST: ignored, since Kubernetes" in warnings[0]
    assert "CHATEAU_PASSWORD: ignored, since no setting has this name" in warnings[1]
