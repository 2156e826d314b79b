"""What is exposed, and ``--check``."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from running_server import ROOT, free_port, running_server

from chateau.exposure import exposure, is_loopback
from chateau.settings import SETTINGS, Settings, flag_of

UNIX = "of this machine can connect to the UNIX socket /s: --usock-mode"
OPEN, HERE = ["0.0.0.0", "::"], ["127.0.0.1", "::1"]
NETWORK, MACHINE = "anyone on the network", "anyone on this machine"


def checked(*flags: str, folder: Path = ROOT, status: int = 0) -> list[str]:
    """Return the lines of ``--check``: those of standard output, or the one error."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CHATEAU_")}
    ended = subprocess.run(
        [sys.executable, str(ROOT / "server.py"), "--check", *flags],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert ended.returncode == status, ended
    assert (ended.stderr if status == 0 else ended.stdout) == ""
    return (ended.stdout if status == 0 else ended.stderr).splitlines()


@pytest.mark.parametrize(
    ("addresses", "expected"),
    [
        (["127.0.0.1"], True),
        (["127.0.0.1", "::1"], True),
        (["127.9.9.9"], True),
        (["0.0.0.0"], False),
        (["::"], False),
        (["127.0.0.1", "192.168.1.5"], False),
        (["fe80::1%eth0"], False),
    ],
)
def test_loopback_is_where_only_this_machine_can_connect(addresses: list[str], expected: bool) -> None:
    assert is_loopback(addresses) is expected


@pytest.mark.parametrize(
    ("settings", "addresses", "line"),
    [
        ({}, OPEN, f"{NETWORK} can publish: no --pwd"),
        ({}, HERE, f"{MACHINE} can publish: no --pwd"),
        ({"pwd": "x"}, OPEN, f"{NETWORK} can publish with the password: --pwd"),
        (
            {"trusted_proxy": ("127.0.0.1",)},
            HERE,
            f"{MACHINE}, and every client of its proxy, can publish: no --pwd",
        ),
        ({}, OPEN, "messages, passwords and keys are not encrypted on the network: no --tls-cert"),
        ({}, OPEN, "nobody is an admin: no --secret-key"),
        (
            {"allow_origin": ("*",)},
            OPEN,
            "pages of every origin can connect and publish in browsers: --allow-origin *",
        ),
        ({"usock": "/s"}, HERE, f"any user {UNIX} 666"),
        ({"usock": "/s", "usock_mode": "660"}, HERE, f"the server's group {UNIX} 660"),
        (
            {"usock": "/s", "trusted_proxy": ("unix",)},
            HERE,
            "any user of this machine can claim any client address: --trusted-proxy unix, --usock-mode 666",
        ),
        ({"opcodes_port": 8889}, OPEN, f"{NETWORK} can connect to the opcode protocol: --opcodes-port 8889"),
        ({"plugin": ("dice.py",)}, HERE, "the code of dice.py runs in the server: --plugin dice.py"),
    ],
)
def test_what_is_exposed_is_a_sentence_with_its_flag(
    settings: dict[str, object], addresses: Sequence[str], line: str
) -> None:
    assert line in exposure(Settings(**settings), addresses)  # type: ignore[arg-type]


@pytest.mark.parametrize("addresses", [OPEN, HERE])
def test_every_sentence_names_a_flag_that_exists(addresses: Sequence[str]) -> None:
    flags = {flag_of(each.name) for each in SETTINGS}
    for settings in (
        Settings(),
        Settings(
            pwd="p",
            secret_key="k",
            usock=Path("/s"),
            trusted_proxy=("unix", "::1"),
            opcodes_port=1,
            allow_origin=("https://a.example",),
            plugin=("a", "b"),
            lines_port=0,
            data=":memory:",
            history_age="0",
        ),
    ):
        for line in exposure(settings, addresses):
            named = re.findall(r"--[a-z-]+", line.rpartition(": ")[2])
            assert named, line
            assert set(named) <= flags


def test_secrets_are_not_shown() -> None:
    settings = Settings(pwd="swordfish", secret_key="swordfish", host="0.0.0.0")

    assert "swordfish" not in str(exposure(settings, OPEN))


def test_protected_settings_expose_less() -> None:
    protected = exposure(Settings(pwd="p", lines_port=0, default_privacy="private"), HERE)

    assert len(protected) < len(exposure(Settings(), HERE))
    assert not any("line protocol" in line for line in protected)


def test_check_prints_what_is_exposed_and_creates_and_opens_nothing(tmp_path: Path) -> None:
    lines = checked("--host", "0.0.0.0", "--usock", str(tmp_path / "sock"), folder=tmp_path)

    assert f"{NETWORK} can publish: no --pwd" in lines
    assert list(tmp_path.iterdir()) == []


def test_check_prints_warnings_and_control_characters_escaped(tmp_path: Path) -> None:
    lines = checked("--usock", f"{tmp_path}/\x1b[2J", folder=tmp_path)

    assert any(r"\x1b[2J" in line for line in lines)
    assert all(line.isprintable() for line in lines)


def test_check_next_to_a_running_server_passes(tmp_path: Path) -> None:
    port = str(free_port())
    with running_server("--port", port, "--data", str(tmp_path)):
        assert checked("--port", port, "--data", str(tmp_path))


@pytest.mark.parametrize(
    ("flags", "status", "error"),
    [
        (["--port", "x"], 2, "chateau: --port: got 'x'"),
        (["--config", "missing.toml"], 2, "chateau: --config missing.toml: cannot read the file"),
        (["--pwd-file", "missing"], 2, "chateau: --pwd-file missing: cannot read the file"),
        (["--plugin", "missing.py"], 1, "chateau: --plugin missing.py: cannot read the file"),
        (
            ["--tls-cert", "missing", "--tls-key", "missing"],
            1,
            "chateau: --tls-cert missing: cannot read the file",
        ),
        (["--host", "nosuchhost.invalid"], 1, "chateau: --host nosuchhost.invalid: cannot listen there"),
        (["--host", "192.0.2.1"], 1, "chateau: --host 192.0.2.1: cannot listen there"),
        (["--usock", "missing/sock"], 1, "chateau: --usock missing/sock: cannot listen there"),
        (["--data", "/dev/null"], 1, "chateau: --data /dev/null: /dev/null is not a folder."),
        (["--data", "/dev/null/x"], 1, "chateau: --data /dev/null/x: "),
        (["--data", "other"], 1, "chateau: --data other: other/chateau.db is not a database."),
        (
            ["--data", "newer"],
            1,
            "chateau: --data newer: newer/chateau.db has version 99, of a newer server; ",
        ),
    ],
)
def test_check_finds_what_would_prevent_the_start(
    tmp_path: Path, flags: list[str], status: int, error: str
) -> None:
    for name in ("other", "newer"):
        (tmp_path / name).mkdir()
    (tmp_path / "other" / "chateau.db").write_bytes(b"Dear diary")
    header = b"SQLite format 3\0".ljust(60, b"\0") + (99).to_bytes(4, "big")
    (tmp_path / "newer" / "chateau.db").write_bytes(header)

    (line,) = checked(*flags, folder=tmp_path, status=status)

    assert line.startswith(error)


@pytest.mark.parametrize("host", ["0.0.0.0", "*"])
def test_exposure_is_logged_at_the_start_if_others_can_connect(host: str) -> None:
    with running_server("--host", host) as server:
        server.stop()

    assert f"exposed: {NETWORK} can publish: no --pwd" in server.log


def test_exposure_is_not_logged_if_only_this_machine_can_connect() -> None:
    with running_server("--host", "127.0.0.1") as server:
        server.stop()

    assert "exposed" not in server.log
