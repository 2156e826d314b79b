"""Settings of all tests: hypothesis stores its examples in .venv and has no deadline on busy machines."""

from pathlib import Path

import hypothesis
from hypothesis import configuration

ROOT = Path(__file__).resolve().parents[1]

configuration.set_hypothesis_home_dir(ROOT / ".venv" / "cache" / "hypothesis")
hypothesis.settings.register_profile("chateau", deadline=None)
hypothesis.settings.load_profile("chateau")
