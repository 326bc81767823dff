"""The form of a member's profile: what the person is called and found by, and the program's own attributes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from loyalty.base.clock import write_instant
from loyalty.base.errors import LaurelError
from loyalty.base.words import Words
from loyalty.members.errors import IdentifierRequired, IdentifierTaken
from loyalty.members.identifiers import normal, resolve
from loyalty.members.models import Member
from loyalty.members.profiles import IDENTIFIERS, MAX_NAME, Profile
from loyalty.programs.attributes import Attribute, schema_of
from loyalty.programs.models import Program

ATTRIBUTE = "attribute-"
LABELS: dict[str, Words] = {
    "name": gettext_lazy("Name"),
    "email": gettext_lazy("E-mail"),
    "phone": gettext_lazy("Phone"),
    "card": gettext_lazy("Card"),
    "external_id": gettext_lazy("External id"),
    "birthday": gettext_lazy("Birthday"),
}


class MemberForm(forms.Form):
    """Reads text only: what is right is decided where the API decides it, and shown here beside its field."""

    token = forms.UUIDField(widget=forms.HiddenInput, required=False)
    seen = forms.CharField(widget=forms.HiddenInput, required=False)
    name = forms.CharField(max_length=MAX_NAME, required=False, label=LABELS["name"])
    email = forms.CharField(max_length=254, required=False, label=LABELS["email"])
    phone = forms.CharField(max_length=40, required=False, label=LABELS["phone"])
    card = forms.CharField(max_length=80, required=False, label=LABELS["card"])
    external_id = forms.CharField(max_length=200, required=False, label=LABELS["external_id"])
    birthday = forms.CharField(
        max_length=10,
        required=False,
        label=LABELS["birthday"],
        widget=forms.TextInput(attrs={"type": "date"}),
    )

    def __init__(self, *args: Any, program: Program, member: Member | None = None, **kwargs: Any) -> None:
        self.stored = stored(member) if member else {}
        kwargs["initial"] = {**self.stored, **kwargs.get("initial", {})}
        super().__init__(*args, **kwargs)
        self.program, self.member = program, member
        self.attributes = schema_of(program.member_schema)
        for code, attribute in self.attributes.items():
            self.fields[ATTRIBUTE + code] = _control(attribute)
        for name in ("name", "email", "phone", "card", "external_id"):
            self.fields[name].widget.attrs["autocomplete"] = "off"

    @property
    def attribute_fields(self) -> list[forms.BoundField]:
        return [self[ATTRIBUTE + code] for code in self.attributes]

    @property
    def is_stale(self) -> bool:
        """Whether somebody changed the member after this form was shown."""
        return self.member is not None and self.cleaned_data["seen"] != write_instant(self.member.updated_at)

    def profile(self) -> dict[str, Any]:
        """What to register or to change, as the API takes it: of a member only what differs, null for taken away."""
        given: dict[str, Any] = {}
        attributes: dict[str, Any] = {}
        for name, text in self._typed():
            if self.member is None and not text:
                continue
            if text == self.stored.get(name, ""):
                continue
            code = name.removeprefix(ATTRIBUTE)
            if code == name:
                given[name] = text or None
            else:
                attributes[code] = _value(self.attributes[code], text)
        return given | ({"attributes": attributes} if attributes else {})

    def theirs(self) -> list[tuple[str, str]]:
        """What is stored now where it differs from what was typed: label and value."""
        return [
            (str(self.fields[name].label), str(self.stored.get(name) or "–"))
            for name, text in self._typed()
            if text != self.stored.get(name, "")
        ]

    def refused(self, why: LaurelError) -> None:
        """Show what the domain refuses beside the field that it is about."""
        if isinstance(why, IdentifierTaken):
            self._blame_taken()
        elif isinstance(why, IdentifierRequired):
            self.add_error(
                None, _("Give at least one of e-mail, phone, card and external id: a member is found by it.")
            )
        else:
            for fault in why.errors or [why.at_path("")]:
                name = fault.path.strip("/").replace("attributes/", ATTRIBUTE)
                self.add_error(name if name in self.fields else None, fault.message)

    def _blame_taken(self) -> None:
        profile = Profile(identifiers=_readable(self.program, self.cleaned_data))
        found = resolve(self.program.pk, profile.refs)
        mine = self.member.pk if self.member else None
        names = {kind: name for name, kind in IDENTIFIERS.items()}
        owners: dict[str, UUID] = {
            names[ref.kind]: one.member_id for ref, one in found.items() if one.member_id not in (None, mine)
        }
        for name, owner in owners.items():
            other = Member.objects.get(pk=owner)
            self.add_error(name, _("This belongs to another member: %(member)s.") % {"member": other})
        if not owners:
            self.add_error(None, IdentifierTaken().detail)

    def _typed(self) -> Iterator[tuple[str, str]]:
        for name in [*LABELS, *(ATTRIBUTE + code for code in self.attributes)]:
            yield name, str(self.cleaned_data.get(name) or "")


def stored(member: Member) -> dict[str, str]:
    """The member's profile as the form shows it."""
    names = {kind: name for name, kind in IDENTIFIERS.items()}
    return {
        "seen": write_instant(member.updated_at),
        "name": member.name,
        "birthday": member.birthday.isoformat() if member.birthday else "",
        **{names[one.kind]: one.value for one in member.identifiers.all()},
        **{ATTRIBUTE + code: _text(value) for code, value in member.attributes.items()},
    }


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _value(attribute: Attribute, text: str) -> Any:
    if not text:
        return None
    return text == "true" if attribute.type == "boolean" else text


def _readable(program: Program, data: Mapping[str, Any]) -> dict[str, str | None]:
    kept: dict[str, str | None] = {}
    for name, kind in IDENTIFIERS.items():
        if text := data.get(name):
            try:
                kept[kind] = normal(kind, text, program.phone_region)
            except LaurelError:
                continue
    return kept


def _control(attribute: Attribute) -> forms.Field:
    """The field of a declared attribute. Whether it must be given is said by the program's own check."""
    if attribute.type in ("boolean", "choice"):
        yes_no = [("true", _("yes")), ("false", _("no"))]
        listed = yes_no if attribute.type == "boolean" else [(one, one) for one in attribute.choices]
        field: forms.Field = forms.ChoiceField(choices=[("", _("not known")), *listed])
    else:
        field = forms.CharField(max_length=500)
        if attribute.type == "date":
            field.widget.attrs["type"] = "date"
        elif attribute.type == "datetime":
            field.widget.attrs["placeholder"] = "2026-12-05T09:00:00+01:00"
        elif attribute.type == "number":
            field.widget.attrs["inputmode"] = "decimal"
    field.label, field.required = attribute.label, False
    return field
