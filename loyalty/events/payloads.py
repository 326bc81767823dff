"""What a channel sends, checked by hand (this is the hot path) and brought into the form in which it is kept.

Nothing personal leaves here inside `data`: a member reference becomes `ref`, a profile becomes `profile`, and
the intake puts our own ids in their place.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any

from django.conf import settings

from loyalty.base import strict_json
from loyalty.base.clock import parse_instant, write_instant, zone
from loyalty.base.currencies import MAX_MONEY
from loyalty.base.email import impersonal
from loyalty.base.errors import Invalid, LaurelError
from loyalty.events import orders, types
from loyalty.events.errors import EventInFuture, EventTooOld
from loyalty.events.reading import Faults, boolean, fault, money, reference, text, whole
from loyalty.members.identifiers import MEMBER, PREFIXES, Ref, parse_ref
from loyalty.members.profiles import IDENTIFIERS, Profile
from loyalty.members.profiles import check as check_profile
from loyalty.programs.attributes import Schema, check_values, refuse_unknown
from loyalty.programs.errors import invalid
from loyalty.programs.models import Channel, Program

AHEAD = timedelta(minutes=5)
MAX_ID = 200
MAX_SOURCE = 100

_ENVELOPE = frozenset({"id", "source", "type", "occurred_at", "member", "data"})
_REVIEW = frozenset({"sku", "rating", "has_photo", "length"})
_REFERRAL = frozenset({"referee", "code"})
_VISIT = frozenset({"store"})


@dataclass(slots=True)
class Sent:
    """One event as it was sent: checked, normal, and without personal data in `data`."""

    external_id: str
    source: str
    type: str
    occurred_at: datetime
    ref: Ref | None
    data: dict[str, Any]
    content_hash: bytes = b""
    order_reference: str = ""
    profile: Profile | None = None
    referee: Ref | None = None
    late: LaurelError | None = (
        None  # too old, for example: refused, unless it is a repetition of a known event
    )


class Reader:
    """Reads events of one channel at one instant."""

    def __init__(
        self,
        channel: Channel,
        at: datetime,
        *,
        custom: Mapping[str, Schema] | None = None,
        source: str | None = None,
    ) -> None:
        program = channel.program
        self.program: Program = program
        self.at = at
        self.custom = custom or {}
        self.source = source or channel.code
        self._money = money(program.currency)
        self._zone: tzinfo | None = zone(channel.timezone) if channel.timezone else None
        self._oldest = at - timedelta(days=program.event_window_days)
        self._backfill = channel.kind == Channel.Kind.BACKFILL
        self._pepper = settings.KEY_PEPPER.encode()

    def read(self, raw: object) -> Sent:
        """The event in `raw`. Raises Invalid with a path for each fault."""
        faults: Faults = []
        if not isinstance(raw, dict):
            raise Invalid.field("", "object_expected", "An event is an object.")
        refuse_unknown(raw, _ENVELOPE, "", faults)
        data = raw.get("data")
        sent = Sent(
            external_id=reference(raw.get("id"), "/id", faults, most=MAX_ID),
            source=self._source(raw.get("source"), faults),
            type=self._type(raw.get("type"), faults),
            occurred_at=self._occurred_at(raw.get("occurred_at"), faults),
            ref=self._ref(raw.get("member"), "/member", faults),
            data={},
        )
        if data is not None and not isinstance(data, dict):
            fault(faults, "/data", "object_expected", "Data is an object.")
        elif sent.type:
            self._data(sent, data or {}, faults)
        if faults:
            raise invalid(faults)
        sent.content_hash = self._hash(sent, data or {})
        sent.late = self._late(sent.occurred_at)
        return sent

    def _source(self, raw: Any, faults: Faults) -> str:
        source = self.source if raw is None else reference(raw, "/source", faults, most=MAX_SOURCE)
        if source == types.OWN_SOURCE:
            fault(faults, "/source", "source_reserved", "This source is the program's own.")
        return source

    def _type(self, raw: Any, faults: Faults) -> str:
        if isinstance(raw, str) and (raw in types.BUILT_IN or raw in self.custom):
            return raw
        code = "required" if raw is None else "event_type_unknown"
        fault(faults, "/type", code, "Give a type of event that this program knows.")
        return ""

    def _occurred_at(self, raw: Any, faults: Faults) -> datetime:
        if raw is None:
            fault(faults, "/occurred_at", "required", "Say when it happened.")
            return self.at
        try:
            return parse_instant(raw, default_zone=self._zone)
        except Invalid as wrong:
            faults.append(wrong.at_path("/occurred_at"))
            return self.at

    def _ref(self, raw: Any, path: str, faults: Faults) -> Ref | None:
        if raw is None:
            return None
        try:
            return parse_ref(raw, self.program.phone_region)
        except Invalid as wrong:
            faults.append(wrong.at_path(path))
            return None

    def _late(self, occurred_at: datetime) -> LaurelError | None:
        if occurred_at > self.at + AHEAD:
            words = "The event is more than 5 minutes ahead of our clock."
            return EventInFuture(words, errors=[_at(EventInFuture.code, words)])
        if occurred_at < self._oldest and not self._backfill:
            words = f"Events older than {self.program.event_window_days} days come from a backfill channel."
            return EventTooOld(words, errors=[_at(EventTooOld.code, words)])
        return None

    def _hash(self, sent: Sent, data: dict[str, Any]) -> bytes:
        """What tells a repetition from another event of the same id. Keyed, as the content is personal."""
        content = [sent.type, write_instant(sent.occurred_at), sent.ref and tuple(sent.ref), data]
        return hmac.digest(self._pepper, strict_json.canonical(content), "sha256")

    def _data(self, sent: Sent, raw: dict[str, Any], faults: Faults) -> None:
        known = _READERS.get(sent.type)
        if known is not None:
            known(self, sent, raw, faults)
        else:
            self._custom(sent, raw, faults)
        if sent.type in types.ABOUT_AN_ORDER:
            sent.order_reference = sent.data.get("order_id", "")

    def _custom(self, sent: Sent, raw: dict[str, Any], faults: Faults) -> None:
        schema = self.custom[sent.type]
        values = check_values(schema, raw, "/data", faults)
        for code, value in values.items():
            if (
                schema[code].type == "number" and abs(Decimal(value)) >= MAX_MONEY
            ):  # points may be given for it
                words = f"A number is below {MAX_MONEY} in size."
                fault(faults, f"/data/{code}", "number_out_of_range", words)
        sent.data = {
            code: impersonal(value) if isinstance(value, str) else value for code, value in values.items()
        }

    def _completed(self, sent: Sent, raw: dict[str, Any], faults: Faults) -> None:
        sent.data = orders.order(raw, "/data", self._money, faults, amended=False)

    def _amended(self, sent: Sent, raw: dict[str, Any], faults: Faults) -> None:
        sent.data = orders.order(raw, "/data", self._money, faults, amended=True)

    def _returned(self, sent: Sent, raw: dict[str, Any], faults: Faults) -> None:
        sent.data = orders.returned(raw, "/data", self._money, faults)

    def _cancelled(self, sent: Sent, raw: dict[str, Any], faults: Faults) -> None:
        sent.data = orders.cancelled(raw, "/data", faults)

    def _registered(self, sent: Sent, raw: dict[str, Any], faults: Faults) -> None:
        profile = check_profile(self.program, raw, "/data", faults, at=self.at)
        if sent.ref is not None:
            _name_by(sent.ref, profile, faults)
        if not profile.identifiers and not faults:
            words = "Give at least one of external_id, email, phone and card."
            fault(faults, "/data", "identifier_required", words)
        sent.profile = profile

    def _updated(self, sent: Sent, raw: dict[str, Any], faults: Faults) -> None:
        sent.profile = check_profile(self.program, raw, "/data", faults, at=self.at, partial=True)
        if sent.ref is None:
            external = sent.profile.identifiers.get(PREFIXES["ext"])
            if external is None:
                fault(faults, "/member", "required", "Name the member, or give data.external_id.")
            else:
                sent.ref = Ref(PREFIXES["ext"], external)

    def _referral(self, sent: Sent, raw: dict[str, Any], faults: Faults) -> None:
        refuse_unknown(raw, _REFERRAL, "/data", faults)
        if raw.get("referee") is None:
            fault(faults, "/data/referee", "required", "Name the new member.")
        sent.referee = self._ref(raw.get("referee"), "/data/referee", faults)
        if sent.referee is not None and sent.referee == sent.ref:
            fault(faults, "/data/referee", "self_referral", "Nobody refers themselves.")
        if raw.get("code") is not None:
            sent.data["code"] = text(raw["code"], "/data/code", faults, most=60)

    def _review(self, sent: Sent, raw: dict[str, Any], faults: Faults) -> None:
        refuse_unknown(raw, _REVIEW, "/data", faults)
        if raw.get("sku") is not None:
            sent.data["sku"] = reference(raw["sku"], "/data/sku", faults)
        sent.data["rating"] = whole(raw.get("rating"), "/data/rating", faults, least=1, most=5)
        if raw.get("has_photo") is not None:
            sent.data["has_photo"] = boolean(raw["has_photo"], "/data/has_photo", faults)
        if raw.get("length") is not None:
            sent.data["length"] = whole(raw["length"], "/data/length", faults)

    def _visit(self, sent: Sent, raw: dict[str, Any], faults: Faults) -> None:
        refuse_unknown(raw, _VISIT, "/data", faults)
        if raw.get("store") is not None:
            sent.data["store"] = text(raw["store"], "/data/store", faults, most=100)


def _at(code: str, words: str) -> Any:
    return Invalid(words, code=code).at_path("/occurred_at")


def _name_by(ref: Ref, profile: Profile, faults: Faults) -> None:
    """The envelope's reference of a registration is one more identifier of the profile."""
    if ref.kind == MEMBER:
        words = "A member who registers has no id of ours yet: use ext:…, email:…, phone:… or card:…."
        fault(faults, "/member", "member_reference_invalid", words)
    elif profile.identifiers.setdefault(ref.kind, ref.value) != ref.value:
        fault(faults, "/member", "member_mismatch", "The data names another identifier of this kind.")
    else:
        name = next(name for name, kind in IDENTIFIERS.items() if kind == ref.kind)
        profile.fields |= {name}


_READERS: dict[str, Callable[[Reader, Sent, dict[str, Any], Faults], None]] = {
    types.ORDER_COMPLETED: Reader._completed,
    types.ORDER_AMENDED: Reader._amended,
    types.ORDER_RETURNED: Reader._returned,
    types.ORDER_CANCELLED: Reader._cancelled,
    types.MEMBER_REGISTERED: Reader._registered,
    types.MEMBER_UPDATED: Reader._updated,
    types.REFERRAL_CONVERTED: Reader._referral,
    types.REVIEW_SUBMITTED: Reader._review,
    types.VISIT_CHECKED_IN: Reader._visit,
}
