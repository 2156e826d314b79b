"""The server's settings, from flags, the environment and a file.

A flag overrides ``CHATEAU_NAME`` in the environment, which overrides the file that ``--config`` names, which
overrides the default. All settings are validated together, once, and do not change afterwards. To add a
setting, add a field to :class:`Settings`: ``--help`` and the documentation are generated from the fields.
"""

from __future__ import annotations

import argparse
import math
import os
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import Field, dataclass, field, fields
from ipaddress import ip_network
from itertools import groupby
from pathlib import Path
from typing import Any, Literal, NamedTuple, NoReturn

from chateau import __version__
from chateau.hosts import normalized_host, normalized_origin
from chateau.names import normalize_name

ENV_PREFIX = "CHATEAU_"
MEMORY = ":memory:"
UNIX = "unix"
ALL = "*"
REPEATED = ("allow_origin", "allow_host", "trusted_proxy", "plugin")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_BOOLEANS = dict.fromkeys(("true", "yes", "on", "t", "y", "1"), True) | dict.fromkeys(
    ("false", "no", "off", "f", "n", "0"), False
)

Parser = Callable[[Any], Any]


class SettingsError(Exception):
    """A setting is invalid; the text names it, its value and what is expected."""


class InvalidSetting(ValueError):
    """The setting *name* got *value*, which is invalid."""

    def __init__(self, name: str, value: object) -> None:
        super().__init__(name, value)
        self.name = name
        self.value = value


# Parsers: from the text of a flag or variable, or a value of TOML, to the setting; ValueError if invalid.


def text(value: object) -> str:
    """Return *value*, a text that is not empty."""
    if not isinstance(value, str) or not value:
        raise ValueError("not a text, or empty")
    return value


def path(value: object) -> Path:
    """Return *value* as a path."""
    return Path(value)  # type: ignore[arg-type]


def boolean(value: object) -> bool:
    """Return *value*, or the boolean that it is written as."""
    if isinstance(value, bool):
        return value
    return _BOOLEANS[str(value).lower()]


def number(value: object) -> float:
    """Return *value* as a number that is at least 0; in a TOML file false is 0 and true is 1."""
    if not str(value).isascii() or not 0 <= (parsed := float(value)) < math.inf:  # type: ignore[arg-type]
        raise ValueError("not a number, or out of range")
    return parsed


def integer(least: int, most: float = math.inf) -> Parser:
    """Return a parser of integers from *least* to *most*."""

    def parse(value: object) -> int:
        parsed = number(value)
        if not parsed.is_integer() or not least <= parsed <= most:
            raise ValueError("not an integer, or out of range")
        return int(parsed)

    return parse


def matching(pattern: str) -> Parser:
    """Return a parser of texts that match *pattern* as a whole."""

    def parse(value: object) -> str:
        if not isinstance(value, str) or re.fullmatch(pattern, value) is None:
            raise ValueError("does not match")
        return value

    return parse


def list_of(parse: Parser) -> Parser:
    """Return a parser of lists whose items *parse* parses; a text is split at its commas."""

    def parse_list(values: object) -> tuple[Any, ...]:
        items = [item.strip() for item in values.split(",")] if isinstance(values, str) else values
        if not isinstance(items, list | tuple) or not all(isinstance(item, str) for item in items):
            raise ValueError("not a list of texts")
        return tuple(map(parse, items))

    return parse_list


def origin(value: str) -> str:
    """Return *value*, an origin, as browsers send it."""
    return value if value == ALL else normalized_origin(value)


def host_pattern(value: str) -> str:
    """Return *value*, a host, or ``*.`` and a name for all names below it, normalized."""
    if value == ALL:
        return value
    below, name = ("*.", value[2:]) if value.startswith("*.") else ("", value)
    return below + normalized_host(name)


def network(value: str) -> str:
    """Return *value*, an address, a range of addresses, or ``unix``."""
    if value != UNIX:
        ip_network(value, strict=False)
    return value


def url_prefix(value: object) -> str:
    """Return *value* with one slash in front and none at the end, or an empty string."""
    if not isinstance(value, str) or re.search(r"[?#%\\ ]", value) or not value.isprintable():
        raise ValueError("not a path")
    stripped = value.strip("/")
    return f"/{stripped}" if stripped else ""


def display_name(value: object) -> str:
    """Return *value*, a name as users have it, of at most 32 characters."""
    if len(normalized := text(value)) > 32:
        raise ValueError("too long")
    normalize_name(normalized)
    return normalized


class Kind(NamedTuple):
    """A kind of values: in words, and the parser that raises ValueError for others."""

    takes: str
    parse: Parser


def choice(*words: str) -> Kind:
    """Return the kind of which *words* are the values."""
    return Kind(f"{', '.join(words[:-1])} or {words[-1]}", matching("|".join(words)))


BOOLEAN = Kind("true or false", boolean)
PORT = Kind("a port, 0 to 65535", integer(0, 65_535))
SECRET = Kind("any text but the empty one", text)
FILE = Kind("a file's path", path)
COUNT = Kind("an integer, at least 0", integer(0))
AGE = Kind(
    "a number of seconds, minutes, hours or days such as 90s, 45m, 12h or 30d, or 0",
    matching(r"(0|[1-9][0-9]{0,5}[smhd])"),
)


def setting(default: Any, group: str, description: str, kind: Kind, *, repr: bool = True) -> Any:  # noqa: A002
    """Define a setting: its default, its group in ``--help``, its description, and the kind of its values."""
    metadata = {"group": group, "description": description, **kind._asdict()}
    return field(default=default, repr=repr, metadata=metadata)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings of the server, immutable."""

    host: str = setting(
        "127.0.0.1", "Listening", "Address to listen on.", Kind("an address or a host name", text)
    )
    port: int = setting(8888, "Listening", "Port for HTTP and WebSocket (0 = any free port).", PORT)
    lines_port: int = setting(9090, "Listening", "TCP port for the line protocol (0 = off).", PORT)
    opcodes_port: int = setting(
        0, "Listening", "Extra port serving only the opcode protocol, on any path (0 = off).", PORT
    )
    usock: Path | None = setting(None, "Listening", "Additional UNIX socket for HTTP and WebSocket.", FILE)
    reuse_addr: bool = setting(
        True, "Listening", "Set SO_REUSEADDR, so the server can restart on the same port.", BOOLEAN
    )
    reuse_port: bool = setting(
        False, "Listening", "Set SO_REUSEPORT, so several servers can share the ports.", BOOLEAN
    )
    url_prefix: str = setting(
        "",
        "Listening",
        "Prefix of every path of the server, as in /chat/ws.",
        Kind("a path such as /chat, or nothing", url_prefix),
    )
    trusted_proxy: tuple[str, ...] = setting(
        (),
        "Listening",
        "Trust X-Forwarded-For, Forwarded and X-Forwarded-Proto from this address or range (repeatable; "
        '"unix" for --usock).',
        Kind("an address, a range such as 10.0.0.0/8, or unix", list_of(network)),
    )
    tls_cert: Path | None = setting(
        None, "Listening", "Certificate chain (PEM); enables https and wss.", FILE
    )
    tls_key: Path | None = setting(None, "Listening", "The certificate's private key (PEM).", FILE)
    allow_origin: tuple[str, ...] = setting(
        (),
        "Access",
        "Allow pages from this origin to connect, as https://example.org (repeatable; * = all).",
        Kind("an origin such as https://example.org, null, file://, or *", list_of(origin)),
    )
    allow_host: tuple[str, ...] = setting(
        (),
        "Access",
        "Accept requests to this host name, as chat.example.org (repeatable; *.example.org = all below it, "
        "* = all). Without it, a loopback address takes loopback names only, any other address all names.",
        Kind("a host name or address without a port, *.example.org, or *", list_of(host_pattern)),
    )
    secret_key: str | None = setting(
        None,
        "Access",
        "Secret key for admin actions. If unset, admin actions are disabled.",
        SECRET,
        repr=False,
    )
    pwd: str | None = setting(
        None,
        "Access",
        "Password for publishing over HTTP. If unset, anybody can publish.",
        SECRET,
        repr=False,
    )
    default_privacy: Literal["public", "private"] = setting(
        "public",
        "Access",
        "Initial privacy of a client of the function protocol.",
        choice("public", "private"),
    )
    data: str = setting(
        "./chateau-data",
        "History",
        f"Folder for stored data; {MEMORY} stores it only while the server runs.",
        Kind(f"a folder's path, or {MEMORY}", text),
    )
    history: int = setting(
        10_000,
        "History",
        "Maximum number of messages stored per room.",
        Kind("an integer, at least 1", integer(1)),
    )
    history_age: str = setting(
        "30d", "History", "Maximum age of a stored message: 90m, 12h, 30d (0 = unlimited).", AGE
    )
    channel_history: int = setting(0, "History", "Maximum number of publications stored per channel.", COUNT)
    server_name: str = setting(
        "Chateau",
        "Opcodes",
        "Display name used for replies to commands.",
        Kind("a name of 1 to 32 characters", display_name),
    )
    command_prefix: str = setting(
        "!",
        "Opcodes",
        "Prefix that marks a message as a command.",
        Kind("1 to 8 characters without spaces", matching(r"\S{1,8}")),
    )
    plugin: tuple[str, ...] = setting(
        (),
        "Opcodes",
        "Python module or .py file with additional commands (repeatable).",
        Kind("a module's name or a file's path", list_of(str)),
    )
    max_frame: int = setting(
        1_048_576,
        "Limits",
        "Maximum size of a client message, in bytes.",
        Kind("a number of bytes, at least 4096", integer(4096)),
    )
    max_rate: float = setting(
        200,
        "Limits",
        "Maximum messages per second and connection, twice that in a burst (0 = unlimited).",
        Kind("a number, at least 0", number),
    )
    max_outbox: int = setting(
        4_194_304,
        "Limits",
        "Maximum bytes queued for a client; a client that reads too slowly is disconnected.",
        Kind("a number of bytes, at least 1024", integer(1024)),
    )
    presence_limit: int = setting(
        500,
        "Limits",
        "In rooms larger than this, send member counts instead of individual joins and leaves.",
        COUNT,
    )
    ping: float = setting(
        30,
        "Limits",
        "Ping a client after this many idle seconds; two unanswered pings close it (0 = never).",
        Kind("a number of seconds, at least 0", number),
    )
    transport: Literal["auto", "tornado"] = setting(
        "auto",
        "Limits",
        "How sockets are read: auto is the fast path, tornado the slower IOStream, for troubleshooting.",
        choice("auto", "tornado"),
    )
    log_level: Literal["debug", "info", "warning", "error"] = setting(
        "info", "Logging", "Minimum level of log messages.", choice("debug", "info", "warning", "error")
    )
    log_format: Literal["text", "json"] = setting(
        "text", "Logging", "Log format: plain lines, or one JSON object per line.", choice("text", "json")
    )

    given: frozenset[str] = field(default=frozenset(), repr=False)
    """The names of the settings that are not left at their defaults."""

    def __post_init__(self) -> None:
        for each in SETTINGS:
            if (value := getattr(self, each.name)) is not each.default:
                object.__setattr__(self, each.name, parsed(each, value))
        changed = {each.name for each in SETTINGS if getattr(self, each.name) != each.default}
        object.__setattr__(self, "given", self.given | changed)
        if (self.tls_cert is None) != (self.tls_key is None):
            raise SettingsError("--tls-cert and --tls-key must be given together")

    @property
    def history_seconds(self) -> float | None:
        """The maximum age of a stored message; None if unlimited."""
        if self.history_age == "0":
            return None
        return float(self.history_age[:-1]) * _SECONDS[self.history_age[-1]]


SETTINGS: tuple[Field[Any], ...] = tuple(each for each in fields(Settings) if each.metadata)
_NAMES = dict.fromkeys(each.name for each in SETTINGS).keys()


def parsed(each: Field[Any], value: object) -> Any:
    """Return *value*, parsed as the setting *each*.

    Raises:
        InvalidSetting.
    """
    try:
        return each.metadata["parse"](value)
    except (ValueError, TypeError, KeyError) as exc:
        raise InvalidSetting(each.name, value) from exc


class Described(NamedTuple):
    """A setting, as shown to people."""

    name: str
    group: str
    description: str
    takes: str
    default: str

    @property
    def flag(self) -> str:
        return flag_of(self.name)

    @property
    def variable(self) -> str:
        return ENV_PREFIX + self.name.upper()


def flag_of(name: str) -> str:
    """Return the flag of the setting *name*."""
    return "--" + name.replace("_", "-")


def described() -> Iterator[Described]:
    """Yield every setting, in the order in which they are shown."""
    for each in SETTINGS:
        about = each.metadata
        default = "" if each.default in (None, ()) else str(each.default)
        if isinstance(each.default, bool):
            default = default.lower()
        yield Described(each.name, about["group"], about["description"], about["takes"], default)


def load(arguments: Sequence[str]) -> Settings:
    """Return the settings from the command line *arguments*, the environment and the file.

    Raises:
        SettingsError: a setting is invalid.
        SystemExit: after ``--help`` or ``--version`` was printed.
    """
    flags = {
        name: value for name, value in vars(_parser().parse_args(arguments)).items() if value is not None
    }
    config = flags.pop("config", None)
    file = _read_file(Path(config)) if config is not None else {}
    environment = _read_environment()
    try:
        given = file | environment | flags
        return Settings(**given, given=frozenset(given))
    except InvalidSetting as exc:
        raise SettingsError(_explain(exc, flags, environment, config)) from exc


def _read_environment() -> dict[str, str]:
    variables = {name.upper(): value for name, value in os.environ.items()}
    names = {name: ENV_PREFIX + name.upper() for name in _NAMES}
    return {name: variables[variable] for name, variable in names.items() if variable in variables}


def _read_file(path: Path) -> dict[str, Any]:
    try:
        content = tomllib.loads(path.read_bytes().decode())
    except OSError as exc:
        raise SettingsError(f"--config {path}: cannot read the file: {exc.strerror}") from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise SettingsError(f"--config {path}: invalid TOML: {exc}") from exc
    settings = {key.replace("-", "_"): value for key, value in content.items()}
    for name in settings.keys() - _NAMES:
        raise SettingsError(f"--config {path}: unknown setting {name!r}")
    return settings


def _explain(
    exc: InvalidSetting, flags: Mapping[str, Any], environment: Mapping[str, Any], config: str | None
) -> str:
    setting = next(row for row in described() if row.name == exc.name)
    if setting.name in flags:
        source = setting.flag
    elif setting.name in environment:
        source = setting.variable
    else:
        source = f"--config {config}: {setting.name}"
    got = ", ".join(map(str, exc.value)) if isinstance(exc.value, list) else exc.value
    return f"{source}: got {got!r}, expected {setting.takes}"


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise SettingsError(f"{message.removeprefix('argument ')} (--help lists all flags)")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="chateau",
        description="Chateau, a real-time messaging server.",
        epilog=f"A flag overrides the environment ({ENV_PREFIX}MAX_FRAME for --max-frame), which overrides "
        "the file given by --config (max-frame = 4096), which overrides the default.",
        allow_abbrev=False,
        add_help=False,
        formatter_class=lambda prog: argparse.HelpFormatter(prog, max_help_position=30, width=100),
    )
    for title, settings in groupby(described(), key=lambda row: row.group):
        group = parser.add_argument_group(title)
        for row in settings:
            group.add_argument(row.flag, metavar=_metavar(row), help=_help(row), action=_action(row.name))
    general = parser.add_argument_group("General")
    general.add_argument("--config", metavar="FILE", help="TOML file with settings.")
    general.add_argument(
        "--version", action="version", version=f"chateau {__version__}", help="Print the version."
    )
    general.add_argument("--help", "-h", action="help", help="Print this help.")
    return parser


def _help(row: Described) -> str:
    return f"{row.description} [{row.default}]" if row.default else row.description


def _metavar(row: Described) -> str:
    if row.default in ("true", "false"):
        return "BOOL"
    return row.name.rpartition("_")[2].upper()


def _action(name: str) -> str:
    return "append" if name in REPEATED else "store"
