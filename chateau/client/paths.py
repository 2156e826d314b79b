"""Places: where a checkout, or an installed package, keeps what the client reads."""

from pathlib import Path


def schemas_folder() -> Path:
    """``schemas/``: beside the package in a checkout, inside it once it is installed."""
    package = Path(__file__).resolve().parents[1]
    places = (package.parent / "schemas", package / "schemas")
    for place in places:
        if (place / "chateau").is_dir():
            return place
    raise FileNotFoundError(f"no schemas in {places[0]} nor in {places[1]}")
