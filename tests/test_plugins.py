"""Plugins: the decorator, loading modules and files, and errors."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from types import SimpleNamespace
from typing import Any

import pytest

from chateau import plugins
from chateau.plugins import PluginError, command, load
from chateau.protocols.opcodes_commands import BUILT_INS

ROOT = Path(__file__).resolve().parents[1]
DICE = str(ROOT / "examples" / "plugin_dice.py")
PAGE = (ROOT / "docs" / "plugins.md").read_text("utf-8")

ROLL = """
    from chateau.plugins import command

    @command("roll", usage="[SIDES]", help="Roll a die.")
    async def roll(server, user, words):
        return "4"
"""


class PluginFolder:
    """A folder of plugins on the import path."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, name: str, text: str) -> str:
        """Write the plugin *name*; return the path of its file."""
        path = self.folder / f"{name}.py"
        path.write_text(dedent(text), "utf-8")
        return str(path)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PluginFolder]:
    monkeypatch.syspath_prepend(tmp_path)
    known = set(sys.modules)
    yield PluginFolder(tmp_path)
    for name in set(sys.modules) - known:
        del sys.modules[name]


@pytest.mark.parametrize("by_path", [True, False])
def test_plugin_is_loaded_by_module_or_file_name(folder: PluginFolder, by_path: bool) -> None:
    path = folder.put("dice_in_a_folder", ROLL)

    commands = load([path if by_path else "dice_in_a_folder"])

    assert list(commands) == ["roll"]
    assert commands["roll"][:3] == ("roll", "[SIDES]", "Roll a die.")
    assert asyncio.run(commands["roll"].run(None, None, [])) == "4"  # type: ignore[arg-type]


def test_loading_no_plugins_returns_no_commands() -> None:
    assert load([]) == {}


def test_loading_a_plugin_file_again_rereads_it(folder: PluginFolder) -> None:
    path = folder.put("dice_again", ROLL)
    first = load(["dice_again", "dice_again"])
    assert list(load(["dice_again"])) == list(first) == ["roll"]
    assert list(load([path])) == ["roll"]

    folder.put("dice_again", ROLL.replace('"roll"', '"throw_dice"'))
    assert list(load([path])) == ["throw_dice"]


def test_default_help_is_the_first_line_of_the_docstring(folder: PluginFolder) -> None:
    name = folder.put(
        "docs_in_a_folder",
        '''
        from chateau.plugins import command

        @command("a")
        @command("b", help="Given.")
        async def told(server, user, words):
            """Told.

            More.
            """

        @command("c")
        async def untold(server, user, words): ...
        ''',
    )

    assert {each.name: each.help for each in load([name]).values()} == {"a": "Told.", "b": "Given.", "c": ""}


def test_plugin_may_use_any_python_feature(folder: PluginFolder) -> None:
    folder.put("shared_dice", ROLL)
    name = folder.put(
        "large_plugin",
        """
        from __future__ import annotations

        import functools
        from dataclasses import dataclass
        from unittest.mock import MagicMock

        from shared_dice import command, roll

        again = roll
        anything = MagicMock()

        @dataclass
        class Die:
            sides: int

        def traced(run):
            @functools.wraps(run)
            async def wrapper(server, user, words):
                return "traced " + await run(server, user, words)
            return wrapper

        @traced
        @command("die")
        async def die(server, user, words):
            return str(Die(6).sides)
        """,
    )

    commands = load(["shared_dice", name])

    assert set(commands) == {"roll", "die"}
    assert asyncio.run(commands["die"].run(None, None, [])) == "traced 6"  # type: ignore[arg-type]


TROUBLES = [
    pytest.param(
        "1 +", "it cannot be imported: SyntaxError: invalid syntax (NAME.py, line 1)", id="a syntax error"
    ),
    pytest.param("1 / 0", "it cannot be imported: ZeroDivisionError: division by zero", id="an error"),
    pytest.param(
        "import nosuchmodule",
        "it cannot be imported: ModuleNotFoundError: No module named 'nosuchmodule'",
        id="an import",
    ),
    pytest.param("raise SystemExit", "it cannot be imported: SystemExit", id="an exit"),
    pytest.param(
        "raise ValueError('a\\nb')", "it cannot be imported: ValueError: a b", id="an error of two lines"
    ),
    pytest.param("x = 1", "it has no commands: no function is decorated with @command", id="no commands"),
    pytest.param(
        ROLL.replace('"roll"', '"join"'),
        "the command 'join' is one of the server's own",
        id="a built-in's name",
    ),
    pytest.param(
        ROLL.replace("async ", ""),
        "the command 'roll' is no coroutine function, as async def makes one",
        id="no coroutine",
    ),
    pytest.param(
        ROLL.replace('"roll"', '"Roll"'),
        "'Roll' is no command's name, as in @command('roll')",
        id="a name in capitals",
    ),
    pytest.param(
        ROLL.replace('"roll"', '"a b"'),
        "'a b' is no command's name, as in @command('roll')",
        id="a name with a space",
    ),
    pytest.param(
        ROLL.replace('"roll"', '""'), "'' is no command's name, as in @command('roll')", id="an empty name"
    ),
    pytest.param(
        ROLL.replace('"roll"', '"roll\\n"'),
        "'roll\\n' is no command's name, as in @command('roll')",
        id="a name with a line's end",
    ),
    pytest.param(
        dedent(ROLL) + dedent(ROLL).replace("def roll", "def roll2"),
        "there are two commands 'roll'",
        id="a name twice",
    ),
]


@pytest.mark.parametrize(("text", "reason"), TROUBLES)
@pytest.mark.parametrize("by_path", [True, False])
def test_unusable_plugin_is_reported_in_one_line(
    folder: PluginFolder, text: str, reason: str, by_path: bool
) -> None:
    path = folder.put("bad_plugin", text)
    name = path if by_path else "bad_plugin"

    with pytest.raises(PluginError) as caught:
        load([name])

    assert str(caught.value) == f"{name}: {reason.replace('NAME', 'bad_plugin')}"
    assert by_path or path not in sys.modules


def test_decorator_without_a_name_is_reported(folder: PluginFolder) -> None:
    name = folder.put("nameless", "from chateau.plugins import command\n@command\nasync def roll(*_): ...")

    with pytest.raises(PluginError, match=r"is no command's name, as in @command\('roll'\)"):
        load([name])


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("no_such_plugin", "it cannot be imported: ModuleNotFoundError: No module named 'no_such_plugin'"),
        ("no/such/plugin.py", "cannot read the file: No such file or directory"),
        ("", "it cannot be imported: ValueError: Empty module name"),
        (".", "it cannot be imported: TypeError: the 'package' argument is required"),
        ("a\0b.py", "it cannot be imported: ValueError: embedded null byte"),
    ],
)
def test_missing_plugin_is_reported(name: str, reason: str) -> None:
    with pytest.raises(PluginError) as caught:
        load([name])

    assert str(caught.value).startswith(f"{name}: {reason}")
    assert "\n" not in str(caught.value)


def test_duplicate_command_is_rejected(folder: PluginFolder) -> None:
    names = [folder.put("one", ROLL), folder.put("two", ROLL)]

    with pytest.raises(PluginError) as caught:
        load(names)

    assert str(caught.value) == f"{names[1]}: there are two commands 'roll'"


def test_plugin_file_that_fails_leaves_no_module(folder: PluginFolder) -> None:
    path = folder.put("failing", "1 / 0")

    with pytest.raises(PluginError):
        load([path])

    assert path not in sys.modules


def test_decorator_returns_the_function() -> None:
    async def run(server: Any, user: Any, words: list[str]) -> None:
        pass

    assert command("run")(run) is run


# The example


def replies(words: list[str], name: str = "roll") -> list[str]:
    replied: list[str] = []
    user = SimpleNamespace(name="alice", reply=replied.append)
    response = asyncio.run(load([DICE])[name].run(None, user, words))  # type: ignore[arg-type]
    return [*replied, *([response] if response is not None else [])]


@pytest.mark.parametrize(("words", "sides"), [([], 6), (["1"], 1), (["20"], 20), (["1000000"], 1_000_000)])
def test_dice_plugin_rolls_dice(words: list[str], sides: int) -> None:
    for _ in range(20):
        (reply,) = replies(words)
        match = re.fullmatch(rf"alice rolled (\d+) of {sides}\.", reply)
        assert match is not None
        assert 1 <= int(match[1]) <= sides


@pytest.mark.parametrize(
    "words", [["0"], ["-1"], ["1000001"], ["6", "6"], ["x"], ["½"], [""], ["9" * 5000], ["1.5"]]
)
def test_dice_plugin_rejects_invalid_dice(words: list[str]) -> None:
    assert replies(words) == ["A die has 1 to 1000000 sides, as in !roll 20."]


def test_timer_plugin_reports_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    slept = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)

    assert replies(["90"], "timer") == ["The timer is set to 90 s.", "The timer has run for 90 s."]
    assert replies([], "timer") == ["The timer is set to 60 s.", "The timer has run for 60 s."]
    assert replies(["0"], "timer") == ["A timer takes 1 to 3600 seconds, as in !timer 90."]
    assert slept == [90, 60]


# The page


def test_documented_plugins_can_be_loaded(folder: PluginFolder) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE, re.M | re.S)
    assert blocks

    for number, block in enumerate(blocks):
        assert load([folder.put(f"page_{number}", block)])


def test_page_names_the_whole_plugin_api() -> None:
    for facade in (plugins.Server, plugins.User):
        public = {name for name in vars(facade) if not name.startswith("_")} | {"name"}
        for name in public:
            assert f"`{facade.__name__.lower()}.{name}" in PAGE
    assert {"roll", "timer"} == load([DICE]).keys()
    assert not {"roll", "timer"} & BUILT_INS.keys()
