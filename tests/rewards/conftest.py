"""What most tests of rewards begin with."""

from __future__ import annotations

import pytest

from loyalty.members.models import Member
from loyalty.programs.models import PointType
from tests.rewards.shop import a_member, a_point_type, a_program


@pytest.fixture
def points() -> PointType:
    return a_point_type(a_program())


@pytest.fixture
def ada(points: PointType) -> Member:
    """Has 1,000 points."""
    return a_member(points, 1000)


@pytest.fixture
def ben(points: PointType) -> Member:
    """Has 1,000 points too."""
    return a_member(points, 1000, "Ben")
