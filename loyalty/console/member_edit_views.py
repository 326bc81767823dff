"""Adding a member and changing a profile by hand, through the same doors as a channel."""

from __future__ import annotations

from typing import cast
from uuid import UUID, uuid4

from django.contrib import messages
from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from loyalty.base import clock
from loyalty.base.clock import write_instant
from loyalty.base.errors import LaurelError
from loyalty.console.access import ScreenRequest, actor_name, screen, show
from loyalty.console.member_form import MemberForm
from loyalty.console.member_views import member_of
from loyalty.console.once import once
from loyalty.events.enrolment import change, enrol
from loyalty.members.models import Member


@require_http_methods(["GET", "POST"])
@screen("members.view_member", "members.add_member")
def add_member(request: ScreenRequest) -> HttpResponse:
    """Enrol a person: the registration is an event, so a welcome campaign sees it as it sees any other."""
    if request.method == "GET":
        start = {"token": str(uuid4()), **_from_search(request.GET.get("q", ""))}
        return _page(request, MemberForm(initial=start, program=request.program))
    form = MemberForm(request.POST, program=request.program)
    if form.is_valid():
        try:
            token, who = form.cleaned_data["token"] or uuid4(), actor_name(request)
            address, _first = once(token, lambda: _enrol(request, form), by=who, at=clock.now())
        except LaurelError as refused:
            form.refused(refused)
        else:
            return redirect(address)
    return _page(request, form, status=422)


def _from_search(term: str) -> dict[str, str]:
    """What was looked for and not found, where it belongs."""
    if "@" in term:
        return {"email": term[:254]}
    digits = sum(letter.isdigit() for letter in term)
    return {"phone" if digits > len(term) / 2 else "name": term[:200]} if term else {}


def _enrol(request: ScreenRequest, form: MemberForm) -> str:
    done = enrol(request.program, form.profile(), channel=None, at=clock.now())
    if done.created:
        _log(request, done.member, ADDITION, [])
        messages.success(request, _("The member is added. What their joining earns follows in a moment."))
    else:
        messages.info(request, _("A member with this external id exists already: here they are, unchanged."))
    return reverse("console:member", args=[done.member.pk])


@require_http_methods(["GET", "POST"])
@screen("members.view_member", "members.change_member")
def edit_member(request: ScreenRequest, member_id: UUID) -> HttpResponse:
    """Change what differs, and nothing else; refused when somebody else was faster."""
    member = member_of(request, member_id)
    if request.method == "GET":
        return _page(request, MemberForm(program=request.program, member=member))
    form = MemberForm(request.POST, program=request.program, member=member)
    if form.is_valid():
        if form.is_stale:
            return _page(request, form, status=409)
        changes = form.profile()
        try:
            change(member, changes, at=clock.now())
        except LaurelError as refused:
            form.refused(refused)
        else:
            if changes:
                _log(request, member, CHANGE, sorted(changes))
                messages.success(request, _("The profile is saved."))
            return redirect("console:member", member.pk)
    return _page(request, form, status=422)


def _log(request: ScreenRequest, member: Member, action: int, fields: list[str]) -> None:
    """Who did it, by the names of the fields: no personal data outside the member's own rows."""
    LogEntry.objects.create(
        user=cast(User, request.user),
        content_type=ContentType.objects.get_for_model(Member),
        object_id=str(member.pk),
        object_repr=str(member.pk),
        action_flag=action,
        change_message=", ".join(fields),
    )


def _page(request: ScreenRequest, form: MemberForm, *, status: int = 200) -> HttpResponse:
    member = form.member
    context = {
        "title": _("Edit %(member)s") % {"member": member} if member else _("Add a member"),
        "member": member,
        "form": form,
        "stale": status == 409,
        "theirs": form.theirs() if status == 409 else [],
        "seen": write_instant(member.updated_at) if member else "",
    }
    return show(request, "console/member_edit.html", context, status=status)
