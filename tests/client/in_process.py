"""The test client, called in the process of the test, which saves the time to start another."""

import io
import subprocess
import sys
from pathlib import Path

import pytest
from client_process import CHECKOUT, Run

from chateau.client.app import main


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Call the client with arguments; return its exit code and output as :func:`subprocess.run` does."""

    def call(*arguments: str, stdin: str = "", cwd: Path = CHECKOUT) -> "subprocess.CompletedProcess[str]":
        streams = [io.TextIOWrapper(io.BytesIO(), "utf-8", newline="\n") for _ in range(2)]
        with monkeypatch.context() as patch:
            patch.chdir(cwd)
            patch.setattr(sys, "argv", ["test_client.py"])
            patch.setattr(sys, "stdin", io.StringIO(stdin))
            patch.setattr(sys, "stdout", streams[0])
            patch.setattr(sys, "stderr", streams[1])
            for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "COLUMNS"):
                patch.delenv(name, raising=False)
            try:
                code = main(arguments)
            except SystemExit as end:
                code = int(end.code or 0)
        return subprocess.CompletedProcess(arguments, code, *map(written, streams))

    return call


def written(stream: io.TextIOWrapper) -> str:
    stream.flush()
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode("utf-8")
