"""Finding scenarios: what the files and folders of a command line stand for."""

import json
from collections.abc import Iterable
from pathlib import Path

from chateau.client.messages import MessageError, find, folders
from chateau.client.scenarios.document import Scenario
from chateau.client.scenarios.reading import BadScenario, is_scenario, load

Item = Scenario | BadScenario


def names_scenarios(paths: Iterable[str]) -> bool:
    """Whether one of *paths* is a folder, or a file with ``steps``."""
    return any(_names_scenarios(path) for path in paths)


def _names_scenarios(name: str) -> bool:
    try:
        path = _found(name)
    except MessageError:
        return False
    return path.is_dir() or is_scenario(path)


def scenarios_in(paths: Iterable[str]) -> list[Item]:
    """The scenarios that *paths* name, a folder's in the order of their paths.

    Raises:
        MessageError: there is no such file, or no scenario in a folder.
    """
    return [item for path in paths for item in _scenarios_at(_found(path))]


def _scenarios_at(path: Path) -> list[Item]:
    if not path.is_dir():
        if _is_json(path) and not is_scenario(path):
            raise MessageError(f"{path}: this is a message file, and not played together with scenarios")
        return [_item(path)]
    found = [_item(file) for file in sorted(path.rglob("*.json")) if is_scenario(file) or not _is_json(file)]
    if not found:
        raise MessageError(f"{path}: there is no scenario in this folder")
    return found


def _is_json(path: Path) -> bool:
    try:
        json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return True


def _item(path: Path) -> Item:
    try:
        return load(path)
    except BadScenario as exc:
        return exc


def _found(path: str) -> Path:
    """*path* as it is, or in messages/ where it is not found here."""
    here = Path(path)
    if here.exists():
        return here
    inside = next((folder / path for folder in folders() if (folder / path).is_dir()), None)
    return inside or find(path)
