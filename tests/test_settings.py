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
    "--command-prefix": "a\x1b",
    "--max-connections": "-1",
    "--max-connections-per-address": "many",
    "--max-partial-input": "1.5",
    "--request-timeout": "-1",
    "--max-frame": "1.5",
    "--max-target": "255",
    "--max-headers": "15",
    "--max-head": "1023",
    "--max-rate": "-1",
    "--max-publish-rate": "-1",
    "--max-outbox": "12",
    "--presence-limit": "many",
    "--ping": "nan",
    "--transport": "copper",
    "--log-level": "loud",
    "--log-format": "xml",
    "--tls-cert": "",
    "--tls-key": "",
    "--usock": "",
    "--usock-mode": "rw",
    "--secret-key-file": "",
    "--pwd-file": "",
    "--max-log-line": "199",
    "--max-log-rate": "-1",
}
ANYTHING_GOES = {"--plugin"}


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


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\n\n"])
def test_line_end_of_a_variable_is_removed(monkeypatch: pytest.MonkeyPatch, end: str) -> None:
    monkeypatch.setenv("CHATEAU_PORT", f"9000{end}")
    monkeypatch.setenv("CHATEAU_PWD", f"sword fish {end}")
    monkeypatch.setenv("CHATEAU_ALLOW_ORIGIN", f"https://a.example{end}")

    settings = load([])

    assert (settings.port, settings.pwd, settings.allow_origin) == (
        9000,
        "sword fish ",
        ("https://a.example",),
    )


@pytest.mark.parametrize("around", ["{}\n", "{}\r\n", "{}\r", "\ufeff{}", "\ufeff{}\r\n"])
def test_what_a_shell_leaves_of_a_file_is_removed(monkeypatch: pytest.MonkeyPatch, around: str) -> None:
    def of(text: str) -> str:
        return around.format(text)

    monkeypatch.setenv("CHATEAU_PWD", of("swordfish"))
    monkeypatch.setenv("CHATEAU_SECRET_KEY", of("key"))
    monkeypatch.setenv("CHATEAU_PORT", of("9000"))
    monkeypatch.setenv("CHATEAU_ALLOW_ORIGIN", of("https://a.example"))
    monkeypatch.setenv("CHATEAU_REUSE_PORT", of("true"))

    settings = load([])

    assert (settings.pwd, settings.secret_key, settings.port) == ("swordfish", "key", 9000)
    assert (settings.allow_origin, settings.reuse_port) == (("https://a.example",), True)


@pytest.mark.parametrize("name", ["pwd", "secret_key"])
@pytest.mark.parametrize("value", ["two\nlines", "two\r\nlines\n", "\nline", "a\0b"])
def test_secret_of_several_lines_is_rejected_and_not_shown(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    flag = f"--{name.replace('_', '-')}"
    shown = "got a value that is not shown, expected one line of text that is not empty"

    with pytest.raises(SettingsError) as caught:
        load([flag, value])
    assert str(caught.value) == f"{flag}: {shown}"

    if "\0" not in value:  # impossible in the environment
        monkeypatch.setenv(f"CHATEAU_{name.upper()}", value)
        with pytest.raises(SettingsError) as caught:
            load([])
        assert str(caught.value) == f"CHATEAU_{name.upper()}: {shown}"


def test_settings_file_can_be_named_in_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "one").write_text("port = 1")
    (tmp_path / "two").write_text("port = 2")
    monkeypatch.setenv("CHATEAU_CONFIG", f"{tmp_path / 'one'}\n")

    assert load([]).port == 1
    assert load([]).warnings == ()
    assert load(["--config", str(tmp_path / "two")]).port == 2
    monkeypatch.setenv("CHATEAU_CONFIG", "")
    assert load([]).port == 8888
    for missing in (str(tmp_path / "none"), str(tmp_path)):
        monkeypatch.setenv("CHATEAU_CONFIG", missing)
        with pytest.raises(SettingsError, match="cannot read the file"):
            load([])


@pytest.mark.parametrize("name", ["PORT", "PWD", "SECRET_KEY", "HOST", "ALLOW_ORIGIN", "USOCK", "MAX_RATE"])
@pytest.mark.parametrize("value", ["", "\n", "\r\n"])
def test_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"CHATEAU_{name}", value)

    settings = load([])

    assert settings == load([])
    assert name.lower() not in settings.given
    assert settings.warnings == ()


@pytest.mark.parametrize("setting", ["PORT", "LINES_PORT", "OPCODES_PORT"])
@pytest.mark.parametrize(
    "value", ["tcp://10.96.3.7:8888", "udp://10.96.3.7:53", "sctp://[fd00::1]:9", "tcp://x\n"]
)
def test_port_of_a_kubernetes_service_is_ignored_with_a_warning(
    monkeypatch: pytest.MonkeyPatch, setting: str, value: str
) -> None:
    monkeypatch.setenv(f"CHATEAU_{setting}", value)

    settings = load([])

    assert getattr(settings, setting.lower()) == getattr(load([]), setting.lower())
    assert setting.lower() not in settings.given
    assert settings.warnings == (
        f"CHATEAU_{setting}: ignored, since Kubernetes sets these for a Service of this name",
    )


def test_all_variables_of_a_kubernetes_service_are_one_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "SERVICE_HOST": "10.96.3.7",
        "SERVICE_PORT": "8888",
        "SERVICE_PORT_HTTP": "8888",
        "PORT": "tcp://10.96.3.7:8888",
        "PORT_8888_TCP": "tcp://10.96.3.7:8888",
        "PORT_8888_TCP_PROTO": "tcp",
        "PORT_8888_TCP_PORT": "8888",
        "PORT_8888_TCP_ADDR": "10.96.3.7",
        "ADMIN_SERVICE_HOST": "10.96.3.8",
        "ADMIN_PORT": "tcp://10.96.3.8:80",
    }.items():
        monkeypatch.setenv(f"CHATEAU_{name}", value)

    (warning,) = load([]).warnings

    assert warning.endswith(" and 5 more: ignored, since Kubernetes sets these for a Service of this name")


def test_ignored_variable_leaves_the_value_of_the_file(monkeypatch: pytest.MonkeyPatch, config: Path) -> None:
    config.write_text("port = 9001")
    monkeypatch.setenv("CHATEAU_PORT", "tcp://10.96.3.7:8888")

    assert load(["--config", str(config)]).port == 9001


def test_variable_that_is_not_a_setting_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHATEAU_PASSWORD", "swordfish")

    assert load([]).warnings == ("CHATEAU_PASSWORD: ignored, since no setting has this name",)


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


@pytest.mark.parametrize(
    ("given", "hosts"),
    [
        (["--host", "localhost"], ("localhost",)),
        (["--host", "127.0.0.1, ::1"], ("127.0.0.1", "::1")),
        (["--host", "127.0.0.1", "--host", "[::1]"], ("127.0.0.1", "::1")),
        (["--host", "*"], ("*",)),
        (["--host=::"], ("::",)),
        (["--host", "fe80::1%lo"], ("fe80::1%lo",)),
        (["--host", "bücher.example"], ("bücher.example",)),
    ],
)
def test_hosts_may_be_several(given: list[str], hosts: tuple[str, ...]) -> None:
    assert load(given).hosts == hosts


def test_hosts_may_be_a_list_in_the_file(config: Path) -> None:
    config.write_text('host = ["127.0.0.1", "::1"]')

    assert load(["--config", str(config)]).hosts == ("127.0.0.1", "::1")


@pytest.mark.parametrize(
    "value",
    ["", ",", "a,,b", "0.0.0.0:8888", "http://x", "a b", "..", "x" * 64, "10.0.0.0/8", "[::1]:80", "a\0b"],
)
def test_invalid_host_is_rejected(value: str) -> None:
    with pytest.raises(SettingsError, match="--host: got"):
        load([f"--host={value}"])


@pytest.mark.parametrize(
    ("value", "mode"), [("660", 0o660), ("0660", 0o660), ("0o600", 0o600), ("777", 0o777)]
)
def test_mode_of_the_unix_socket_is_octal(value: str, mode: int) -> None:
    assert load(["--usock-mode", value]).usock_permissions == mode


@pytest.mark.parametrize("value", ["0", "66", "668", "1777", "u+w", "0x1ff", "", " 660"])
def test_mode_that_is_not_octal_is_rejected(value: str) -> None:
    with pytest.raises(SettingsError, match="--usock-mode: got"):
        load([f"--usock-mode={value}"])


@pytest.mark.parametrize("line", ["usock-mode = 660", "usock-mode = 0o660"])
def test_mode_that_is_a_number_in_the_file_is_rejected(config: Path, line: str) -> None:
    config.write_text(line)  # which base is meant cannot be seen

    with pytest.raises(SettingsError, match="usock_mode: got"):
        load(["--config", str(config)])


@pytest.mark.parametrize("line", ['data = "a\\u0000b"', 'usock = "a\\u0000b"', 'tls-cert = "a\\u0000b"'])
def test_path_with_a_nul_is_rejected(config: Path, line: str) -> None:
    config.write_text(line)

    with pytest.raises(SettingsError, match="got"):
        load(["--config", str(config)])


@pytest.mark.parametrize("line", ["pwd = 12345", "secret-key = 12345", 'pwd = ["12345"]'])
def test_secret_that_is_invalid_is_not_shown(config: Path, line: str) -> None:
    config.write_text(line)

    with pytest.raises(SettingsError) as caught:
        load(["--config", str(config)])

    assert "12345" not in str(caught.value)
    assert "expected one line of text that is not empty" in str(caught.value)


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
