"""The test client as a process of its own: started as a user does, or forked."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from forked_process import PipedProcess

CHECKOUT = Path(__file__).parents[2]
PROGRAM = str(CHECKOUT / "test_client.py")
COMMAND = [sys.executable, PROGRAM]

Run = Callable[..., "subprocess.CompletedProcess[str]"]
StartAt = Callable[..., PipedProcess]
Start = Callable[..., PipedProcess]
