"""The people of the demonstration: invented names, accents included, and how keen each of them is."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

from campaigns.demo.year import Span, moment

GIVEN = [
    "Lucía",
    "Martina",
    "Sofía",
    "Noa",
    "Carla",
    "Inés",
    "Aitana",
    "Núria",
    "Mireia",
    "Begoña",
    "Ainhoa",
    "Concepción",
    "Rocío",
    "Zoë",
    "Chloé",
    "Léa",
    "Agnès",
    "Françoise",
    "Jürgen",
    "Björn",
    "Søren",
    "Łukasz",
    "Zofia",
    "Ágnes",
    "Zoltán",
    "Tomáš",
    "Jiří",
    "Ελένη",
    "Андрей",
    "José",
    "Iñaki",
    "Joaquín",
    "Álvaro",
    "Martí",
    "Òscar",
    "Jesús",
    "Andrés",
    "Nicolás",
    "Sebastián",
    "Gaël",
    "Maël",
    "Andreu",
    "Unai",
    "Íker",
    "Hugo",
    "Leo",
    "Mateo",
    "Pablo",
    "Bruno",
    "Emma",
    "Olivia",
    "Julia",
    "Vera",
    "Gala",
]
FAMILY = [
    "García",
    "Muñoz",
    "Ibáñez",
    "Núñez",
    "Peña",
    "Yáñez",
    "Domínguez",
    "Hernández",
    "Gutiérrez",
    "Sánchez",
    "Jiménez",
    "Ruiz",
    "Puig",
    "Ferrer",
    "Vidal",
    "Etxeberria",
    "Goikoetxea",
    "Mendizábal",
    "Castaño",
    "Freire",
    "Castro",
    "O'Brien",
    "Müller",
    "Schröder",
    "Groß",
    "Lefèvre",
    "Dubois",
    "Ångström",
    "Sørensen",
    "Kowalczyk",
    "Wiśniewski",
    "Novák",
    "Dvořák",
    "Szabó",
    "Öztürk",
    "Silva",
    "Gonçalves",
    "Araújo",
    "Conceição",
    "Rossi",
    "D'Angelo",
    "Papadopoulou",
]
CITIES = ["Madrid", "Barcelona", "Valencia", "Sevilla", "Bilbao", "Zaragoza", "Málaga"]


@dataclass(frozen=True, slots=True)
class Person:
    """`ref` is how channels name them; `keen` how often they buy; `joined` None for a guest who never joins."""

    ref: str
    email_ref: str
    profile: dict[str, Any]
    keen: float
    joined: datetime | None
    first_seen: datetime


def people(dice: Random, count: int, span: Span) -> list[Person]:
    """`count` members in order of joining, most of them early, and one guest for every eight of them."""
    joined = sorted(_joining(dice, span) for _ in range(count))
    members = [_member(dice, number, at, span) for number, at in enumerate(joined)]
    return members + [_guest(dice, number, span) for number in range(count // 8)]


def _joining(dice: Random, span: Span) -> datetime:
    """A third came with the opening weeks, the others one by one."""
    days = dice.randrange(25) if dice.random() < 0.34 else dice.randrange(span.days)
    return min(moment(dice, span, span.first + timedelta(days=days)), span.end - timedelta(minutes=40))


def _member(dice: Random, number: int, at: datetime, span: Span) -> Person:
    given, family = dice.choice(GIVEN), dice.choice(FAMILY)
    email = f"{_ascii(given)}.{_ascii(family)}{number + 11}@example.com"
    profile: dict[str, Any] = {
        "external_id": f"C-{10_001 + number}",
        "name": f"{given} {family} {dice.choice(FAMILY)}" if dice.random() < 0.6 else f"{given} {family}",
        "email": email,
        "attributes": {"city": dice.choice(CITIES), "newsletter": dice.random() < 0.55},
    }
    if dice.random() < 0.8:
        profile["birthday"] = _birthday(dice, span.last).isoformat()
    if dice.random() < 0.5:
        profile["card"] = f"2610{number + 100_000:08d}"
    seen = at - timedelta(days=dice.randrange(5, 30)) if dice.random() < 0.06 else at
    return Person(
        f"ext:{profile['external_id']}", f"email:{email}", profile, _keen(dice), at, max(seen, span.start)
    )


def _guest(dice: Random, number: int, span: Span) -> Person:
    ref = f"email:{_ascii(dice.choice(GIVEN))}.{_ascii(dice.choice(FAMILY))}.{number + 11}@example.org"
    return Person(ref, ref, {}, 0.35, None, span.start + timedelta(days=dice.randrange(span.days)))


def _keen(dice: Random) -> float:
    """Few people buy very often: a long tail, as in any shop."""
    return min(dice.paretovariate(1.25), 14.0)


def _birthday(dice: Random, today: date) -> date:
    return date(today.year - dice.randrange(19, 78), 1, 1) + timedelta(days=dice.randrange(365))


def _ascii(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return "".join(char for char in plain if char.isalpha()) or "guest"
