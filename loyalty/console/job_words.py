"""A job as people watch it: its state with a tone, how far it is, how fast, and how long it will still take."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from loyalty.base.job_kinds import title_of
from loyalty.base.models import Job
from loyalty.base.words import Words
from loyalty.console.words import number

State = Job.State
TONES = {
    State.QUEUED: "warn",
    State.RUNNING: "info",
    State.DONE: "good",
    State.FAILED: "bad",
    State.CANCELLED: "quiet",
}
STATES: dict[str, Words] = {
    State.QUEUED: gettext_lazy("Waiting"),
    State.RUNNING: gettext_lazy("Running"),
    State.DONE: gettext_lazy("Done"),
    State.FAILED: gettext_lazy("Failed"),
    State.CANCELLED: gettext_lazy("Stopped"),
}
OPEN = (State.QUEUED, State.RUNNING)


@dataclass(frozen=True, slots=True)
class Watched:
    """One job on a screen."""

    job: Job

    @property
    def title(self) -> str:
        return title_of(self.job.kind)

    @property
    def about(self) -> str:
        """What it is about, or the day or hour that a recurring one stands for."""
        return self.job.name or (self.job.period if len(self.job.period) < 20 else "")

    @property
    def tone(self) -> str:
        return TONES[State(self.job.state)]

    @property
    def label(self) -> str:
        return str(STATES[self.job.state])

    @property
    def is_open(self) -> bool:
        """It waits, runs, or is tried again by itself."""
        return self.job.state in OPEN or (self.job.state == State.FAILED and self.job.retry_at is not None)

    @property
    def percent(self) -> int | None:
        """None while nobody knows how much there is to do."""
        if self.job.total is None:
            return None
        return min(100, 100 * self.job.done // self.job.total) if self.job.total else 100

    @property
    def progress(self) -> str:
        """`1,200 of 5,000`."""
        done = number(self.job.done)
        if self.job.total is None:
            return done
        return _("%(done)s of %(total)s") % {"done": done, "total": number(self.job.total)}

    @property
    def pace(self) -> str:
        """`1,240 a second`, counted since the present worker took it up; empty while that cannot be said."""
        each_second = self._each_second()
        return rate(each_second) if each_second and self.job.state == State.RUNNING else ""

    @property
    def left(self) -> str:
        """`about 3 min left`; empty while that cannot be said."""
        each_second = self._each_second()
        if self.job.state != State.RUNNING or not each_second or not self.job.total:
            return ""
        seconds = max(0, self.job.total - self.job.done) / each_second
        if seconds < 60:
            return _("less than a minute left")
        return _("about %(time)s left") % {"time": duration(timedelta(seconds=seconds))}

    @property
    def took(self) -> str:
        if not self.job.started_at or not self.job.finished_at:
            return ""
        return duration(max(self.job.finished_at - self.job.started_at, timedelta(0)))

    @property
    def summary(self) -> list[tuple[str, str]]:
        """The result line by line: label, and a number or words."""
        rows: list[list[Any]] = self.job.result.get("summary", [])
        return [(label, number(value) if isinstance(value, int) else value) for label, value in rows]

    @property
    def links(self) -> list[tuple[str, str]]:
        """Where the result leads: label and address."""
        return [(label, address) for label, address in self.job.result.get("links", [])]

    def _each_second(self) -> float:
        since, until = self.job.pace_at, self.job.heartbeat_at
        done = self.job.done - self.job.pace_done
        seconds = (until - since).total_seconds() if since and until else 0
        return done / seconds if done > 0 and seconds > 0 else 0.0


def rate(each_second: float) -> str:
    """The largest whole number that says it: a second, a minute, an hour."""
    if each_second >= 1:
        return _("%(n)s a second") % {"n": number(round(each_second))}
    if each_second * 60 >= 1:
        return _("%(n)s a minute") % {"n": number(round(each_second * 60))}
    return _("%(n)s an hour") % {"n": number(round(each_second * 3600))}


def duration(time: timedelta) -> str:
    """`12 s`, `3 min`, `2 h 5 min`."""
    seconds = round(time.total_seconds())
    if seconds < 60:
        return _("%(n)d s") % {"n": seconds}
    hours, minutes = divmod(round(seconds / 60), 60)
    if not hours:
        return _("%(n)d min") % {"n": minutes}
    return _("%(hours)d h %(minutes)d min") % {"hours": hours, "minutes": minutes}


def in_hand(count: int) -> str:
    return ngettext("%(n)d job running", "%(n)d jobs running", count) % {"n": count}


def waits_since(beat: datetime | None, now: datetime) -> bool:
    """Whether no worker and scheduler were heard of for a minute."""
    return beat is None or now - beat > timedelta(minutes=1)
