"""docs/classroom.md: its commands work, and it describes all options of grading."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
PAGE = (CHECKOUT / "docs" / "classroom.md").read_text("utf-8")
COMMANDS = [
    line
    for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
    if " test_client.py" in line or " server.py" in line
]
SUBCOMMANDS = ("grade", "proxy", "replay", "to-scenario")
PATIENCE_SECONDS = 60


def run(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *words],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )


HELP: dict[tuple[str, ...], str] = {}


def help_of(*words: str) -> str:
    if words not in HELP:
        HELP[words] = run(*words, "--help").stdout
    return HELP[words]


@pytest.mark.parametrize("line", COMMANDS)
def test_every_option_of_a_command_is_there(line: str) -> None:
    words = shlex.split(line.replace('"$(openssl rand -hex 16)"', "KEY"))
    words = words[next(index for index, word in enumerate(words) if word.endswith(".py")) :]
    program = words[: 2 if words[1] in SUBCOMMANDS else 1]

    known = set(re.findall(r"--[a-z-]+", help_of(*program)))

    assert {word for word in words if word.startswith("--")} <= known


@pytest.mark.parametrize("line", COMMANDS)
def test_every_file_of_a_command_is_there(line: str) -> None:
    names = re.findall(r"(?:messages|examples)/[\w./-]+", line)

    assert all((CHECKOUT / name).exists() for name in names)


def test_every_option_of_grade_is_in_the_page() -> None:
    options = set(re.findall(r"--[a-z-]+", help_of("test_client.py", "grade"))) - {"--help"}

    assert {option for option in options if f"`{option}" not in PAGE} == set()


def test_the_scenarios_of_the_hand_out_pass_with_the_command_of_the_page() -> None:
    (line,) = [line for line in COMMANDS if "--data :memory:" in line and "test_client.py" in line]

    played = run(*shlex.split(line.replace("python server.py", f"{sys.executable} server.py"))[1:])

    assert played.returncode == 0, played.stdout + played.stderr
    assert "4 scenarios: 4 passed." in played.stdout
