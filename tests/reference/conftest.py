"""Adds the harnesses of the protocols' tests, which compare the reference with the protocols."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "protocols"))
