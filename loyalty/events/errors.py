"""Errors of the inbox."""

from __future__ import annotations

from loyalty.base.errors import Conflict, Invalid, NotFound


class EventConflict(Conflict):
    code = "event_conflict"
    title = "An event with this id was received before, with other content"


class EventTooOld(Invalid):
    code = "event_too_old"
    title = "The event is older than the program accepts"


class EventInFuture(Invalid):
    code = "event_in_future"
    title = "The event lies in the future"


class EventTypeUnknown(Invalid):
    code = "event_type_unknown"
    title = "There is no such type of event in this program"


class SelfReferral(Invalid):
    code = "self_referral"
    title = "Nobody refers themselves"


class EventUnknown(NotFound):
    code = "event_unknown"
    title = "There is no such event"


class EventAttached(Conflict):
    code = "event_has_member"
    title = "This event belongs to a member already"
