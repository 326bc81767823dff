"""A program with a shop that calls, and a stranger's program beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from loyalty.programs import auth, throttle
from loyalty.programs.models import Channel, Program
from tests.api.calls import Caller, make_campaign, make_channel, make_key, make_program


@pytest.fixture(autouse=True)
def _fresh_process() -> Iterator[None]:
    """What a process remembers of keys and requests must not pass from one test to the next."""
    auth.forget()
    throttle.forget()
    yield
    auth.forget()


@pytest.fixture
def program(db: None) -> Program:
    return make_program()


@pytest.fixture
def channel(program: Program) -> Channel:
    return make_channel(program)


@pytest.fixture
def shop(channel: Channel) -> Caller:
    """A caller with every scope."""
    return Caller(make_key(channel)[1])


@pytest.fixture
def stranger(db: None) -> Caller:
    """A caller of another program, with every scope there."""
    return Caller(make_key(make_channel(make_program("tea")))[1])


@pytest.fixture
def caller_with(channel: Channel) -> Callable[..., Caller]:
    return lambda *scopes, **more: Caller(make_key(channel, *scopes, **more)[1])


@pytest.fixture
def a_point_per_euro(program: Program) -> None:
    """Every euro earns a point, on every order from a year ago on."""
    make_campaign(program)


@pytest.fixture
def ana(shop: Caller, a_point_per_euro: None) -> str:
    """A member with 1,000 points: her own id."""
    made = shop.post("/members/register", {"external_id": "ana", "email": "ana@example.org"})
    member = str(made.json()["id"])
    sale = {"member": member, "amount": "1000.00", "order_id": "A-1"}
    assert shop.post("/transactions/accrue", sale, Idempotency_Key="ana-1").status_code == 200
    return member


@pytest.fixture
def ben(shop: Caller, program: Program) -> str:
    """A member without points: his own id."""
    return str(shop.post("/members/register", {"external_id": "ben", "name": "Ben"}).json()["id"])
