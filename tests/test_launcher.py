"""The launcher: one line with what to do where Python is too old or a package is missing."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from running_server import ROOT

ENTRY_POINTS = {
    "server.py": ("server.py",),
    "test_client.py": ("test_client.py",),
    "chateau": ("-m", "chateau"),
}
FIRST_IMPORTED = (
    "server.py",
    "test_client.py",
    "chateau/__init__.py",
    "chateau/__main__.py",
    "chateau/launcher.py",
)


def complaint(*command: str, folder: Path = ROOT, environment: dict[str, str] | None = None) -> str:
    """Return the one line that *command* prints to standard error before it exits with 1."""
    ended = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env={"PATH": "", **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert ended.returncode == 1, ended
    assert ended.stdout == ""
    assert ended.stderr.count("\n") == 1, ended.stderr
    return ended.stderr


@pytest.mark.parametrize("entry_point", ENTRY_POINTS.values(), ids=ENTRY_POINTS)
def test_missing_packages_are_one_line_that_says_what_to_do(entry_point: tuple[str, ...]) -> None:
    line = complaint("-S", "-E", *entry_point)  # without site-packages

    assert "is not installed; expected Python 3.11 or newer with the packages of requirements.txt" in line
    assert sys.executable in line
    assert ".venv" in line or "pip install -r" in line


@pytest.mark.parametrize(
    ("arguments", "package", "content", "problem"),
    [
        (
            ("server.py", "--port", "0"),
            "orjson",
            "raise ImportError('built for\\nanother Python', name='orjson.orjson')",
            "the package orjson cannot be used (built for another Python)",
        ),
        (
            ("server.py",),
            "tornado",
            "",
            "the package tornado cannot be used (No module named 'tornado.",
        ),
        (
            ("server.py", "--data", "DATA"),  # imported when the folder is locked
            "filelock",
            "raise ModuleNotFoundError('No module named filelock', name='filelock')",
            "the package filelock is not installed",
        ),
        (
            ("test_client.py", "register"),
            "rich",
            "raise ModuleNotFoundError('No module named rich', name='rich')",
            "the package rich is not installed",
        ),
    ],
    ids=["built for another Python", "an empty package", "imported late", "the test client"],
)
def test_unusable_package_is_one_line_that_says_what_to_do(
    tmp_path: Path, arguments: tuple[str, ...], package: str, content: str, problem: str
) -> None:
    (tmp_path / f"{package}.py").write_text(content, "utf-8")
    words = [str(tmp_path / word) if word == "DATA" else word for word in arguments]

    line = complaint(*words, environment={"PYTHONPATH": str(tmp_path)})

    assert problem in line
    assert "; expected Python 3.11 or newer with the packages of requirements.txt: " in line


@pytest.mark.parametrize("version", [(2, 7, 18), (3, 8, 0), (3, 10, 99)])
def test_old_python_is_one_line_that_names_its_version(version: tuple[int, ...]) -> None:
    script = f"import sys; sys.version_info = {version}; from chateau.launcher import start; "

    line = complaint("-c", script + "sys.exit(start('chateau.app', 'chateau'))")

    assert f"chateau: Python {version[0]}.{version[1]} is too old; expected Python 3.11 or newer" in line


@pytest.mark.parametrize("name", FIRST_IMPORTED)
def test_modules_of_the_launcher_can_be_parsed_by_old_pythons(name: str) -> None:
    text = (ROOT / name).read_text("ascii")  # Python 2 refuses other characters without a declaration

    tree = ast.parse(text, feature_version=(3, 4))

    newer = (ast.JoinedStr, ast.AnnAssign, ast.AsyncFunctionDef, ast.NamedExpr, ast.Starred)
    found = [
        node for node in ast.walk(tree) if isinstance(node, newer) and not is_starred_argument(node, tree)
    ]
    arguments = [node for node in ast.walk(tree) if isinstance(node, ast.arg) and node.annotation]
    assert (found, arguments) == ([], [])


def is_starred_argument(node: ast.AST, tree: ast.AST) -> bool:
    calls = [each for each in ast.walk(tree) if isinstance(each, ast.Call)]
    return any(node is argument for call in calls for argument in call.args)


def test_fault_in_a_module_of_chateau_is_not_taken_for_a_missing_package() -> None:
    script = "from chateau.launcher import start; start('chateau.nosuchmodule', 'chateau')"

    ended = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert "ModuleNotFoundError: No module named 'chateau.nosuchmodule'" in ended.stderr
