"""What the races of rewards begin with."""

from tests.races.rewarding import points, unchecked, unlocked, widened

__all__ = ["points", "unchecked", "unlocked", "widened"]
