"""Errors about members and what they are found by."""

from __future__ import annotations

from django.utils.translation import gettext as _

from loyalty.base.errors import Conflict, Invalid, NotFound


class MemberUnknown(NotFound):
    code = "member_unknown"
    title = "There is no such member"


class IdentifierTaken(Conflict):
    """The words never say whose it is."""

    code = "identifier_taken"
    title = "One of these identifiers belongs to another member"


class IdentifierPresent(Conflict):
    """A member has one identifier of each kind; neither of two is given up unasked."""

    code = "identifier_present"
    title = "The member has another identifier of this kind"

    def __init__(self, kind: str) -> None:
        told = _(
            "This member has another identifier of that kind already (%(kind)s). Change it to this one in the "
            "member's profile: the events come along, and stay when it is changed back."
        )
        super().__init__(told % {"kind": kind})


class IdentifierRequired(Invalid):
    code = "identifier_required"
    title = "A member needs at least one of external_id, email, phone and card"


class MemberClosed(Conflict):
    code = "member_closed"
    title = "This membership is closed"


class StateRefused(Conflict):
    code = "member_state"
    title = "This is not possible in the member's present state"
