"""Filters and tags of the screens. They only choose among the words of `loyalty.console.words`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django import template
from django.db.models import Model
from django.forms import BoundField, FileInput, Textarea
from django.template import Context
from django.utils.html import format_html
from django.utils.safestring import SafeString

from loyalty.base import clock
from loyalty.console import job_list, words
from loyalty.console.parts import Gauge, Matrix, Stage, Tab
from loyalty.console.reasons import reason_label
from loyalty.console.words import PointWords
from loyalty.events.models import Event
from loyalty.events.reasons import for_staff
from loyalty.ledger.balances import Balance

register = template.Library()

# What Unfold's script looks for around a field for a file, to write the name of the chosen one into.
FILE = '<span class="lr-file"><span><span>{}</span></span><input type="text" hidden disabled></span>'


@register.filter
def points(units: int | None, point_type: PointWords) -> str:
    return words.NONE if units is None else words.points(units, point_type)


@register.filter
def amount(units: int | None, point_type: PointWords) -> str:
    return words.NONE if units is None else words.number(units, point_type.decimals)


@register.filter
def change(units: int | None, point_type: PointWords) -> str:
    return words.NONE if units is None else words.change(units, point_type.decimals)


@register.filter
def number(value: int | None) -> str:
    return words.NONE if value is None else words.number(value)


@register.filter
def money(value: Decimal | None, currency: str) -> str:
    return words.NONE if value is None else words.money(value, currency)


@register.filter
def day(value: date | None) -> str:
    return words.NONE if value is None else words.day(value)


@register.simple_tag(takes_context=True)
def moment(context: Context, at: datetime | None, relative: bool = True) -> str | SafeString:
    """A time in the program's zone; within 24 hours in words, with the full time as the tooltip."""
    if at is None:
        return words.NONE
    full = words.moment(at, _zone(context))
    shown = (words.ago(at, clock.now()) if relative else None) or full
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', at.astimezone(UTC).isoformat(), full, shown
    )


@register.simple_tag(takes_context=True)
def local_day(context: Context, at: datetime | None) -> str:
    """The business date of an instant."""
    return words.NONE if at is None else words.day(at.astimezone(_zone(context)).date())


@register.simple_tag(takes_context=True)
def last_day(context: Context, until: datetime | None) -> str:
    """The last day on which something still counts that ends at an instant: the day before, when that is midnight."""
    return words.NONE if until is None else words.last_day(until, _zone(context))


def _zone(context: Context) -> ZoneInfo | Any:
    program = context.get("program")
    return program.zone if program else UTC


@register.inclusion_tag("console/_icon.html")
def icon(name: str) -> dict[str, str]:
    return {"name": name}


@register.inclusion_tag("console/_badge.html")
def badge(tone: str, text: str) -> dict[str, str]:
    """A status: a tone (good, warn, bad, info, quiet), its icon and its word."""
    symbols = {"good": "check_circle", "warn": "schedule", "bad": "error", "info": "info", "quiet": "circle"}
    return {"tone": tone, "text": text, "symbol": symbols[tone]}


@register.inclusion_tag("console/_matrix.html")
def matrix(moves: Matrix) -> dict[str, Any]:
    """From/to table with shaded cells, in its own scrolling box."""
    return {"matrix": moves}


@register.inclusion_tag("console/_gauge.html")
def gauge(stock: Gauge) -> dict[str, Any]:
    """A stacked bar of used, reserved and available, with the same in words."""
    return {"gauge": stock}


@register.inclusion_tag("console/_stepper.html", takes_context=True)
def stepper(context: Context, stages: Sequence[Stage]) -> dict[str, Any]:
    """The states on the way of something, with the one it is in."""
    return {"stages": stages, "program": context.get("program")}


@register.inclusion_tag("console/_tabs.html")
def tabs(tabs: Sequence[Tab], label: str) -> dict[str, Any]:
    """Tabs that are links, with counts."""
    return {"tabs": tabs, "label": label}


@register.inclusion_tag("console/_tray.html", takes_context=True)
def tray(context: Context) -> dict[str, Any]:
    """The jobs that I started and that run now, for the frame of the page."""
    request = context.get("request")
    if request is None or not request.user.is_authenticated or not context.get("program"):
        return {"count": 0}
    return job_list.tray(request)


@register.simple_tag(takes_context=True)
def page_with(context: Context, **changes: object) -> str:
    """The query of the present address with some values changed; None takes one away."""
    query = context["request"].GET.copy()
    for name, value in changes.items():
        if value is None:
            query.pop(name, None)
        else:
            query[name] = str(value)
    return f"?{query.urlencode()}"


@register.filter
def control(field: BoundField) -> SafeString:
    """A form's control in our looks, tied to its help and its fault for screen readers."""
    attributes: dict[str, str | bool] = {
        "class": f"{field.field.widget.attrs.get('class', '')} lr-input".strip()
    }
    if isinstance(field.field.widget, Textarea):
        attributes["rows"] = "3"
    if field.errors:
        attributes |= {"aria-invalid": "true", "aria-describedby": f"{field.id_for_label}_error"}
    elif field.help_text:
        attributes["aria-describedby"] = f"{field.id_for_label}_help"
    drawn = field.as_widget(attrs=attributes)
    return format_html(FILE, drawn) if isinstance(field.field.widget, FileInput) else drawn


@register.filter
def what_went_wrong(event: Event) -> str:
    return for_staff(event)


@register.filter
def size(units: int) -> int:
    """A number of points without its sign, for sentences that say the direction in words."""
    return abs(units)


@register.filter
def in_all(balance: Balance) -> int:
    """What the books hold: also what cannot be spent yet or is held; the balance of the timeline."""
    return balance.pending + balance.active - balance.debt


@register.simple_tag(takes_context=True)
def first_day(context: Context, at: datetime | None) -> str:
    """The day on which something begins; with the time unless that is midnight."""
    return words.NONE if at is None else words.first_day(at, _zone(context))


@register.filter
def breakable(text: str) -> SafeString:
    """An e-mail address that breaks before its domain, when it has to break at all."""
    name, at, domain = text.partition("@")
    return format_html("{}<wbr>{}{}", name, at, domain) if at else format_html("{}", text)


@register.filter
def reason(code: str) -> str:
    """The words of a reason code."""
    return reason_label(code)


@register.filter
def concat(left: object, right: object) -> str:
    """Names of form controls are made of parts, some of them numbers."""
    return f"{left}{right}"


@register.filter
def model_label(row: Model) -> str:
    """The name under which the history of a row is told: `programs.channel`."""
    return row._meta.label_lower
