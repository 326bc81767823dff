"""Members of a history: whoever an order names and nobody knows yet becomes a member on the day of that order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from campaigns.imports.composing import Composed
from campaigns.imports.mapping import Mapping
from loyalty.base.errors import Invalid
from loyalty.base.imports.badrows import Refused
from loyalty.events import guests
from loyalty.members import identifiers
from loyalty.members.bulk import register_many
from loyalty.members.identifiers import Ref, parse_ref
from loyalty.programs.models import Channel


class Enroller:
    """Remembers whom it has seen, so that each member costs one look."""

    def __init__(self, channel: Channel, mapping: Mapping, *, at: datetime) -> None:
        self.channel = channel
        self.mapping = mapping
        self.at = at
        self._seen: set[Ref] = set()

    def enrol(self, chunk: Sequence[Composed]) -> tuple[set[Ref], int, list[UUID]]:
        """Make members of those who are not. The references that were seen (tell `remember` once it is committed),
        how many members are new, and the events that had waited for them.

        Registrations of a history are no events: nobody is welcomed with points years later.
        """
        first: dict[Ref, datetime] = {}
        for one in chunk:
            ref = self._ref(one)
            if ref and ref not in self._seen:
                at = min(sending.at for sending in one.sendings)
                first[ref] = min(first.get(ref, at), at)
        found = identifiers.resolve(self.channel.program_id, first)
        unknown = {ref: at for ref, at in first.items() if ref not in found or not found[ref].member_id}
        if not unknown:
            return set(first), 0, []
        made, waited_for = register_many(self.channel, unknown, at=self.at)
        events = [event for member in waited_for for event in guests.claim(member, at=self.at)]
        return set(first), len(made), events

    def remember(self, refs: Iterable[Ref]) -> None:
        self._seen.update(refs)

    def _ref(self, one: Composed) -> Ref | None:
        """Whom the order names. Who cannot be a member has the order refused."""
        if not one.member or not one.sendings:
            return None
        try:
            return parse_ref(f"{self.mapping.member_kind}:{one.member}", self.channel.program.phone_region)
        except Invalid as wrong:
            one.refuse([Refused(row, wrong.code, wrong.detail) for row in one.group.rows])
            return None
