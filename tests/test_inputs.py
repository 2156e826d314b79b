"""Texts that settings name: files and pipes, in any encoding, read once; and those that cannot be read."""

from __future__ import annotations

import codecs
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from running_server import DEFAULTS, ROOT, running_server
from test_flags import status_of

from chateau.inputs import MAX_BYTES, InputError, decoded, read_text
from chateau.net.sockets import StartError
from chateau.net.tls import tls_context
from chateau.plugins import PluginError
from chateau.plugins import load as load_plugins
from chateau.settings import Settings, SettingsError, described, load

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="pipes and devices with names")
SETTINGS = 'pwd = "ünlock"\r\nport = 0\nlines-port = 0\ndata = ":memory:"\n'
PLUGIN = """
from chateau.plugins import command

@command("greet", help="Grüße.")
async def greet(server, user, words):
    return "hi"
"""
ENCODINGS: dict[str, Callable[[str], bytes]] = {
    "UTF-8": lambda text: text.encode(),
    "UTF-8 with a mark": lambda text: codecs.BOM_UTF8 + text.encode(),
    "UTF-16 of PowerShell": lambda text: codecs.BOM_UTF16_LE + text.encode("utf-16-le"),
    "UTF-16 big-endian": lambda text: codecs.BOM_UTF16_BE + text.encode("utf-16-be"),
    "UTF-16 without a mark": lambda text: text.encode("utf-16-le"),
    "UTF-16 big-endian without a mark": lambda text: text.encode("utf-16-be"),
    "UTF-32": lambda text: codecs.BOM_UTF32_LE + text.encode("utf-32-le"),
}
encodings = pytest.mark.parametrize("encode", ENCODINGS.values(), ids=ENCODINGS)


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for row in described():
        monkeypatch.delenv(row.variable, raising=False)


@pytest.fixture(autouse=True)
def forget_plugins(tmp_path: Path) -> Iterator[None]:
    """Unload the plug-ins of the test: Hypothesis reads the files of modules, and would wait for a pipe."""
    yield
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None)).startswith(str(tmp_path)):
            del sys.modules[name]


def written(path: Path, data: bytes) -> str:
    path.write_bytes(data)
    return str(path)


def pipe(path: Path, data: bytes) -> str:
    """Return the path of a pipe that gives *data* to the first reader, and nothing afterwards."""
    os.mkfifo(path)
    threading.Thread(target=path.write_bytes, args=(data,), daemon=True).start()
    return str(path)


SOURCES = [written, pytest.param(pipe, marks=POSIX)]
sources = pytest.mark.parametrize("source", SOURCES, ids=["file", "pipe"])


@encodings
@sources
def test_settings_file_is_read_once_in_any_encoding(
    tmp_path: Path, encode: Callable[[str], bytes], source: Callable[[Path, bytes], str]
) -> None:
    settings = load(["--config", source(tmp_path / "config", encode(SETTINGS))])

    assert (settings.pwd, settings.port) == ("ünlock", 0)


@encodings
@sources
def test_secret_file_is_read_once_in_any_encoding(
    tmp_path: Path, encode: Callable[[str], bytes], source: Callable[[Path, bytes], str]
) -> None:
    settings = load(
        [
            *("--pwd-file", source(tmp_path / "pwd", encode("ünlock\r\n"))),
            *("--secret-key-file", source(tmp_path / "key", encode("sword fish"))),
        ]
    )

    assert (settings.pwd, settings.secret_key) == ("ünlock", "sword fish")


@encodings
@sources
def test_plugin_is_read_once_in_any_encoding(
    tmp_path: Path, encode: Callable[[str], bytes], source: Callable[[Path, bytes], str]
) -> None:
    commands = load_plugins([source(tmp_path / "greet.py", encode(PLUGIN))])

    assert commands["greet"].help == "Grüße."


def test_plugin_may_declare_its_encoding(tmp_path: Path) -> None:
    source = f"# coding: latin-1\n{PLUGIN}".encode("latin-1")

    assert load_plugins([written(tmp_path / "greet.py", source)])["greet"].help == "Grüße."


@POSIX
@pytest.mark.parametrize("source", ["<(cat FILE)", "/dev/stdin < <(cat FILE)", "- < <(cat FILE)", "- < FILE"])
def test_server_reads_its_settings_from_a_pipe(tmp_path: Path, source: str) -> None:
    """Process substitution, the standard input by its path, and as ``-``."""
    config = tmp_path / "config"
    config.write_text('pwd = "swordfish"\n', "utf-8")
    script = f'exec "$@" --config {source.replace("FILE", str(config))}'
    command = ("bash", "-c", script, "bash", sys.executable, "server.py")

    with running_server(command=command) as server:
        url = f"{server.address}channel/news/"
        assert status_of(url, data=b"x") == 403
        assert status_of(f"{url}?pwd=swordfish", data=b"x") == 201


# What cannot be read


def unreadable(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "folder").mkdir(exist_ok=True)
    loop = tmp_path / "loop"
    if not loop.is_symlink():
        loop.symlink_to(loop)
    return {
        "missing": str(tmp_path / "missing"),
        "a folder": str(tmp_path / "folder"),
        "below a file": str(Path(written(tmp_path / "file", b"x")) / "below"),
        "a link to itself": str(loop),
        "too long a name": str(tmp_path / ("x" * 300)),
        "without an end": "/dev/zero",
        "not text": written(tmp_path / "binary", b"\xff\xfe\xff\xd8\xff"),
        "Latin-1": written(tmp_path / "latin", "pwd = 'ünlock'".encode("latin-1")),
        "a closed descriptor": "/dev/fd/99",
    }


PROBLEMS = [
    "missing",
    "a folder",
    "below a file",
    "a link to itself",
    "too long a name",
    "without an end",
    "not text",
    "Latin-1",
    "a closed descriptor",
]
NAMED_INPUTS = {
    "--config": 2,
    "--pwd-file": 2,
    "--secret-key-file": 2,
    "--tls-cert": 1,
    "--plugin": 1,
}


@POSIX
@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize(("flag", "status"), NAMED_INPUTS.items())
def test_input_that_cannot_be_read_ends_the_start_with_one_line(
    tmp_path: Path, flag: str, status: int, problem: str, capfd: pytest.CaptureFixture[str]
) -> None:
    from chateau.app import main

    path = unreadable(tmp_path)[problem]
    more = ["--tls-key", path] if flag == "--tls-cert" else []

    assert main(["--port", "0", "--lines-port", "0", "--data", ":memory:", flag, path, *more]) == status

    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith(f"chateau: {flag} {path}: ")


@POSIX
@pytest.mark.parametrize("problem", ["below a file", "a link to itself", "too long a name"])
def test_data_folder_that_cannot_be_used_ends_the_start_with_one_line(
    tmp_path: Path, problem: str, capfd: pytest.CaptureFixture[str]
) -> None:
    from chateau.app import main

    path = unreadable(tmp_path)[problem]

    for more in ([], ["--check"]):
        assert main(["--port", "0", "--lines-port", "0", "--data", path, *more]) == 1
        (line,) = capfd.readouterr().err.splitlines()
        assert line.startswith(f"chateau: --data {path}: ")


@pytest.mark.parametrize("content", [b"", b"\n", b"\r\n", b"two\nlines", b"a\0b", b"\xff"])
@pytest.mark.parametrize("flag", ["--pwd-file", "--secret-key-file"])
def test_secret_file_without_one_line_is_rejected(tmp_path: Path, flag: str, content: bytes) -> None:
    path = written(tmp_path / "secret", content)

    with pytest.raises(SettingsError) as caught:
        load([flag, path])

    assert str(caught.value).startswith(f"{flag} {path}: ")


@pytest.mark.parametrize("name", ["pwd", "secret-key"])
def test_secret_and_its_file_exclude_each_other(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHATEAU_" + name.upper().replace("-", "_"), "one")

    with pytest.raises(SettingsError, match=f"--{name} and --{name}-file: expected only one of them"):
        load([f"--{name}-file", written(tmp_path / "secret", b"two")])


def test_second_settings_file_is_rejected_and_not_ignored(tmp_path: Path) -> None:
    path = written(tmp_path / "config", b"port = 1")

    with pytest.raises(SettingsError, match="--config: got 2 files, expected one"):
        load(["--config", path, "--config", path])


def test_settings_file_is_limited_in_size(tmp_path: Path) -> None:
    assert read_text(Path(written(tmp_path / "most", b"#" * MAX_BYTES))) == "#" * MAX_BYTES

    with pytest.raises(InputError, match="expected at most"):
        read_text(Path(written(tmp_path / "more", b"#" * (MAX_BYTES + 1))))


def test_deeply_nested_settings_are_a_one_line_error(tmp_path: Path) -> None:
    path = written(tmp_path / "config", b"pwd = " + b"[" * 100_000)

    with pytest.raises(SettingsError, match="invalid TOML"):
        load(["--config", path])


@pytest.mark.parametrize("data", [b"\xc3", b"\xff\xfe\x00", b"a\x00b", b"\x00\xd8\x00"])
def test_broken_text_is_rejected(data: bytes) -> None:
    with pytest.raises(InputError, match="is not text in"):
        decoded(data)


@pytest.mark.parametrize("data", [b"", b"\x00", b"\x00\x00", b"x"])
def test_short_texts_are_decoded(data: bytes) -> None:
    assert decoded(data) == data.decode()


@POSIX
def test_pipe_with_a_plugin_is_not_opened_again_for_a_traceback(tmp_path: Path) -> None:
    source = PLUGIN + "\n@command('fail')\nasync def fail(server, user, words):\n    raise ValueError('no')\n"
    commands = load_plugins([pipe(tmp_path / "greet.py", source.encode())])

    code = commands["fail"].run.__code__  # type: ignore[attr-defined]

    assert code.co_filename == f"<{tmp_path / 'greet.py'}>"


@pytest.mark.parametrize(
    "raised", ["KeyboardInterrupt", "SystemExit(3)", "GeneratorExit", "BaseException('x')"]
)
def test_plugin_that_raises_anything_is_a_one_line_error(tmp_path: Path, raised: str) -> None:
    with pytest.raises(PluginError, match="it cannot be imported: "):
        load_plugins([written(tmp_path / "bad.py", f"raise {raised}".encode())])


def test_control_characters_of_plugins_are_escaped(tmp_path: Path) -> None:
    source = PLUGIN.replace("Grüße.", "\\x1b[2Jred\\u202e").replace('"greet",', '"greet", usage="[\\x9bA]",')

    command = load_plugins([written(tmp_path / "greet.py", source.encode())])["greet"]

    assert command[:3] == ("greet", r"[\x9bA]", r"\x1b[2Jred\u202e")


@pytest.mark.parametrize("arguments", ["usage=5", "help=5", "help=b'x'"])
def test_plugin_whose_texts_are_not_texts_is_rejected(tmp_path: Path, arguments: str) -> None:
    source = PLUGIN.replace('help="Grüße."', arguments)

    with pytest.raises(PluginError, match="the usage and help of the command 'greet' must be texts"):
        load_plugins([written(tmp_path / "greet.py", source.encode())])


ESCAPE = "\x1b]0;owned\x07"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--port", ESCAPE],
        [f"--{ESCAPE}"],
        ["--config", f"/{ESCAPE}"],
        ["--plugin", f"/{ESCAPE}.py"],
        ["--plugin", ESCAPE],
        ["--tls-cert", f"/{ESCAPE}", "--tls-key", "x"],
        ["--usock", f"/nosuchfolder/{ESCAPE}"],
        ["--data", f"/dev/null/{ESCAPE}"],
    ],
)
def test_error_has_no_control_characters(arguments: list[str]) -> None:
    ended = subprocess.run(
        [sys.executable, "server.py", *arguments],
        cwd=ROOT,
        env=os.environ | DEFAULTS,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )

    assert ended.returncode in (1, 2)
    assert ended.stderr.endswith("\n")
    assert ended.stderr[:-1].isprintable()


# Certificates

PEM = ROOT / "tests" / "net" / "tls"

NO_CERTIFICATES = {
    "empty": b"",
    "one line end": b"\n",
    "text": b"not a certificate",
    "half": (PEM / "certificate.pem").read_bytes()[:100],
    "broken": b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    "DER": b"\x30\x82\x01\x0a\x02\x82\x01\x01\x00\xff",
    "zeros": bytes(100),
    "control characters": b"\x1b[2J",
}


@pytest.mark.parametrize("content", NO_CERTIFICATES.values(), ids=NO_CERTIFICATES)
@pytest.mark.parametrize("flag", ["tls_cert", "tls_key"])
def test_certificate_that_cannot_be_used_is_a_one_line_error(
    tmp_path: Path, flag: str, content: bytes
) -> None:
    files = {"tls_cert": PEM / "certificate.pem", "tls_key": PEM / "key.pem"}
    files[flag] = tmp_path / "broken.pem"
    files[flag].write_bytes(content)

    with pytest.raises(StartError, match=r"--tls-(cert|key) .*broken.pem") as caught:
        tls_context(Settings(**files))

    assert str(caught.value).isprintable()
    assert "_ssl.c" not in str(caught.value)
