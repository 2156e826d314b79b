"""Recordings: the frames of connections in a file, sent again by a replay, or made into a scenario.

The page for users is docs/recordings.md.
"""

from chateau.client.recordings.recording import Recorder, RecordingError, read, recording

__all__ = ["Recorder", "RecordingError", "read", "recording"]
