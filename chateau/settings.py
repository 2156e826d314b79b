"""Settings: what the server is told at its start, by flags, the environment or a file.

A flag wins over ``CHATEAU_NAME`` in the environment, that over the file that ``--config`` names, that
over the default. All are checked once, together, and never change afterwards. The fields below are the
one place where a setting is described: ``--help`` and docs/settings.md are made from them.
"""

from __future__ import annotations

import argparse
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import ip_network
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, NoReturn

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from chateau import __version__
from chateau.names import normalize_name

if TYPE_CHECKING:
    from pydantic_settings import PydanticBaseSettingsSource

ENV_PREFIX = "CHATEAU_"
MEMORY = ":memory:"
UNIX = "unix"
REPEATED = ("allow_origin", "trusted_proxy", "plugin")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class SettingsError(Exception):
    """A setting is wrong; the text names it, what it got and what it takes."""


def setting(default: Any, group: str, says: str, takes: str, **limits: Any) -> Any:
    """A field: its *group* in ``--help``, what it *says* and what values it *takes*."""
    return Field(default, description=says, json_schema_extra={"group": group, "takes": takes}, **limits)


class Settings(BaseSettings):
    """Everything that can be set. Frozen."""

    model_config = SettingsConfigDict(env_prefix=ENV_PREFIX, frozen=True, extra="forbid")

    host: str = setting(
        "127.0.0.1", "Listening", "Address to listen on.", "an address or a host name", min_length=1
    )
    port: int = setting(
        8888,
        "Listening",
        "Port for HTTP and WebSocket; 0 takes a free one.",
        "a port, 0 to 65535",
        ge=0,
        le=65535,
    )
    lines_port: int = setting(
        9090,
        "Listening",
        "TCP port for the line protocol; 0 is off.",
        "a port, 0 to 65535",
        ge=0,
        le=65535,
    )
    opcodes_port: int = setting(
        0,
        "Listening",
        "Port that speaks the opcode protocol at every path, 8765 say; 0 is off.",
        "a port, 0 to 65535",
        ge=0,
        le=65535,
    )
    usock: Path | None = setting(
        None, "Listening", "UNIX socket to listen on for HTTP and WebSocket, too.", "a file's path"
    )
    reuse_addr: bool = setting(
        True, "Listening", "Take a port that a server before has just left.", "true or false"
    )
    reuse_port: bool = setting(
        False, "Listening", "Share the ports with other servers that do so, too.", "true or false"
    )
    url_prefix: str = setting(
        "",
        "Listening",
        "Goes before every path of the server, as in /chat/ws.",
        "a path such as /chat, or nothing",
    )
    trusted_proxy: Annotated[tuple[str, ...], NoDecode] = setting(
        (),
        "Listening",
        "Proxy whose X-Forwarded-For is believed; may repeat, unix is whoever comes by --usock.",
        "an address, a range such as 10.0.0.0/8, or unix",
    )
    tls_cert: Path | None = setting(
        None,
        "Listening",
        "Certificate chain (PEM); with it the server speaks https and wss.",
        "a file's path",
    )
    tls_key: Path | None = setting(None, "Listening", "The certificate's private key (PEM).", "a file's path")
    allow_origin: Annotated[tuple[str, ...], NoDecode] = setting(
        (),
        "Access",
        "Another origin whose pages may connect, as https://example.org; may repeat, * is all.",
        "an origin such as https://example.org, or *",
    )
    secret_key: SecretStr | None = setting(
        None,
        "Access",
        "Key for what only the house's owner may do; without one nobody may.",
        "any text but the empty one",
    )
    pwd: SecretStr | None = setting(
        None,
        "Access",
        "Password for publishing over HTTP; without one everybody may.",
        "any text but the empty one",
    )
    default_privacy: Literal["public", "private"] = setting(
        "public",
        "Access",
        "Privacy of a client of the function protocol until it sets its own.",
        "public or private",
    )
    data: str = setting(
        "./chateau-data",
        "History",
        f"Folder for what is kept; {MEMORY} keeps it as long as the server runs.",
        f"a folder's path, or {MEMORY}",
        min_length=1,
    )
    history: int = setting(10_000, "History", "Messages kept of each room.", "a number, at least 1", ge=1)
    history_age: str = setting(
        "30d",
        "History",
        "How long a message is kept at most: 90m, 12h, 30d; 0 is for ever.",
        "a number of seconds, minutes, hours or days such as 90s, 45m, 12h or 30d, or 0",
        pattern=r"^(0|[1-9][0-9]{0,5}[smhd])$",
    )
    channel_history: int = setting(
        0, "History", "Packages kept of each channel.", "a number, at least 0", ge=0
    )
    server_name: str = setting(
        "Chateau",
        "Opcodes",
        "Whom the answers to commands are from.",
        "a name of 1 to 32 characters",
        min_length=1,
        max_length=32,
    )
    command_prefix: str = setting(
        "!",
        "Opcodes",
        "What a message begins with that is a command.",
        "1 to 8 characters without spaces",
        pattern=r"^\S{1,8}$",
    )
    plugin: Annotated[tuple[str, ...], NoDecode] = setting(
        (),
        "Opcodes",
        "Python module, or a .py file, with commands of your own; may repeat.",
        "a module's name or a file's path",
    )
    max_frame: int = setting(
        1_048_576,
        "Limits",
        "Bytes of one message from a client at most.",
        "a number of bytes, at least 4096",
        ge=4096,
    )
    max_rate: float = setting(
        200,
        "Limits",
        "Messages a second taken from one connection, twice that in a burst; 0 is no limit.",
        "a number, at least 0",
        ge=0,
        allow_inf_nan=False,
    )
    max_outbox: int = setting(
        4_194_304,
        "Limits",
        "Bytes that may wait for a client that reads too slowly before it is disconnected.",
        "a number of bytes, at least 1024",
        ge=1024,
    )
    presence_limit: int = setting(
        500,
        "Limits",
        "Members of a room above which single joins and leaves are not told, but their number.",
        "a number, at least 0",
        ge=0,
    )
    ping: float = setting(
        30,
        "Limits",
        "Seconds of silence before a client is pinged; two unanswered pings close. 0 is never.",
        "a number of seconds, at least 0",
        ge=0,
        allow_inf_nan=False,
    )
    transport: Literal["auto", "tornado"] = setting(
        "auto",
        "Limits",
        "How sockets are read: auto is the fast way, tornado its IOStream, slower, to rule out a fault.",
        "auto or tornado",
    )
    log_level: Literal["debug", "info", "warning", "error"] = setting(
        "info", "Logging", "How much is logged.", "debug, info, warning or error"
    )
    log_format: Literal["text", "json"] = setting(
        "text", "Logging", "How it is logged: lines for people, or a JSON object a line.", "text or json"
    )

    @field_validator(*REPEATED, mode="before")
    @classmethod
    def _by_commas(cls, values: object) -> object:
        return [value.strip() for value in values.split(",")] if isinstance(values, str) else values

    @field_validator("allow_origin")
    @classmethod
    def _each_is_an_origin(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        if not all(origin in ("*", "null") or "://" in origin for origin in origins):
            raise ValueError("no origin")
        return origins

    @field_validator("url_prefix")
    @classmethod
    def _one_slash_before(cls, prefix: str) -> str:
        path = prefix.strip("/")
        if any(character in path for character in "?#%\\ ") or not path.isprintable():
            raise ValueError("no path")
        return f"/{path}" if path else ""

    @field_validator("trusted_proxy")
    @classmethod
    def _each_is_a_network(cls, proxies: tuple[str, ...]) -> tuple[str, ...]:
        for proxy in proxies:
            if proxy != UNIX:
                ip_network(proxy, strict=False)
        return proxies

    @field_validator("server_name")
    @classmethod
    def _is_a_name(cls, name: str) -> str:
        normalize_name(name)
        return name

    @field_validator("secret_key", "pwd")
    @classmethod
    def _not_empty(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None and not key.get_secret_value():
            raise ValueError("empty")
        return key

    @model_validator(mode="after")
    def _certificate_with_key(self) -> Settings:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("--tls-cert and --tls-key go together")
        return self

    @property
    def history_seconds(self) -> float | None:
        """How old a message may be; None for any age."""
        if self.history_age == "0":
            return None
        return float(self.history_age[:-1]) * _SECONDS[self.history_age[-1]]

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)  # load() below asks the sources, so that an error can name the one at fault


class Described(NamedTuple):
    """A setting as people read of it."""

    name: str
    group: str
    says: str
    takes: str
    default: str

    @property
    def flag(self) -> str:
        return flag_of(self.name)

    @property
    def variable(self) -> str:
        return ENV_PREFIX + self.name.upper()


def flag_of(name: str) -> str:
    """The flag of the setting *name*."""
    return "--" + name.replace("_", "-")


def described() -> Iterator[Described]:
    """Every setting, in the order in which they are shown."""
    for name, field in Settings.model_fields.items():
        extra = field.json_schema_extra
        assert isinstance(extra, dict)
        default = "" if field.default in (None, ()) else str(field.default)
        if isinstance(field.default, bool):
            default = default.lower()
        yield Described(name, str(extra["group"]), str(field.description), str(extra["takes"]), default)


def load(arguments: Sequence[str]) -> Settings:
    """The settings that the command line *arguments*, the environment and the file give together.

    Raises:
        SettingsError: one of them is wrong.
        SystemExit: ``--help`` or ``--version`` was asked for, and has been printed.
    """
    flags = {
        name: value for name, value in vars(_parser().parse_args(arguments)).items() if value is not None
    }
    config = flags.pop("config", None)
    file = _read_file(Path(config)) if config is not None else {}
    environment = EnvSettingsSource(Settings)()
    try:
        return Settings(**(file | environment | flags))
    except ValidationError as exc:
        raise SettingsError(_explain(exc, flags, environment, config)) from exc


def _read_file(path: Path) -> dict[str, Any]:
    try:
        path.open("rb").close()  # the source takes a file that is not there for an empty one
        content = TomlConfigSettingsSource(Settings, path)()
    except OSError as exc:
        raise SettingsError(f"--config {path}: it cannot be read: {exc.strerror}") from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise SettingsError(f"--config {path}: it is not TOML: {exc}") from exc
    settings = {key.replace("-", "_"): value for key, value in content.items()}
    for name in settings.keys() - Settings.model_fields.keys():
        raise SettingsError(f"--config {path}: there is no setting {name!r}")
    return settings


def _explain(
    exc: ValidationError, flags: Mapping[str, Any], environment: Mapping[str, Any], config: str | None
) -> str:
    error = exc.errors()[0]
    if not error["loc"]:
        return str(error["ctx"]["error"])
    setting = next(row for row in described() if row.name == error["loc"][0])
    if setting.name in flags:
        origin, value = setting.flag, flags[setting.name]
    elif setting.name in environment:
        origin, value = setting.variable, environment[setting.name]
    else:
        origin, value = f"--config {config}: {setting.name}", error["input"]
    got = ", ".join(map(str, value)) if isinstance(value, list) else value
    return f"{origin}: got {got!r}, takes {setting.takes}"


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise SettingsError(f"{message.removeprefix('argument ')} (--help lists all flags)")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="chateau",
        description="Chateau, a real-time messaging server.",
        epilog=f"A setting comes from its flag, else from the environment ({ENV_PREFIX}MAX_FRAME for "
        "--max-frame), else from the file of --config (max-frame = 4096), else it is the default.",
        allow_abbrev=False,
        add_help=False,
        formatter_class=lambda prog: argparse.HelpFormatter(prog, max_help_position=30, width=100),
    )
    for title, settings in groupby(described(), key=lambda row: row.group):
        group = parser.add_argument_group(title)
        for row in settings:
            group.add_argument(row.flag, metavar=_metavar(row), help=_help(row), action=_action(row.name))
    general = parser.add_argument_group("General")
    general.add_argument("--config", metavar="FILE", help="A TOML file with settings.")
    general.add_argument(
        "--version", action="version", version=f"chateau {__version__}", help="Print the version."
    )
    general.add_argument("--help", "-h", action="help", help="Print this.")
    return parser


def _help(row: Described) -> str:
    return f"{row.says} [{row.default}]" if row.default else row.says


def _metavar(row: Described) -> str:
    if Settings.model_fields[row.name].annotation is bool:
        return "BOOL"
    return row.name.rpartition("_")[2].upper()


def _action(name: str) -> str:
    return "append" if name in REPEATED else "store"
