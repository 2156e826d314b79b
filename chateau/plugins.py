"""Plug-ins: additional commands, written in Python and loaded by ``--plugin``.

A plug-in is a module, or a ``.py`` file, with coroutines that are decorated as commands::

    from chateau.plugins import Server, User, command


    @command("hello", usage="[NAME]", help="Say hello.")
    async def hello(server: Server, user: User, words: list[str]) -> str:
        return f"Hello, {words[0] if words else user.name}."

docs/plugins.md describes what a command can do. The decorator only marks a function; :func:`load` collects
the marked functions of a module.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Collection, Coroutine, Iterator, Sequence
from importlib import import_module
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from inspect import getdoc, iscoroutinefunction
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, NamedTuple, TypeVar

from chateau.inputs import InputError, decoded, read_bytes
from chateau.printable import printable
from chateau.protocols.opcodes_commands import BUILT_INS
from chateau.protocols.plugin_commands import Command, Server, User

__all__ = ["Command", "PluginError", "Server", "User", "command", "load"]

Run = TypeVar("Run", bound=Callable[[Server, User, list[str]], Coroutine[Any, Any, str | None]])

_MARK = "__chateau_commands__"
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")


class PluginError(Exception):
    """A plug-in cannot be loaded; the text names it and gives the reason, in one line."""


class _Mark(NamedTuple):
    name: str
    usage: str
    help: str


def command(name: str, *, usage: str = "", help: str | None = None) -> Callable[[Run], Run]:  # noqa: A002
    """Mark a coroutine function as the command *name*.

    It is called with the server, the user of the command, and the words after it; a text that it returns is
    sent to that user only. *usage* shows its words and *help* its purpose, for ``!help``; without *help* the
    first line of the docstring is used.

    Raises:
        PluginError: *name* is invalid (lower-case letters, digits, ``-`` and ``_``, at most 32), or the
            decorated object is not a coroutine function.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise PluginError(f"{name!r:.60} is no command's name, as in @command('roll')")

    def mark_command(run: Run) -> Run:
        if not iscoroutinefunction(run):
            raise PluginError(f"the command {name!r} is no coroutine function, as async def makes one")
        text = help if help is not None else (getdoc(run) or "").partition("\n")[0]
        if not isinstance(usage, str) or not isinstance(text, str):
            raise PluginError(f"the usage and help of the command {name!r} must be texts")
        mark = _Mark(name, printable(usage), printable(text))
        setattr(run, _MARK, (*getattr(run, _MARK, ()), mark))
        return run

    return mark_command


def load(names: Sequence[str]) -> dict[str, Command]:
    """Return the commands of the plug-ins *names* (modules or paths of files), by name.

    A name with a slash, or that ends in ``.py``, is a path; the file is read once.

    Raises:
        PluginError: a plug-in cannot be imported, has no commands, or a command whose name is taken.
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
    """Yield the commands that are marked in *module*, each once."""
    for run in _distinct(vars(module).values()):
        for mark in getattr(run, _MARK, ()):
            yield Command(mark.name, mark.usage, mark.help, run)


def _distinct(values: Collection[Any]) -> Collection[Any]:
    return {id(value): value for value in values if iscoroutinefunction(value)}.values()


def _imported(name: str) -> ModuleType:
    """Import the module *name*, or the one in the file of that path.

    Raises:
        PluginError: it cannot be imported.
    """
    is_path = name.endswith(".py") or "/" in name or "\\" in name
    try:
        return _from_file(Path(name)) if is_path else import_module(name)
    except (PluginError, InputError) as exc:
        raise PluginError(f"{name}: {exc}") from exc
    except BaseException as exc:  # also SystemExit, and KeyboardInterrupt: plug-ins raise what they like
        raise PluginError(f"{name}: it cannot be imported: {_in_one_line(exc)}") from exc


def _from_file(path: Path) -> ModuleType:
    name = str(path.resolve())
    loader = _Loader(name, str(path), read_bytes(path))
    spec = spec_from_file_location(name, path, loader=loader)
    assert spec is not None, "it has a loader"
    module = sys.modules[name] = module_from_spec(spec)  # there, its classes and functions are found
    try:
        loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


class _Loader(SourceFileLoader):
    """Loads a module from *source*, which was read from *path*, without reading or writing there again."""

    def __init__(self, name: str, path: str, source: bytes) -> None:
        super().__init__(name, path)
        self._source = source

    def get_code(self, fullname: str) -> CodeType:
        """Return the code of the module: with the encoding that its source declares, or in UTF-16."""
        has_nul = b"\0" in self._source[:4]
        source = decoded(self._source) if has_nul else self._source
        # Tracebacks show lines of a file only: to open a pipe again would block.
        shown = self.path if Path(self.path).is_file() else f"<{self.path}>"
        code: CodeType = compile(source, shown, "exec", dont_inherit=True)
        return code


def _in_one_line(exc: BaseException) -> str:
    try:
        text = " ".join(str(exc).split())
    except Exception:
        text = "(its text cannot be shown)"
    return printable(f"{type(exc).__name__}: {text}".removesuffix(": "))
