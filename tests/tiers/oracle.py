"""The rules of tiers once more, as plainly as they can be said: every single day is lived through, every sum is
added up from the raw days. Shares nothing with the real thing but the definitions of ladders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal

from loyalty.base.clock import add_months, add_years
from tiers.course import Seed, Source
from tiers.ladder import Ladder
from tiers.published import Version

ONE = timedelta(days=1)
Deeds = Mapping[Source, Mapping[date, int]]


class Life:
    """One member, day after day."""

    def __init__(
        self, versions: Sequence[Version], enrolled: date, deeds: Deeds, seeds: Sequence[Seed] = ()
    ) -> None:
        self.versions, self.enrolled, self.deeds = versions, enrolled, deeds
        self.begins = max(versions[0].first_day, enrolled)
        self.seeds = [seed._replace(day=max(seed.day, self.begins)) for seed in seeds]
        self.v: Version | None = None  # by which the member is judged
        self.old_v: Version | None = None  # which still keeps what it gives, up to `safe`
        self.safe = ""
        self.known: list[Version] = []
        self.tier = ""
        self.since: date | None = None
        self.ends: date | None = None
        self.warned_on: date | None = None  # the first day of the grace
        self.drops: date | None = None
        self.extra = self.extra_before = Decimal(0)

    def live(self, until: date) -> None:
        day = self.begins
        while day <= until:
            self.dawn(day)
            self.noon(day)
            for version in self.versions:
                if version not in self.known and version.first_day == day:
                    self.publish(version, day, with_day=True)
                    self.noon(day)
            day += ONE

    # --- a day -----------------------------------------------------------------------------------------------

    def dawn(self, day: date) -> None:
        if self.v and self.is_first_day(self.v.ladder, day):
            self.close_books(self.v.ladder, day)
        arrived = [v for v in self.versions if v not in self.known and v.last_day_before < day]
        if self.v is None and arrived:
            self.known += arrived[:-1]
            arrived = arrived[-1:]
        for version in arrived:
            self.publish(version, day, with_day=False)
        for seed in self.seeds:
            if seed.day == day:
                self.plant(seed, day)
        if self.ends == day and not self.drops:
            self.judge(day)
        if self.drops == day:
            self.last_call(day)
        if self.v and self.tier and not self.ends and not self.drops:
            self.look_down(self.v.ladder, day)

    def look_down(self, judge: Ladder, day: date) -> None:
        """A tier without an end hangs on what is counted."""
        if not self.has_enough(judge, self.tier, day, day - ONE) and self.tier not in self.saved(
            day, day - ONE
        ):
            self.judge(day)

    def has_enough(self, judge: Ladder, tier: str, day: date, last: date) -> bool:
        need = need_of(judge, tier)
        hangs = judge.validity == "while_qualified" and judge.downgrade != "never" and need > 0
        return not hangs or self.count(judge, day, last) >= need

    def saved(self, day: date, last: date) -> list[str]:
        """The tiers that the older version keeps."""
        if not self.old_v or not self.safe:
            return []
        old = self.old_v.ladder
        most = need_of(old, self.safe)
        codes = [rung.code for rung in old.rungs if rung.bar <= most]
        return [code for code in codes if self.has_enough(old, code, day, last)]

    def noon(self, day: date) -> None:
        if not self.v:
            return
        ladder = self.v.ladder
        if self.drops and self.warned_on:
            best = self.count(ladder, day, day)
            if looks_back(ladder):
                best = max(
                    best,
                    self.sum_from(
                        ladder, self.first_day(ladder, self.warned_on - ONE), day, self.extra_before
                    ),
                )
            if best >= need_of(ladder, self.tier) or self.tier in self.saved(day, day):
                self.have(self.tier, self.since, self.in_future(self.end_if_kept(self.warned_on), day))
        value = self.count(ladder, day, day)
        if ladder.upgrade == "at_once" and ladder.fit(value) > ladder.rank(self.tier):
            self.climb(ladder, ladder.fit(value), day)

    # --- what is counted -------------------------------------------------------------------------------------

    def first_day(self, ladder: Ladder, day: date) -> date:
        match ladder.window:
            case "lifetime":
                return date.min
            case "rolling":
                assert ladder.span
                if ladder.span.unit == "days":
                    return day - timedelta(days=ladder.span.count - 1)
                return add_months(day, -ladder.span.count) + ONE
            case "calendar_year":
                return day.replace(month=1, day=1)
        found = [
            add_years(self.enrolled, year - self.enrolled.year) for year in range(day.year - 1, day.year + 1)
        ]
        return max(one for one in found if one <= day)

    def is_first_day(self, ladder: Ladder, day: date) -> bool:
        return ladder.window in ("calendar_year", "anniversary") and self.first_day(ladder, day) == day

    def period_after(self, ladder: Ladder, day: date) -> date:
        day += ONE
        while not self.is_first_day(ladder, day):
            day += ONE
        return day

    def sum_from(self, ladder: Ladder, first: date, last: date, extra: Decimal) -> Decimal:
        deeds = self.deeds.get((ladder.measure, ladder.point_type_id), {})
        total = Decimal(sum(value for day, value in deeds.items() if first <= day <= last))
        return total + extra if ladder.rollover else total

    def count(self, ladder: Ladder, window_of: date, last: date) -> Decimal:
        return self.sum_from(ladder, self.first_day(ladder, window_of), last, self.extra)

    # --- the calendar ----------------------------------------------------------------------------------------

    def close_books(self, ladder: Ladder, day: date) -> None:
        value = self.count(ladder, day - ONE, day - ONE)
        rank, reached = ladder.rank(self.tier), ladder.fit(value)
        counted_for = max(rank, reached) if ladder.upgrade == "next_period" else rank
        if not self.drops:
            self.extra_before = self.extra
        need = ladder.rungs[counted_for - 1].bar if counted_for else Decimal(0)
        self.extra = max(value - need, Decimal(0)) if ladder.rollover and need else Decimal(0)
        if ladder.upgrade == "next_period" and reached > rank:
            self.climb(ladder, reached, day)

    def judge(self, day: date) -> None:
        """The review."""
        assert self.v
        was = self.v.ladder
        if self.known[-1] is not self.v:
            promise = self.old_v, self.safe
            self.move_to(self.known[-1])
            if self.v.protect and self.v.ladder.validity == "while_qualified":
                self.old_v, self.safe = promise
        ladder = self.v.ladder
        saved = self.saved(day, day - ONE)
        if looks_back(ladder):
            opening = self.is_first_day(ladder, day)
            extra = self.extra_before if opening else self.extra
            value = self.sum_from(ladder, self.first_day(ladder, day - ONE), day - ONE, extra)
        else:
            value = self.count(ladder, day, day - ONE)
        reached = ladder.fit(value)
        if self.tier not in ladder.by_code:
            floor = substitute(was, ladder, self.tier)
            to = reached if ladder.downgrade == "fit" else max(reached, floor)
            self.climb(ladder, to, day)
        elif reached > ladder.rank(self.tier):
            self.climb(ladder, reached, day)
        elif reached == ladder.rank(self.tier) or ladder.downgrade == "never" or self.tier in saved:
            self.have(self.tier, self.since, self.end_if_kept(day))
        elif ladder.grace_days:
            if not self.is_first_day(ladder, day):
                self.extra_before = self.extra
            self.warned_on, self.drops = day, day + timedelta(days=ladder.grace_days)
        else:
            self.fall(day, day, reached)

    def last_call(self, day: date) -> None:
        """The grace is over."""
        assert self.v
        assert self.warned_on
        ladder = self.v.ladder
        value = self.count(ladder, day, day - ONE)
        if looks_back(ladder):
            first = self.first_day(ladder, self.warned_on - ONE)
            value = max(value, self.sum_from(ladder, first, day - ONE, self.extra_before))
        if ladder.fit(value) >= ladder.rank(self.tier) or self.tier in self.saved(day, day - ONE):
            self.have(self.tier, self.since, self.in_future(self.end_if_kept(self.warned_on), day))
        else:
            self.fall(day, self.warned_on, ladder.fit(value))

    def fall(self, day: date, review: date, reached: int) -> None:
        assert self.v
        ladder = self.v.ladder
        below = [one.code for one in ladder.rungs if one.rank < ladder.rank(self.tier)]
        saved = [ladder.rank(one) for one in self.saved(day, day - ONE) if one in ladder.by_code]
        kept = min(len(below), max(saved, default=0))
        to = len(below) if ladder.downgrade == "one_step" else max(reached, kept)
        code = ladder.at_rank(to)
        ends = self.end_of(ladder, code, review - ONE if ladder.validity == "next_period" else day)
        if ends and ends <= day:
            ends = self.end_of(ladder, code, day)
        self.have(code, day, ends)
        self.old_v, self.safe = (self.old_v, ladder.at_rank(kept)) if kept else (None, "")

    def climb(self, ladder: Ladder, to: int, day: date) -> None:
        self.have(ladder.at_rank(to), day, self.end_of(ladder, ladder.at_rank(to), day))

    def have(self, tier: str, since: date | None, ends: date | None) -> None:
        self.tier, self.since, self.ends = tier, since, ends
        self.warned_on = self.drops = None

    def end_of(self, ladder: Ladder, code: str, day: date) -> date | None:
        if need_of(ladder, code) <= 0:
            return None
        match ladder.validity:
            case "period":
                return self.period_after(ladder, day)
            case "next_period":
                return self.period_after(ladder, self.period_after(ladder, day))
            case "duration":
                assert ladder.lasts
                if ladder.lasts.unit == "days":
                    return day + timedelta(days=ladder.lasts.count)
                return add_months(day, ladder.lasts.count)
        return None

    def end_if_kept(self, review: date) -> date | None:
        assert self.v
        ladder = self.v.ladder
        return self.end_of(ladder, self.tier, review - ONE if ladder.validity == "next_period" else review)

    def in_future(self, ends: date | None, day: date) -> date | None:
        assert self.v
        return self.end_of(self.v.ladder, self.tier, day) if ends and ends <= day else ends

    # --- versions and imports --------------------------------------------------------------------------------

    def publish(self, version: Version, day: date, *, with_day: bool) -> None:
        self.known.append(version)
        if version.rollout == "review" and self.v and self.tier:
            lasting = self.v.ladder.validity == "while_qualified" and need_of(self.v.ladder, self.tier) > 0
            if self.ends or self.drops or lasting:
                return
        was, new = self.v, version.ladder
        promise = self.promise(version, day, day if with_day else day - ONE)
        gone = bool(self.tier) and self.tier not in new.by_code
        floor = substitute(was.ladder, new, self.tier) if gone and was else new.rank(self.tier)
        self.move_to(version)
        if new.upgrade == "next_period":
            last = self.first_day(new, day) - ONE
            value = self.sum_from(new, self.first_day(new, last), last, self.extra_before)
        else:
            value = self.count(new, day, day if with_day else day - ONE)
        reached = new.fit(value)
        to = max(reached, floor) if version.protect or was is None else reached
        if gone or to != floor:
            self.climb(new, to, day)
        elif was is None:
            pass
        elif reached < floor:  # protected
            if not self.ends and new.validity != "while_qualified":
                self.have(self.tier, self.since, self.end_of(new, self.tier, day))
        elif not self.ends or self.drops:
            self.have(self.tier, self.since, self.end_of(new, self.tier, day))
        if not self.ends:
            self.old_v, self.safe = promise

    def promise(self, version: Version, day: date, last: date) -> tuple[Version | None, str]:
        """Which version goes on keeping what it gives, and up to which tier, when another one is published."""
        if not (version.protect and self.v and self.tier and not self.ends):
            return None, ""
        if version.ladder.validity != "while_qualified":
            return None, ""
        if is_harder(version.ladder, self.v.ladder, self.tier):
            old = self.old_v
            if old and self.tier in old.ladder.by_code and self.has_enough(old.ladder, self.tier, day, last):
                return old, self.tier
            return self.v, self.tier
        if self.old_v and is_harder(version.ladder, self.old_v.ladder, self.safe):
            return self.old_v, self.safe
        return None, ""

    def move_to(self, version: Version) -> None:
        old, new = self.v.ladder if self.v else None, version.ladder
        same = old is not None and (old.window, old.source) == (new.window, new.source)
        if not (old and same and old.rollover and new.rollover):
            self.extra = self.extra_before = Decimal(0)
        self.v, self.old_v, self.safe = version, None, ""

    def plant(self, seed: Seed, day: date) -> None:
        ladder = (self.v or self.versions[0]).ladder
        if not ladder.rank(seed.tier) or ladder.rank(seed.tier) < ladder.rank(self.tier):
            return
        ends = max(seed.valid_until, day + ONE) if seed.valid_until else self.end_of(ladder, seed.tier, day)
        self.have(seed.tier, seed.since, ends)


def need_of(ladder: Ladder, code: str) -> Decimal:
    return ladder.by_code[code].bar if code in ladder.by_code else Decimal(0)


def is_harder(new: Ladder, old: Ladder, code: str) -> bool:
    """Whether something keeps that tier, or one below it, by the old ladder alone."""
    counted_alike = all(
        getattr(new, one) == getattr(old, one) for one in ("window", "span", "source", "rollover")
    )
    if not counted_alike or (old.downgrade == "never" != new.downgrade):
        return True
    below = [rung for rung in old.rungs if rung.bar <= need_of(old, code)]
    return any(rung.code in new.by_code and need_of(new, rung.code) > rung.bar for rung in below)


def looks_back(ladder: Ladder) -> bool:
    return ladder.upgrade == "next_period" or ladder.validity in ("next_period", "duration")


def substitute(old: Ladder, new: Ladder, code: str) -> int:
    """For a tier that is gone: the highest one that is left of those below it."""
    left = [rung.code for rung in old.rungs if rung.bar < need_of(old, code) and rung.code in new.by_code]
    return max((new.rank(one) for one in left), default=0)
