"""Recordings: what went over the wires, kept in a file, sent again, and made a scenario of.

The page for users is docs/recordings.md.
"""

from chateau.client.recordings.file import Recorder, RecordingError, read, recording
from chateau.client.recordings.replay import ReplayResult, replay
from chateau.client.recordings.to_scenario import scenario_of, written

__all__ = [
    "Recorder",
    "RecordingError",
    "ReplayResult",
    "read",
    "recording",
    "replay",
    "scenario_of",
    "written",
]
