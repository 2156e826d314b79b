"""The autograder for Gradescope: whatever a submission does, results.json is there and valid."""

import json
import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

CHECKOUT = Path(__file__).parents[2]
SCRIPTS = CHECKOUT / "examples" / "gradescope"
PATIENCE_SECONDS = 60
INTERRUPT = """
import pathlib, signal, subprocess, sys, time
assert sys.argv[1:4] == ["--signal=INT", "--kill-after=10", "123"], sys.argv
process = subprocess.Popen(sys.argv[4:])
while not pathlib.Path({begun!r}).exists() and process.poll() is None:
    time.sleep(0.02)
process.send_signal(signal.SIGINT)
process.wait(10)
sys.exit(124)
"""


class Gradescope:
    """A folder like /autograder, with this checkout instead of the zip's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.source = folder / "source"
        self.source.mkdir()
        (folder / "submission").mkdir()
        for script in ("setup.sh", "run_autograder"):
            shutil.copy(SCRIPTS / script, self.source / script)
        (self.source / "chateau").symlink_to(CHECKOUT)
        (self.source / "venv" / "bin").mkdir(parents=True)
        self.program("venv/bin/python", f'exec {sys.executable} "$@"')
        self.scenarios = self.source / "scenarios"
        self.scenarios.mkdir()
        shutil.copy(CHECKOUT / "messages" / "scenarios" / "1-register.json", self.scenarios)

    def program(self, name: str, text: str) -> Path:
        file = self.source / name
        file.write_text(f"#!/bin/sh\n{text}\n", "utf-8")
        file.chmod(0o755)
        return file

    def submit(self, program: str) -> None:
        (self.folder / "submission" / "server.py").write_text(program, "utf-8")

    def run(self, script: str = "run_autograder", **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", str(self.source / script)],
            cwd="/",
            env={**os.environ, "AUTOGRADER": str(self.folder), "AUTOGRADER_USER": "", **environment},
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )

    @property
    def results(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "results" / "results.json").read_text("utf-8"))
        return found


@pytest.fixture
def gradescope(tmp_path: Path) -> Gradescope:
    return Gradescope(tmp_path)


@pytest.mark.parametrize("script", ["setup.sh", "run_autograder"])
def test_the_scripts_are_right_for_bash_and_may_be_run(script: str) -> None:
    subprocess.run(["bash", "-n", SCRIPTS / script], check=True)

    assert (SCRIPTS / script).stat().st_mode & stat.S_IXUSR


def test_a_submission_is_graded(gradescope: Gradescope) -> None:
    gradescope.submit((CHECKOUT / "examples" / "student_server.py").read_text("utf-8"))

    run = gradescope.run()

    assert run.returncode == 0, run.stderr
    assert gradescope.results["score"] == 1
    assert [(test["name"], test["status"]) for test in gradescope.results["tests"]] == [
        ("A client registers", "passed")
    ]


def test_a_server_that_never_starts_gets_no_points_and_the_reason(gradescope: Gradescope) -> None:
    gradescope.submit("import nowhere_to_be_found")

    run = gradescope.run()

    assert run.returncode == 0
    assert gradescope.results["score"] == 0
    (test,) = gradescope.results["tests"]
    assert "ModuleNotFoundError: No module named 'nowhere_to_be_found'" in test["output"]


def test_a_submission_that_takes_too_long_gets_the_points_so_far(gradescope: Gradescope) -> None:
    """The stand-in for `timeout` interrupts when the scenario has begun, not after a number of seconds."""
    begun = gradescope.folder / "begun"
    gradescope.submit(
        "import pathlib, socket, sys, time; server = socket.create_server(('127.0.0.1', int(sys.argv[2])));"
        f"server.accept(); pathlib.Path({str(begun)!r}).touch(); time.sleep(60)"
    )
    (gradescope.source / "bin").mkdir()
    (gradescope.source / "interrupt.py").write_text(INTERRUPT.format(begun=str(begun)), "utf-8")
    gradescope.program("bin/timeout", f'exec {sys.executable} {gradescope.source / "interrupt.py"} "$@"')

    path = f"{gradescope.source / 'bin'}:{os.environ['PATH']}"
    run = gradescope.run(AUTOGRADER_SECONDS="123", PATH=path)

    assert run.returncode == 0
    assert gradescope.results["score"] == 0
    (test,) = gradescope.results["tests"]
    assert "the run was interrupted" in test["output"]


def test_a_test_client_that_fails_leaves_results_too(gradescope: Gradescope) -> None:
    shutil.rmtree(gradescope.source / "venv")
    (gradescope.source / "venv" / "bin").mkdir(parents=True)
    gradescope.program("venv/bin/python", "exit 1")

    run = gradescope.run()

    assert run.returncode == 0
    assert gradescope.results["score"] == 0
    assert gradescope.results["output"].startswith("The test client failed")


def test_setup_makes_an_environment_with_the_newest_python_that_is_there(gradescope: Gradescope) -> None:
    shutil.rmtree(gradescope.source / "venv")
    (gradescope.source / "bin").mkdir()
    log = gradescope.folder / "log"
    pip = f"mkdir -p $3/bin; printf '#!/bin/sh\\necho pip $* >>{log}\\n' >$3/bin/pip; chmod +x $3/bin/pip"
    gradescope.program(
        "bin/python3.14", f'echo python3.14 $* >>{log}\n[ "$2" = venv ] && {{ {pip}; }}\nexit 0'
    )

    path = f"{gradescope.source / 'bin'}:{os.environ['PATH']}"
    subprocess.run(
        ["bash", str(gradescope.source / "setup.sh")],
        env={"PATH": path, "AUTOGRADER": str(gradescope.folder)},
        check=True,
        timeout=PATIENCE_SECONDS,
    )

    *_, venv, install = log.read_text("utf-8").splitlines()
    assert venv == f"python3.14 -m venv {gradescope.source / 'venv'}"
    assert install == f"pip install --no-cache-dir -r {gradescope.source}/chateau/requirements.txt"


def test_the_zip_of_the_readme_has_everything_at_its_top(tmp_path: Path) -> None:
    if shutil.which("zip") is None:
        pytest.skip("zip is not installed")
    readme = (SCRIPTS / "README.md").read_text("utf-8")
    commands = re.findall(r"```sh\n(.*?)```", readme, re.DOTALL)[0]
    for name in ("chateau", "schemas", "messages", "examples", "test_client.py", "requirements.txt"):
        (tmp_path / name).symlink_to(CHECKOUT / name)
    (tmp_path / "my-scenarios").symlink_to(CHECKOUT / "messages" / "scenarios")

    subprocess.run(["sh", "-e", "-c", commands.replace("cp -r", "cp -rL")], cwd=tmp_path, check=True)

    for name in ("setup.sh", "run_autograder", "chateau/test_client.py", "scenarios/1-register.json"):
        assert (tmp_path / "autograder" / name).exists(), name
    assert (tmp_path / "autograder.zip").stat().st_size > 10_000
