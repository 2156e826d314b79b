"""The server's settings, from flags, the environment and a file.

A flag overrides ``CHATEAU_NAME`` in the environment, which overrides the file that ``--config`` names, which
overrides the default. All settings are validated together, once, and do not change afterwards. To add a
setting, add a field to :class:`Settings`: ``--help`` and the documentation are generated from the fields.
"""

from __future__ import annotations

import argparse
import math
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import Field, dataclass, field, fields
from ipaddress import ip_address, ip_network
from itertools import groupby
from pathlib import Path
from typing import Any, Literal, NamedTuple, NoReturn

from chateau import __version__
from chateau.environment import environment_settings, trimmed
from chateau.hosts import normalized_host, normalized_origin
from chateau.inputs import InputError, read_text
from chateau.names import normalize_name

ENV_PREFIX = "CHATEAU_"
MEMORY = ":memory:"
UNIX = "unix"
ALL = "*"
REPEATED = ("host", "allow_origin", "allow_host", "trusted_proxy", "plugin")
FROM_FILES = {"secret_key": "secret_key_file", "pwd": "pwd_file"}
"""Settings whose value can be in a file, which another setting names."""
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
    value.encode()  # bytes of the command line or environment that are not UTF-8 become lone surrogates
    return value


def secret(value: object) -> str:
    """Return *value*, a text of one line: a client could not send another."""
    line = text(value)
    if re.search(r"[\r\n\0]", line):
        raise ValueError("several lines")
    return line


def folder(value: object) -> str:
    """Return *value*, a path as text."""
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError("not a path")
    return value


def path(value: object) -> Path:
    """Return *value* as a path."""
    return Path(folder(str(value) if isinstance(value, Path) else value))


def hosts(value: object) -> str:
    """Return *value*, a list of hosts or one text with commas, as a text with commas."""
    items = value.split(",") if isinstance(value, str) else value
    if not isinstance(items, list | tuple) or not items:
        raise ValueError("not a list of hosts")
    return ",".join(",".join(map(host, each.split(","))) for each in items)


def host(value: str) -> str:
    """Return *value*, an address, a host name, or ``*``."""
    value = value.strip()
    if value != ALL:
        value = value.removeprefix("[").removesuffix("]") if ":" in value else value
        try:
            ip_address(value)
        except ValueError:
            if not value or re.search(r"[\s:/@*\[\]\0]", value):
                raise
            value.encode("idna")
    return value


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
    """Return *value*, a name as users have it, of at most 32 characters.

    No user and no room may have the server's name. A room is called ``general``, and publications are sent
    as ``channel``.
    """
    if len(name := text(value)) > 32:
        raise ValueError("too long")
    if normalize_name(name) in ("general", "channel"):
        raise ValueError("in use")
    return name


class Kind(NamedTuple):
    """A kind of values: in words, and the parser that raises ValueError for others."""

    takes: str
    parse: Parser


def choice(*words: str) -> Kind:
    """Return the kind of which *words* are the values."""
    return Kind(f"{', '.join(words[:-1])} or {words[-1]}", matching("|".join(words)))


BOOLEAN = Kind("true or false", boolean)
PORT = Kind("a port, 0 to 65535", integer(0, 65_535))
SECRET = Kind("one line of text that is not empty", secret)
MODE = Kind("permissions as three octal digits such as 660", matching(r"(0o?)?[0-7]{3}"))
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
        "127.0.0.1",
        "Listening",
        "Address to listen on (repeatable; localhost = IPv4 and IPv6 of this machine; * or :: = all).",
        Kind("an address, a host name, or *", hosts),
    )
    port: int = setting(8888, "Listening", "Port for HTTP and WebSocket (0 = any free port).", PORT)
    lines_port: int = setting(9090, "Listening", "TCP port for the line protocol (0 = off).", PORT)
    opcodes_port: int = setting(
        0, "Listening", "Extra port serving only the opcode protocol, on any path (0 = off).", PORT
    )
    usock: Path | None = setting(None, "Listening", "Additional UNIX socket for HTTP and WebSocket.", FILE)
    usock_mode: str = setting(
        "666", "Listening", "Permissions of the UNIX socket: clients must be able to write.", MODE
    )
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
    secret_key_file: Path | None = setting(
        None, "Access", "File with the secret key, instead of --secret-key.", FILE
    )
    pwd: str | None = setting(
        None,
        "Access",
        "Password for publishing over HTTP. If unset, anybody can publish.",
        SECRET,
        repr=False,
    )
    pwd_file: Path | None = setting(None, "Access", "File with the password, instead of --pwd.", FILE)
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
        Kind(f"a folder's path, or {MEMORY}", folder),
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
        Kind("a name of 1 to 32 characters, not general or channel", display_name),
    )
    command_prefix: str = setting(
        "!",
        "Opcodes",
        "Prefix that marks a message as a command.",
        Kind("1 to 8 characters without spaces", matching(r"[^\s\x00-\x1f\x7f-\x9f]{1,8}")),
    )
    plugin: tuple[str, ...] = setting(
        (),
        "Opcodes",
        "Python module or .py file with additional commands (repeatable).",
        Kind("a module's name or a file's path", list_of(str)),
    )
    max_connections: int = setting(
        10_000, "Limits", "Maximum number of connections, on all ports (0 = unlimited).", COUNT
    )
    max_connections_per_address: int = setting(
        2_000, "Limits", "Maximum number of connections from one address (0 = unlimited).", COUNT
    )
    max_partial_input: int = setting(
        67_108_864,
        "Limits",
        "Maximum bytes of unfinished frames, lines and bodies of all clients together (0 = unlimited).",
        COUNT,
    )
    request_timeout: float = setting(
        30,
        "Limits",
        "Seconds in which the head of a request, its body, or a message has to come (0 = unlimited).",
        Kind("a number of seconds, at least 0", number),
    )
    max_frame: int = setting(
        1_048_576,
        "Limits",
        "Maximum size of a client message, in bytes.",
        Kind("a number of bytes, at least 4096", integer(4096)),
    )
    max_target: int = setting(
        8192,
        "Limits",
        "Maximum size of an HTTP request's target, its address without the host, in bytes.",
        Kind("a number of bytes, at least 256", integer(256)),
    )
    max_headers: int = setting(
        100,
        "Limits",
        "Maximum number of headers of an HTTP request.",
        Kind("an integer, at least 16", integer(16)),
    )
    max_head: int = setting(
        65_536,
        "Limits",
        "Maximum size of an HTTP request's first line and headers, in bytes.",
        Kind("a number of bytes, at least 1024", integer(1024)),
    )
    max_rate: float = setting(
        200,
        "Limits",
        "Maximum messages per second and connection, twice that in a burst; expensive ones count as several "
        "(0 = unlimited).",
        Kind("a number, at least 0", number),
    )
    max_publish_rate: float = setting(
        2_000,
        "Limits",
        "Maximum requests to publish or to administer per second and address, twice that in a burst; "
        "expensive ones count as several (0 = unlimited).",
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
        "Ping every client at this interval, in seconds; a client without any response for two intervals is "
        "closed (0 = never).",
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
    max_log_line: int = setting(
        2000,
        "Logging",
        "Maximum size of a log line, in bytes; the rest is left out.",
        Kind("a number of bytes, at least 200", integer(200)),
    )
    max_log_rate: float = setting(
        5,
        "Logging",
        "Maximum log entries per second and cause, five times that in a burst (0 = unlimited).",
        Kind("a number, at least 0", number),
    )

    given: frozenset[str] = field(default=frozenset(), repr=False)
    """The names of the settings that are not left at their defaults."""

    warnings: tuple[str, ...] = field(default=(), repr=False)
    """What was ignored, to be logged."""

    is_check: bool = field(default=False, repr=False)
    """Whether the settings are to be checked only (``--check``)."""

    def __post_init__(self) -> None:
        for each in SETTINGS:
            if (value := getattr(self, each.name)) is not each.default:
                object.__setattr__(self, each.name, parsed(each, value))
        changed = {each.name for each in SETTINGS if getattr(self, each.name) != each.default}
        object.__setattr__(self, "given", self.given | changed)
        if (self.tls_cert is None) != (self.tls_key is None):
            raise SettingsError("--tls-cert and --tls-key must be given together")
        for name, file in FROM_FILES.items():
            if getattr(self, file) is not None and getattr(self, name) is None:
                object.__setattr__(self, name, _read_secret(file, getattr(self, file)))

    @property
    def hosts(self) -> tuple[str, ...]:
        """The addresses and host names to listen on."""
        return tuple(self.host.split(","))

    @property
    def usock_permissions(self) -> int:
        """The permissions of the UNIX socket."""
        return int(self.usock_mode.removeprefix("0o"), 8)

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
    is_check = flags.pop("check", False)
    environment, warnings = environment_settings(ENV_PREFIX, {*_NAMES, "config"})
    config = _config(flags.pop("config", []), environment.pop("config", None))
    file = _read_file(Path(config)) if config is not None else {}
    given = file | environment | flags
    for name, from_file in FROM_FILES.items():
        if name in given and from_file in given:
            raise SettingsError(f"{flag_of(name)} and {flag_of(from_file)}: expected only one of them")
    try:
        return Settings(**given, given=frozenset(given), warnings=warnings, is_check=is_check)
    except InvalidSetting as exc:
        raise SettingsError(_explain(exc, flags, environment, config)) from exc


def _config(given: Sequence[str], otherwise: str | None) -> str | None:
    if len(given) > 1:
        raise SettingsError(f"--config: got {len(given)} files, expected one")
    return given[0] if given else otherwise


def _read_file(path: Path) -> dict[str, Any]:
    try:
        content = tomllib.loads(read_text(path))
    except InputError as exc:
        raise SettingsError(f"--config {path}: {exc}") from exc
    except (tomllib.TOMLDecodeError, RecursionError) as exc:
        raise SettingsError(f"--config {path}: invalid TOML: {exc}") from exc
    settings = {key.replace("-", "_"): value for key, value in content.items()}
    for name in settings.keys() - _NAMES:
        raise SettingsError(f"--config {path}: unknown setting {name!r}")
    return settings


def _read_secret(setting: str, path: Path) -> str:
    """Return the secret in the file *path*: one line, with or without line ends behind it."""
    try:
        return secret(trimmed(read_text(path)))
    except InputError as exc:
        raise SettingsError(f"{flag_of(setting)} {path}: {exc}") from exc
    except ValueError as exc:
        raise SettingsError(f"{flag_of(setting)} {path}: expected {SECRET.takes}") from exc


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
    if setting.name in FROM_FILES and exc.value != "":
        return f"{source}: got a value that is not shown, expected {setting.takes}"
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
    general.add_argument(
        "--config", action="append", metavar="FILE", help="TOML file with settings (- = standard input)."
    )
    general.add_argument(
        "--check",
        action="store_true",
        default=None,
        help="Check all settings, print what is exposed, and exit.",
    )
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
