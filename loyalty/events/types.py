"""The kinds of events that every program understands. A program may declare more (`EventType`)."""

from __future__ import annotations

ORDER_COMPLETED = "order.completed"
ORDER_AMENDED = "order.amended"
ORDER_RETURNED = "order.returned"
ORDER_CANCELLED = "order.cancelled"
MEMBER_REGISTERED = "member.registered"
MEMBER_UPDATED = "member.updated"
REFERRAL_CONVERTED = "referral.converted"
REVIEW_SUBMITTED = "review.submitted"
VISIT_CHECKED_IN = "visit.checked_in"

BUILT_IN = {
    ORDER_COMPLETED: "Order completed",
    ORDER_AMENDED: "Order changed",
    ORDER_RETURNED: "Order returned",
    ORDER_CANCELLED: "Order cancelled",
    MEMBER_REGISTERED: "Member registered",
    MEMBER_UPDATED: "Member changed",
    REFERRAL_CONVERTED: "Referral converted",
    REVIEW_SUBMITTED: "Review submitted",
    VISIT_CHECKED_IN: "Visit checked in",
}
ABOUT_AN_ORDER = frozenset({ORDER_COMPLETED, ORDER_AMENDED, ORDER_RETURNED, ORDER_CANCELLED})
AFTER_AN_ORDER = frozenset({ORDER_AMENDED, ORDER_RETURNED, ORDER_CANCELLED})
ABOUT_A_MEMBER = frozenset({MEMBER_REGISTERED, MEMBER_UPDATED})

OWN_SOURCE = "laurel"  # of events that are made here; channels cannot use it
