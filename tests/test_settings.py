"""Settings: their sources, their precedence, and the errors of invalid ones."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import TYPE_CHECKING

import pytest

from chateau import __version__
from chateau.settings import SETTINGS, SettingsError, described, load

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for row in described():
        monkeypatch.delenv(row.variable, raising=False)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "chateau.toml"


def test_defaults_are_those_of_the_documentation() -> None:
    settings = load([])

    assert (settings.host, settings.port, settings.lines_port) == ("127.0.0.1", 8888, 9090)
    assert (settings.data, settings.secret_key, settings.allow_origin) == ("./chateau-data", None, ())
    assert (settings.max_frame, settings.max_rate, settings.max_outbox) == (1_048_576, 200, 4_194_304)
    assert (settings.presence_limit, settings.ping, settings.url_prefix) == (500, 30, "")
    assert (settings.log_level, settings.log_format) == ("info", "text")


@pytest.mark.parametrize("arguments", [["--port", "9000"], ["--port=9000"]])
def test_flag_value_follows_a_space_or_an_equals_sign(arguments: list[str]) -> None:
    assert load(arguments).port == 9000


def test_flags_override_the_environment_which_overrides_the_file(
    monkeypatch: pytest.MonkeyPatch, config: Path
) -> None:
    config.write_text('port = 1\nping = 1\nhost = "::1"')
    monkeypatch.setenv("CHATEAU_PORT", "2")
    monkeypatch.setenv("CHATEAU_PING", "2")

    settings = load(["--config", str(config), "--port", "3"])

    assert (settings.port, settings.ping, settings.host) == (3, 2, "::1")


def test_settings_file_accepts_names_of_flags_and_of_variables(config: Path) -> None:
    config.write_text('max-frame = 4096\nmax_rate = 5\nallow-origin = ["https://a.example", "null"]')

    settings = load([f"--config={config}"])

    assert (settings.max_frame, settings.max_rate) == (4096, 5)
    assert settings.allow_origin == ("https://a.example", "null")


def test_allowed_origin_flag_is_repeatable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHATEAU_ALLOW_ORIGIN", "https://a.example,https://b.example")

    assert load([]).allow_origin == ("https://a.example", "https://b.example")
    assert load(["--allow-origin", "*", "--allow-origin", "null"]).allow_origin == ("*", "null")


@pytest.mark.parametrize(
    ("given", "prefix"), [("chat", "/chat"), ("/chat/", "/chat"), ("/a/b", "/a/b"), ("/", ""), ("", "")]
)
def test_prefix_is_normalized_to_one_leading_slash(given: str, prefix: str) -> None:
    assert load(["--url-prefix", given]).url_prefix == prefix


def test_settings_are_immutable() -> None:
    settings = load([])

    with pytest.raises(FrozenInstanceError):
        settings.port = 1  # type: ignore[misc]


def test_secret_key_is_not_in_the_repr() -> None:
    settings = load(["--secret-key", "swordfish"])

    assert "swordfish" not in repr(settings)


def test_origins_and_hosts_are_normalized() -> None:
    settings = load(["--allow-origin", "HTTPS://Example.org:443/", "--allow-host", "*.BÜCHER.example."])

    assert settings.allow_origin == ("https://example.org",)
    assert settings.allow_host == ("*.xn--bcher-kva.example",)


@pytest.mark.parametrize(
    "value", ["https://example.org/chat", "https://*.example.org", "ws://example.org", "https://", "file://x"]
)
def test_origin_that_no_page_has_is_rejected(value: str) -> None:
    with pytest.raises(SettingsError, match="--allow-origin: got "):
        load(["--allow-origin", value])


@pytest.mark.parametrize("value", ["", "https://example.org", "a b", "*x", "*.", "a/b", "[::1]:80"])
def test_value_that_is_no_host_is_rejected(value: str) -> None:
    with pytest.raises(SettingsError, match="--allow-host: got "):
        load(["--allow-host", value])


WRONG_FLAGS = {
    "--host": "",
    "--port": "65536",
    "--lines-port": "x",
    "--opcodes-port": "-1",
    "--reuse-addr": "perhaps",
    "--reuse-port": "",
    "--url-prefix": "a?b",
    "--trusted-proxy": "proxy.example",
    "--allow-origin": "example.org",
    "--allow-host": "example.org:8080",
    "--secret-key": "",
    "--pwd": "",
    "--default-privacy": "secret",
    "--data": "",
    "--history": "0",
    "--history-age": "5x",
    "--channel-history": "-1",
    "--server-name": " Chateau",
    "--command-prefix": "a b",
    "--max-frame": "1.5",
    "--max-rate": "-1",
    "--max-outbox": "12",
    "--presence-limit": "many",
    "--ping": "nan",
    "--transport": "copper",
    "--log-level": "loud",
    "--log-format": "xml",
}
ANYTHING_GOES = {"--tls-cert", "--tls-key", "--usock", "--plugin"}


def test_every_flag_with_invalid_values_is_tested() -> None:
    assert {row.flag for row in described()} == WRONG_FLAGS.keys() | ANYTHING_GOES


@pytest.mark.parametrize(("flag", "value"), WRONG_FLAGS.items())
def test_invalid_value_error_names_the_flag_the_value_and_the_expectation(flag: str, value: str) -> None:
    takes = next(row.takes for row in described() if row.flag == flag)

    with pytest.raises(SettingsError) as caught:
        load([flag, value])

    assert str(caught.value) == f"{flag}: got {value!r}, expected {takes}"


def test_invalid_value_in_the_environment_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHATEAU_PORT", "http")

    with pytest.raises(SettingsError) as caught:
        load([])

    assert str(caught.value) == "CHATEAU_PORT: got 'http', expected a port, 0 to 65535"


def test_invalid_value_in_the_file_names_the_file(config: Path) -> None:
    config.write_text("max-frame = 5")

    with pytest.raises(SettingsError) as caught:
        load(["--config", str(config)])

    error = "max_frame: got 5, expected a number of bytes, at least 4096"
    assert str(caught.value) == f"--config {config}: {error}"


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        pytest.param("prot = 1", "unknown setting 'prot'", id="an unknown setting"),
        pytest.param("port = = 1", "invalid TOML", id="no TOML"),
        pytest.param(None, "cannot read the file: No such file", id="no file"),
    ],
)
def test_unusable_settings_file_is_named(config: Path, content: str | None, complaint: str) -> None:
    if content is not None:
        config.write_text(content)

    with pytest.raises(SettingsError) as caught:
        load(["--config", str(config)])

    assert str(caught.value).startswith(f"--config {config}: {complaint}")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--prot", "1"], "unrecognized arguments: --prot 1"),
        (["--por", "1"], "unrecognized arguments: --por 1"),
        (["--port"], "--port: expected one argument"),
        (["--tls-cert", "cert.pem"], "--tls-cert and --tls-key must be given together"),
    ],
)
def test_invalid_command_line_is_rejected(arguments: list[str], complaint: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(arguments)

    assert str(caught.value).startswith(complaint)


def test_help_has_every_flag_with_its_default(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        load(["--help"])

    assert caught.value.code == 0
    shown = " ".join(capsys.readouterr().out.split())
    for row in described():
        assert f"{row.flag} " in shown
        assert f"[{row.default}]" in shown or not row.default


def test_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        load(["--version"])

    assert capsys.readouterr().out == f"chateau {__version__}\n"


def test_every_setting_has_a_group_and_an_expectation() -> None:
    rows = list(described())

    assert [row.name for row in rows] == [setting.name for setting in SETTINGS]
    assert all(row.group and row.takes and row.description.endswith((".", ":memory:.")) for row in rows)


@pytest.mark.parametrize("value", ["٣", "\uff15", "1.5", "nan", "inf", "-1"])
def test_integer_setting_rejects_other_numbers(value: str) -> None:
    with pytest.raises(SettingsError, match="--port: got"):
        load([f"--port={value}"])


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("port = 5.0", "port", 5),
        ("history = 1e3", "history", 1000),
        ("opcodes-port = false", "opcodes_port", 0),
        ("max-rate = false", "max_rate", 0.0),
        ("reuse-addr = 1", "reuse_addr", True),
        ("reuse-port = 0", "reuse_port", False),
    ],
)
def test_file_values_are_converted_to_the_type_of_the_setting(
    tmp_path: Path, line: str, name: str, value: object
) -> None:
    path = tmp_path / "chateau.toml"
    path.write_text(line, "utf-8")

    got = getattr(load(["--config", str(path)]), name)

    assert (got, type(got)) == (value, type(value))
