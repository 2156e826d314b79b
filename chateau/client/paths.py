"""Paths: the folders of a checkout, or of an installed package, that the client reads."""

from pathlib import Path


def schemas_folder() -> Path:
    """Return ``schemas/``: next to the package in a checkout, inside it in an installation."""
    package = Path(__file__).resolve().parents[1]
    folders = (package.parent / "schemas", package / "schemas")
    for folder in folders:
        if (folder / "chateau").is_dir():
            return folder
    raise FileNotFoundError(f"no schemas in {folders[0]} nor in {folders[1]}")
