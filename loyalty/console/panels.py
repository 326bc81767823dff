"""Where upper apps plug into the screens of the core. The core never imports them: it knows an address by its name
and fetches the fragment from there, or calls what they registered. Filled in `AppConfig.ready()`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from loyalty.base.registry import Registry
from loyalty.base.words import Words
from loyalty.members.models import Member
from loyalty.outbox.models import Fact
from loyalty.programs.models import Program


@dataclass(frozen=True, slots=True)
class Panel:
    """A fragment of another app about one event or one member, by the name of its URL (one argument: the id).

    It is fetched when it comes into sight, and fails alone. `top`: of a member, within the first card, where what is
    asked most often stands: tier and distance to the next one. `permission`: who lacks it does not see it.
    """

    title: Words
    url_name: str
    top: bool = False
    permission: str = ""


Level: TypeAlias = Literal["bad", "warn", "info"]


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that wants a person's attention, with the place to go to; for those who may go there (`needs`)."""

    level: Level
    text: str
    url: str
    link: str
    needs: str = ""  # a permission; none: for everybody


@dataclass(frozen=True, slots=True)
class Step:
    """One step of setting a program up; its link is for those who may go there (`needs`)."""

    title: str
    why: str
    done: bool
    url: str
    link: str
    needs: str = ""


@dataclass(frozen=True, slots=True)
class Hit:
    """Something else than a member that the search box found, with its page."""

    text: str
    url: str


Finder: TypeAlias = Callable[[Program, str], Hit | None]
"""Called with what was typed, tidied, and never with nothing; at most a query or two."""


@dataclass(frozen=True, slots=True)
class FactWords:
    """How a kind of fact of an upper app stands in the timeline of its member.

    The program of the fact and its point types are loaded with it. `booked_as`: the reference of the bookings that the
    fact tells of; those of the same instant then stand on its line and have none of their own.
    """

    title: Callable[[Fact], str]
    icon: str
    booked_as: Callable[[Fact], str] | None = None


CountedEffect: TypeAlias = Callable[[Member, int, datetime], str]
"""What default points given (+) or taken by hand would do to a member at an instant if they count, in a sentence. Only
reads, and takes no lock."""

Watcher: TypeAlias = Callable[[Program, datetime], list[Notice]]
Check: TypeAlias = Callable[[Program], Step]

event_panels: Registry[Panel] = Registry("event panel")
member_panels: Registry[Panel] = Registry("member panel")
finders: Registry[Finder] = Registry("finder of the search box")
fact_words: Registry[FactWords] = Registry("words of a fact")
"""By the type of the fact, such as `tier.upgraded`. Facts without words are not shown."""
counted_effects: Registry[CountedEffect] = Registry("effect of counted points")
watchers: Registry[Watcher] = Registry("watcher of the home page")
setup_steps: Registry[Check] = Registry("setup step")
