"""The houses of the protocols' tests are where the reference is held against the protocols."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "protocols"))
