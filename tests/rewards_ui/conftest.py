"""What most tests of these screens begin with."""

from tests.rewards.conftest import ada, ben, points

__all__ = ["ada", "ben", "points"]
