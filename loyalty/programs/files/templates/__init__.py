"""Programs to begin with, as program files."""

from __future__ import annotations

from pathlib import Path
from typing import Final

TEMPLATES: Final = ("retail_points", "coffee_stamps", "airline_miles", "hotel_nights")


def text(name: str) -> bytes:
    """The program file of that template. Raises KeyError."""
    if name not in TEMPLATES:
        raise KeyError(name)
    return (Path(__file__).parent / f"{name}.yaml").read_bytes()
