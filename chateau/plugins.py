"""Plug-ins: commands that users of the server write in Python, for ``--plugin``.

A plug-in is a module, or a ``.py`` file, with coroutines that are decorated as commands::

    from chateau.plugins import Server, User, command


    @command("hello", usage="[NAME]", help="Say hello.")
    async def hello(server: Server, user: User, words: list[str]) -> str:
        return f"Hello, {words[0] if words else user.name}."

What a command may do is told in docs/plugins.md. The decorator only marks a function; nothing is
registered anywhere until :func:`load` collects what a module holds.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Collection, Coroutine, Iterator, Sequence
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from inspect import getdoc, iscoroutinefunction
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple, TypeVar

from chateau.protocols.opcodes_commands import BUILT_INS
from chateau.protocols.plugin_commands import Command, Server, User

__all__ = ["Command", "PluginError", "Server", "User", "command", "load"]

Run = TypeVar("Run", bound=Callable[[Server, User, list[str]], Coroutine[Any, Any, str | None]])

_MARK = "__chateau_commands__"
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")


class PluginError(Exception):
    """A plug-in cannot be used; the text names it and says why, in one line."""


class _Mark(NamedTuple):
    name: str
    usage: str
    help: str


def command(name: str, *, usage: str = "", help: str | None = None) -> Callable[[Run], Run]:  # noqa: A002
    """Mark a coroutine function as the command *name*.

    It is called with the server, the user who gave the command, and the words behind it; a text that it
    returns is told to that user alone. *usage* shows its words and *help* says what it does, as ``!help``
    tells them; without *help* that is the first line of its docstring.

    Raises:
        PluginError: *name* is none (lower-case letters, digits, ``-`` and ``_``, at most 32), or what is
            decorated is no coroutine function.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise PluginError(f"{name!r:.60} is no command's name, as in @command('roll')")

    def mark(run: Run) -> Run:
        if not iscoroutinefunction(run):
            raise PluginError(f"the command {name!r} is no coroutine function, as async def makes one")
        says = help if help is not None else (getdoc(run) or "").partition("\n")[0]
        setattr(run, _MARK, (*getattr(run, _MARK, ()), _Mark(name, usage, says)))
        return run

    return mark


def load(names: Sequence[str]) -> dict[str, Command]:
    """The commands of the plug-ins *names*, modules or paths of ``.py`` files, by the commands' names.

    Raises:
        PluginError: one cannot be imported, has no commands, or one whose name is taken already.
    """
    commands: dict[str, Command] = {}
    for name in dict.fromkeys(names):
        found = list(_commands(_imported(name)))
        if not found:
            raise PluginError(f"{name}: it has no commands: no function is decorated with @command")
        for each in found:
            _check_free(name, each, commands)
            commands[each.name] = each
    return commands


def _check_free(plugin: str, each: Command, taken: dict[str, Command]) -> None:
    if each.name in BUILT_INS:
        raise PluginError(f"{plugin}: the command {each.name!r} is one of the server's own")
    if each.name in taken and taken[each.name].run is not each.run:
        raise PluginError(f"{plugin}: there are two commands {each.name!r}")


def _commands(module: ModuleType) -> Iterator[Command]:
    """What is marked in *module*: under whatever names, each once."""
    for run in _distinct(vars(module).values()):
        for mark in getattr(run, _MARK, ()):
            yield Command(mark.name, mark.usage, mark.help, run)


def _distinct(values: Collection[Any]) -> Collection[Any]:
    return {id(value): value for value in values if iscoroutinefunction(value)}.values()


def _imported(name: str) -> ModuleType:
    """The module *name*, or the one in the file of that path.

    Raises:
        PluginError: it cannot be imported.
    """
    try:
        return _from_file(Path(name)) if name.endswith(".py") else import_module(name)
    except PluginError as exc:
        raise PluginError(f"{name}: {exc}") from exc
    except (Exception, SystemExit) as exc:
        raise PluginError(f"{name}: it cannot be imported: {_in_one_line(exc)}") from exc


def _from_file(path: Path) -> ModuleType:
    name = str(path.resolve())
    spec = spec_from_file_location(name, path)
    assert spec is not None, "a .py file can be loaded"
    assert spec.loader is not None
    module = sys.modules[name] = module_from_spec(spec)  # there, its classes and functions are found
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _in_one_line(exc: BaseException) -> str:
    return f"{type(exc).__name__}: {' '.join(str(exc).split())}".removesuffix(": ")
