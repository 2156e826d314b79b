"""docs/admin-api.md matches the admin API: endpoints, codes, examples, and commands that work."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from running_server import ROOT, free_port, running_server

from chateau.net.admin_api import READINGS, STREAMS
from chateau.protocols.admin import ACTIONS, ADMIN_STATUSES
from chateau.protocols.schemas import SchemaSet

PAGE = (ROOT / "docs" / "admin-api.md").read_text("utf-8").partition("<!-- reference")[0]
SCHEMA_SET = SchemaSet(ROOT / "schemas" / "admin", url="/schemas/admin")
PATIENCE_SECONDS = 20
TIMED_OUT = 28  # curl's exit code after --max-time


def blocks(language: str) -> str:
    """Return the code blocks in *language* on the page, in order."""
    return "".join(re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.M | re.S))


COMMANDS = [line for line in blocks("sh").splitlines() if line.startswith("curl")]


def test_page_has_exactly_the_endpoints_with_their_methods() -> None:
    documented = set(re.findall(r"`(GET|POST) /admin/([a-z-]+)", PAGE))

    assert documented == {("GET", name) for name in (*READINGS, *STREAMS)} | {
        ("POST", name) for name in ACTIONS
    }


@pytest.mark.parametrize("name", ACTIONS)
def test_page_has_the_keys_of_every_body(name: str) -> None:
    (row,) = re.findall(rf"^\| `POST /admin/{name}` \| (.*?) \|", PAGE, re.M)
    schema = SCHEMA_SET.schemas[f"{name}-request"]
    keys = [f"`{key}`" if key in schema.get("required", ()) else f"`{key}`?" for key in schema["properties"]]

    assert row.split(", ") == keys


def test_page_has_every_code_with_its_status() -> None:
    table = PAGE.partition("## Errors")[2].partition("## The live stream")[0]
    rows = re.findall(r"^\| (\d+) \| (.*?) \|", table, re.M)
    documented = {(code, int(status)) for status, codes in rows for code in re.findall("`(.*?)`", codes)}
    codes = SCHEMA_SET.schemas["error-response"]["properties"]["code"]["enum"]

    expected = {(code, ADMIN_STATUSES.get(code, 400)) for code in codes}
    assert documented == expected | {("access_denied", 403), ("unknown_type", 405)}
    assert {status for _, status in documented} == set(
        SCHEMA_SET.schemas["error-response"]["properties"]["status"]["enum"]
    )


@pytest.mark.parametrize("example", blocks("json").splitlines())
def test_every_example_matches_a_schema(example: str) -> None:
    message = json.loads(example)

    assert any(
        SCHEMA_SET.validator(name)(message)
        for name in SCHEMA_SET.schemas
        if name.endswith(("-response", "-push")) and name != "common"
    )


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Start a server with the command on the page, and 18 clients in a room."""
    if shutil.which("curl") is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("curl is not installed")
    start = re.search(r"^python server.py (.*)$", PAGE, re.M)
    assert start is not None
    port = free_port()
    with (
        running_server(*shlex.split(start[1]), "--lines-port", str(port)) as server,
        ExitStack() as clients,
    ):
        for number in range(18):
            client = clients.enter_context(socket.create_connection(("127.0.0.1", port)))
            client.settimeout(PATIENCE_SECONDS)
            client.sendall(b"LOGIN user%d\nJOIN lobby\n" % number)
            with client.makefile("rb") as lines:
                for _ in range(2):
                    assert b"commandResult" in lines.readline()
        yield server.address.removeprefix("http://").removesuffix("/")


def test_page_has_exactly_the_tested_commands() -> None:
    assert len(COMMANDS) == 10
    assert all("http://127.0.0.1:8888/admin/" in command for command in COMMANDS)


def rank(command: str) -> int:
    """Return the rank of a command: kicks and the shutdown come last."""
    return ("/admin/kick" in command) + 2 * ("/admin/shutdown" in command)


@pytest.mark.parametrize("command", sorted(COMMANDS, key=rank))
def test_commands_get_the_expected_response(address: str, command: str) -> None:
    exported = re.search(r"^export (\w+)=(\w+)$", PAGE, re.M)
    assert exported is not None

    done = subprocess.run(
        ["sh", "-c", command.replace("127.0.0.1:8888", address)],
        env=os.environ | {exported[1]: exported[2]},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )

    name = re.findall("/admin/([a-z-]+)", command)[0]
    if name in STREAMS:
        assert done.returncode == TIMED_OUT or "event: end" in done.stdout
        assert {"live": "event: house\n", "tap": "event: "}[name] in done.stdout
    else:
        assert done.returncode == 0
        response: Any = json.loads(done.stdout)
        assert SCHEMA_SET.validator(f"{name}-response")(response), response
