"""The test client as a process of its own: where it is, and what starting one gives."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
COMMAND = [sys.executable, str(CHECKOUT / "test_client.py")]

Run = Callable[..., subprocess.CompletedProcess[str]]
StartAt = Callable[..., "subprocess.Popen[str]"]
Start = Callable[..., "subprocess.Popen[str]"]
