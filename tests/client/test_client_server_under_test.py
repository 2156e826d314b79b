"""The server under test: it is started in time, or the reason is reported, and no process is left."""

import asyncio
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path

import pytest
from tiny_servers import FOREVER, command

from chateau.client.under_test import ServerDidNotStart, server
from chateau.client.under_test.process import Limits, limited
from chateau.client.under_test.server import ServerUnderTest

LISTENS = "kept = listen(sys.argv[1])"
PATIENCE_SECONDS = 60


def play(story: Coroutine[object, object, None]) -> None:
    asyncio.run(asyncio.wait_for(story, PATIENCE_SECONDS))


def start_error(under_test: ServerUnderTest) -> str:
    """Why it did not start."""
    with pytest.raises(ServerDidNotStart) as caught:
        play(under_test.start())
    return str(caught.value)


async def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


def is_alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text("utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def test_it_listens_when_it_has_started_and_no_longer_when_it_was_stopped(tmp_path: Path) -> None:
    async def story() -> None:
        async with ServerUnderTest(command(tmp_path, LISTENS + FOREVER)) as under_test:
            assert server.listens(under_test.port)
            assert under_test.host == "127.0.0.1"
            assert under_test.opcodes_port == under_test.port
            assert under_test.crash() is None
        assert not server.listens(under_test.port)
        assert under_test.crash() is None

    play(story())


def test_it_is_not_disturbed_by_the_question_whether_it_listens(tmp_path: Path) -> None:
    once = LISTENS + "\nprint(kept.accept()[0].recv(9).decode())" + FOREVER

    async def story() -> None:
        async with ServerUnderTest(command(tmp_path, once)) as under_test:
            with socket.create_connection((under_test.host, under_test.port)) as client:
                client.send(b"the first")
                await until(lambda: "the first" in under_test.process.stdout.text)

    play(story())


def test_every_port_that_the_command_names_is_filled_in_and_other_braces_stay(tmp_path: Path) -> None:
    body = "kept = [listen(port) for port in sys.argv[1:4]]\nprint(sys.argv[4:], flush=True)" + FOREVER
    arguments = "{port} {lines_port} {opcodes_port} '{\"json\": {}}' {other} --at={port}"

    async def story() -> None:
        async with ServerUnderTest(command(tmp_path, body, arguments)) as under_test:
            at = {under_test.port, under_test.lines_port, under_test.opcodes_port}
            assert len(at) == 3
            assert all(server.listens(port) for port in at)
            await until(lambda: under_test.process.stdout.text)
            assert (
                under_test.process.stdout.text
                == f"""['{{"json": {{}}}}', '{{other}}', '--at={under_test.port}']\n"""
            )

    play(story())


def test_it_starts_again_on_the_same_ports_after_a_stop_and_after_a_kill(tmp_path: Path) -> None:
    async def story() -> None:
        async with ServerUnderTest(command(tmp_path, LISTENS + FOREVER)) as under_test:
            port = under_test.port
            for end in (under_test.stop, under_test.kill):
                await end()
                assert under_test.crash() is None
                await under_test.start()
                assert under_test.port == port
                assert server.listens(port)

    play(story())


def test_a_second_start_replaces_the_running_process(tmp_path: Path) -> None:
    body = "print(os.getpid(), flush=True)\n" + LISTENS + FOREVER

    async def story() -> None:
        async with ServerUnderTest(command(tmp_path, body)) as under_test:
            await until(lambda: under_test.process.stdout.text.strip())
            first = int(under_test.process.stdout.text)
            await under_test.start()
            assert not is_alive(first)
            assert server.listens(under_test.port)

    play(story())


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("sys.exit(3)", "The server under test ended with exit code 3. It wrote nothing."),
        ("sys.exit(0)", "The server under test ended with exit code 0."),
        ("print('so far'); sys.exit(1)", "Its stdout ended with:\nso far"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "The server under test was ended by SIGSEGV."),
        ("import nowhere_to_be_found", "Its stderr ended with:\nTraceback (most recent call last):"),
        (
            "time.sleep(60)",
            "The server under test did not listen on port PORT within 0.3 s. It wrote nothing.",
        ),
        (
            "os.closerange(0, 3); time.sleep(60)",
            "did not listen on port PORT within 0.3 s. It wrote nothing.",
        ),
        ("print('\\N{snowman}' * 9, '\\x00'); time.sleep(60)", "within 0.3 s. Its stdout ended with:\n☃☃"),
        ("sys.stderr.buffer.write(b'\\xff\\xfe'); sys.exit(1)", "Its stderr ended with:\n\\xff\\xfe"),
    ],
)
def test_start_fails_with_how_the_program_ended(tmp_path: Path, body: str, says: str) -> None:
    under_test = ServerUnderTest(command(tmp_path, body), start_seconds=0.3 if "sleep" in body else 10)

    sentence = start_error(under_test)

    assert says.replace("PORT", str(under_test.port)) in sentence
    assert under_test.crash() is None or "exit code" in says or "ended" in says


def test_start_waits_for_both_ports(tmp_path: Path) -> None:
    under_test = ServerUnderTest(
        command(tmp_path, LISTENS + FOREVER, "{port} {lines_port}"), start_seconds=0.3
    )

    sentence = start_error(under_test)

    assert f"did not listen on port {under_test.lines_port} within" in sentence


def test_start_reports_the_port_that_the_server_listens_on(tmp_path: Path) -> None:
    body = "kept = socket.socket(); kept.bind(('127.0.0.1', 0)); kept.listen()\n"
    body += "print(kept.getsockname()[1], flush=True)" + FOREVER

    sentence = start_error(ServerUnderTest(command(tmp_path, body), start_seconds=0.5))

    found = re.search(r"but it listens on port (\d+)\. Its stdout ended with:\n(\d+)", sentence)
    assert found
    assert found[1] == found[2]


def test_start_reports_that_the_server_listens_at_another_address(tmp_path: Path) -> None:
    body = "kept = listen(sys.argv[1], '127.0.0.2')" + FOREVER

    sentence = start_error(ServerUnderTest(command(tmp_path, body), start_seconds=0.5))

    assert "within 0.5 s, but it listens there at another address than 127.0.0.1." in sentence


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("no-such-program --port {port}", "There is no program 'no-such-program'"),
        ("./no-such-program {port}", "There is no program './no-such-program'"),
        ("./no-program {port}", "There is no program './no-program'"),
        ("", "The command of the server under test is empty."),
        ('python "server.py {port}', "cannot be parsed: No closing quotation."),
    ],
)
def test_start_rejects_a_command_that_cannot_be_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str, says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "no-program").write_text("this is no program", "utf-8")

    assert says in start_error(ServerUnderTest(words))


def test_start_rejects_an_executable_file_that_is_not_a_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "server").write_bytes(b"\x7fELF, not quite")
    (tmp_path / "server").chmod(0o755)

    assert "./server cannot be run: Exec format error." in start_error(ServerUnderTest("./server {port}"))


def test_it_runs_in_the_current_folder_without_shadowing_the_launchers_modules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for module in ("os", "resource", "signal", "chateau", "sitecustomize"):
        (tmp_path / f"{module}.py").write_text("raise SystemExit('imported')", "utf-8")
    (tmp_path / "server").write_text("#!/bin/sh\npwd\nexit 7\n", "utf-8")
    (tmp_path / "server").chmod(0o755)

    sentence = start_error(ServerUnderTest("./server {port}"))

    assert sentence.endswith(f"exit code 7. Its stdout ended with:\n{tmp_path}")


def test_a_crash_is_reported_with_the_end_of_its_stderr(tmp_path: Path) -> None:
    body = (
        LISTENS
        + "\nkept.accept()\nfor n in range(99): print('line', n, file=sys.stderr)\nraise KeyError('x')"
    )

    async def story() -> None:
        async with ServerUnderTest(command(tmp_path, body)) as under_test:
            assert under_test.crash() is None
            socket.create_connection((under_test.host, under_test.port)).close()
            await until(under_test.crash)
            told = under_test.crash() or ""
        assert told.startswith("The server under test ended with exit code 1. Its stderr ended with:\nline 8")
        assert told.endswith("KeyError: 'x'")
        assert under_test.crash() == told

    play(story())


def test_a_server_whose_connections_have_just_ended_is_given_a_moment_to_crash(tmp_path: Path) -> None:
    body = LISTENS + "\nkept.accept()[0].close(); kept.close(); time.sleep(0.1); sys.exit(5)"

    async def story() -> None:
        under_test = ServerUnderTest(command(tmp_path, body))
        assert not under_test.is_listening()
        async with under_test:
            assert under_test.is_listening()
            with socket.create_connection((under_test.host, under_test.port)) as client:
                client.recv(1)
            told = await under_test.crashed()
            assert told == "The server under test ended with exit code 5. It wrote nothing."
            assert not under_test.is_listening()

    play(story())


def test_crashed_returns_early_while_the_server_listens(tmp_path: Path) -> None:
    async def story() -> None:
        async with ServerUnderTest(command(tmp_path, LISTENS + FOREVER)) as under_test:
            began = time.monotonic()
            assert await under_test.crashed() is None
            assert time.monotonic() - began < server.DYING_SECONDS

    play(story())


def test_one_that_ignores_sigterm_is_killed_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "STOP_SECONDS", 0.2)
    body = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + LISTENS + FOREVER

    async def story() -> None:
        async with ServerUnderTest(command(tmp_path, body)) as under_test:
            pass
        assert not server.listens(under_test.port)

    play(story())


def test_children_end_with_it_even_those_with_a_session_of_their_own(tmp_path: Path) -> None:
    body = (
        LISTENS
        + """
for leave in (False, True):
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if leave:
            os.setsid()
            if os.fork():
                os._exit(0)
        os.write(1, f"{os.getpid()}\\n".encode())  # in one piece: print may let the other come between
        time.sleep(60)
"""
        + FOREVER
    )

    async def story() -> None:
        async with ServerUnderTest(command(tmp_path, body)) as under_test:
            await until(lambda: len(under_test.process.stdout.text.split()) == 2)
            children = [int(word) for word in under_test.process.stdout.text.split()]
            assert all(map(is_alive, children))
        assert not any(map(is_alive, children))
        assert not server.listens(under_test.port)

    play(story())


def test_a_server_that_forks_and_ends_is_reported_as_ended(tmp_path: Path) -> None:
    body = "if os.fork() == 0:\n    time.sleep(0.3)\n    kept = listen(sys.argv[1])\n    time.sleep(60)\n"

    sentence = start_error(ServerUnderTest(command(tmp_path, body)))

    assert "ended with exit code 0" in sentence


def test_output_without_end_neither_blocks_it_nor_fills_the_memory(tmp_path: Path) -> None:
    body = """
piece = b'x' * 65536
for _ in range(1600):
    sys.stderr.buffer.write(piece)
    sys.stdout.buffer.write(piece)
sys.stderr.write('the end'); sys.stderr.flush()
kept = listen(sys.argv[1])
"""

    async def story() -> None:
        async with ServerUnderTest(command(tmp_path, body + FOREVER)) as under_test:
            assert under_test.process.stderr.text.endswith("xthe end")
            assert len(under_test.process.stderr.text) == 64 * 1024

    play(story())


def test_a_port_that_was_taken_meanwhile_is_given_up_for_another_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        free = iter([taken.getsockname()[1], server.free_port()])
        monkeypatch.setattr(server, "free_port", lambda: next(free))

        async def story() -> None:
            async with ServerUnderTest(command(tmp_path, LISTENS + FOREVER)) as under_test:
                assert under_test.port != taken.getsockname()[1]

        play(story())


def test_a_port_that_is_taken_while_it_starts_is_given_up_for_another(tmp_path: Path) -> None:
    body = """
import pathlib
seen = pathlib.Path(__file__).with_name('seen')
if not seen.exists():
    seen.write_text('')
    if os.fork() == 0:
        os.setsid()
        os.environ.clear()
        os.execv(sys.executable, [sys.executable, '-S', __file__, sys.argv[1], '1'])
    time.sleep(0.5)
"""
    body += LISTENS + "\ntime.sleep(float((sys.argv + ['60'])[2]))"

    async def story() -> None:
        async with ServerUnderTest(command(tmp_path, body)) as under_test:
            assert server.listens(under_test.port)
            assert under_test.crash() is None

    play(story())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_nothing_is_left_when_the_test_client_is_interrupted_or_killed(
    tmp_path: Path, number: signal.Signals
) -> None:
    body = "print(os.getpid(), flush=True)\n" + LISTENS + FOREVER
    tester = tmp_path / "tester.py"
    tester.write_text(
        f"""\
import asyncio
from chateau.client.under_test.server import ServerUnderTest
async def main():
    async with ServerUnderTest({command(tmp_path, body)!r}) as under_test:
        while not under_test.process.stdout.text:
            await asyncio.sleep(0.01)
        print(under_test.process.stdout.text, flush=True)
        await asyncio.sleep(60)
asyncio.run(main())
""",
        "utf-8",
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(
        [sys.executable, tester], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
    ) as process:
        assert process.stdout is not None
        server_process = int(process.stdout.readline())

        process.send_signal(number)
        process.wait(PATIENCE_SECONDS)

    asyncio.run(until(lambda: not is_alive(server_process)))


@pytest.mark.parametrize(
    ("limits", "does", "says"),
    [
        (Limits(memory_bytes=256 * 1024 * 1024), "b'x' * 10**9", "MemoryError"),
        (
            Limits(cpu_seconds=1),
            "os.kill(os.getpid(), signal.SIGXCPU)",
            "was ended: it used more CPU time than its limit.",
        ),
        (Limits(file_bytes=1000), "open(__file__ + '.big', 'wb').write(b'x' * 10**6)", "File too large"),
    ],
)
def test_limits_end_it(tmp_path: Path, limits: Limits, does: str, says: str) -> None:
    assert says in start_error(ServerUnderTest(f"{shlex.join(limited(limits))} {command(tmp_path, does)}"))


def test_a_port_opened_by_another_process_is_accepted_after_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "FOREIGN_LISTENER_SECONDS", 0.1)
    port = server.free_port()
    monkeypatch.setattr(server, "free_port", lambda: port)

    async def story() -> None:
        starting = asyncio.create_task(ServerUnderTest(command(tmp_path, FOREVER)).start())
        await asyncio.sleep(0.01)
        with socket.create_server(("127.0.0.1", port)):
            await starting

    play(story())


def test_a_command_without_a_port_is_taken_to_listen_on_the_usual_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = {"port": server.free_port(), "lines_port": server.free_port()}
    monkeypatch.setattr(server, "USUAL_PORTS", usual)
    listens_on_one = command(tmp_path, LISTENS + FOREVER, str(usual["lines_port"]))

    async def story() -> None:
        async with ServerUnderTest(listens_on_one) as under_test:
            assert (under_test.port, under_test.lines_port) == (usual["port"], usual["lines_port"])
            assert second_error == [
                f"Port {usual['lines_port']} is in use by another program; "
                "put {port} into the command to use a free one."
            ]

    second_error: list[str] = []
    with socket.create_server(("127.0.0.1", usual["lines_port"])):
        second_error.append(start_error(ServerUnderTest(listens_on_one)))
    play(story())
    silent = start_error(ServerUnderTest(command(tmp_path, FOREVER, ""), start_seconds=0.2))
    assert f"did not listen on port {usual['port']} or {usual['lines_port']} within 0.2 s;" in silent
    assert "its command has no {port} for the port to listen on." in silent


def test_quotes_in_the_command_are_parsed_without_a_shell(tmp_path: Path) -> None:
    body = "print(sys.argv[1:]); sys.exit(1)"
    words = command(tmp_path, body, "'two words' $HOME ; echo > {port}")

    assert re.search(
        r"\['two words', '\$HOME', ';', 'echo', '>', '\d+'\]", start_error(ServerUnderTest(words))
    )
    assert shlex.split(words)[-1] == "{port}"
