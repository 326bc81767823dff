"""A program with a shop that calls, and a stranger's program beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from loyalty.programs import auth, throttle
from loyalty.programs.models import Channel, Program
from tests.api.calls import Caller, make_channel, make_key, make_program


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
