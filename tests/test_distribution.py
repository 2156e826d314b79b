"""``make dist``: a wheel that installs into an empty environment, and a file that runs without
installation."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from running_server import ROOT, running_server

SCENARIO = ROOT / "messages" / "conformance" / "chateau" / "message-reaches-its-recipient.json"
BUILD_SECONDS = 300
RUN_SECONDS = 60


def run(*command: str | Path, **options: object) -> str:
    """Run *command* outside the checkout; return its output."""
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "CHATEAU"))
    }
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment | {"PATH": os.environ["PATH"]}, **options
    )
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the files that ``make dist`` builds."""
    folder = tmp_path_factory.mktemp("dist")
    run("make", "dist", f"DIST={folder}", cwd=ROOT, timeout=BUILD_SECONDS)
    return folder


@pytest.fixture(scope="module")
def installed(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The commands of an empty environment into which the wheel was installed."""
    folder = tmp_path_factory.mktemp("installed")
    (wheel,) = dist.glob("*.whl")
    run(sys.executable, "-m", "venv", folder)
    commands = folder / ("Scripts" if os.name == "nt" else "bin")
    run(commands / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel)
    return commands


def test_sdist_has_the_schemas_and_the_tests(dist: Path) -> None:
    (sdist,) = dist.glob("*.tar.gz")
    names = run("tar", "-tzf", sdist).splitlines()

    assert any(name.endswith("/schemas/chateau/join-request.json") for name in names)
    assert any(name.endswith("/tests/test_distribution.py") for name in names)


def test_wheel_has_the_schemas_inside_the_package(dist: Path) -> None:
    (wheel,) = dist.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        assert "chateau/schemas/chateau/join-request.json" in archive.namelist()


def test_installed_commands_play_a_scenario(installed: Path, tmp_path: Path) -> None:
    with running_server(command=[str(installed / "chateau")], folder=tmp_path) as server:
        printed = run(
            installed / "chateau-client",
            "--server",
            server.address.partition("//")[2].rstrip("/"),
            SCENARIO,
            cwd=tmp_path,
            timeout=RUN_SECONDS,
        )

    assert "1 passed" in printed


def test_module_starts_the_server(installed: Path, tmp_path: Path) -> None:
    with running_server(command=[str(installed / "python"), "-m", "chateau"], folder=tmp_path) as server:
        assert server.address.startswith("http://")


def test_single_files_run_without_installation(dist: Path, tmp_path: Path) -> None:
    with running_server(
        command=[sys.executable, str(dist / "chateau.pyz")],
        folder=tmp_path,
        environment={"SHIV_ROOT": str(tmp_path / "shiv")},
    ) as server:
        client = [
            sys.executable,
            str(dist / "chateau-client.pyz"),
            "--server",
            server.address.partition("//")[2].rstrip("/"),
            str(SCENARIO),
        ]
        done = subprocess.run(
            client,
            cwd=tmp_path,
            env=os.environ | {"SHIV_ROOT": str(tmp_path / "shiv")},
            capture_output=True,
            text=True,
            timeout=RUN_SECONDS,
            check=False,
        )

    assert "1 passed" in done.stdout, done.stderr


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(("pipx", "run", "--spec"), id="pipx"),
        pytest.param(("uvx", "--from"), id="uvx"),
    ],
)
def test_runners_start_the_client_from_the_wheel(dist: Path, command: tuple[str, ...]) -> None:
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    (wheel,) = dist.glob("*.whl")

    assert "Chateau" in run(*command, wheel, "chateau-client", "--version", timeout=BUILD_SECONDS)
