"""Names of files and arguments, whatever is in them, are printed without control characters."""

from pathlib import Path

import pytest

from chateau.client.app import main

UNSAFE = "\x1b[2J\x9b\u202e"

COMMANDS = [
    [f"{UNSAFE}.json"],
    [UNSAFE, "1.json"],
    ["replay", UNSAFE],
    ["to-scenario", UNSAFE],
    ["grade", UNSAFE, "--scenarios", UNSAFE, "--csv", "grades.csv"],
    ["grade", "submissions", "--scenarios", f"{UNSAFE}.json", "--csv", "grades.csv"],
    ["grade", "submissions", "--scenarios", "scenario.json", "--csv", f"{UNSAFE}/grades.csv"],
    ["proxy", "--to", "127.0.0.1:1", "--rules", UNSAFE],
    ["proxy", "--to", UNSAFE],
    ["--server", UNSAFE, "1.json"],
    [f"--{UNSAFE}"],
    ["scenario.json", "--junit", f"{UNSAFE}/junit.xml"],
    ["scenario.json", "--record", f"{UNSAFE}/recording"],
]


@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda arguments: ascii(" ".join(arguments)))
def test_errors_have_no_control_characters(
    arguments: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "submissions" / "alice").mkdir(parents=True)
    (tmp_path / "scenario.json").write_text('{"name": "nothing", "clients": {}, "steps": []}', "utf-8")

    try:
        code = main(arguments)
    except SystemExit as exc:
        code = exc.code

    printed = capsys.readouterr()
    assert code
    assert "2J" in printed.err
    assert all(line.isprintable() for line in (printed.out + printed.err).split("\n"))
