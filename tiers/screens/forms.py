"""The form of the ladder editor: everything a draft holds, typed as people write it.

Saving needs values that can be stored; what keeps a draft from being published (`tiers.faults`) is shown beside its
field but does not stop the saving: nobody loses work over a missing number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from loyalty.base.errors import LaurelError
from loyalty.base.text import clean
from loyalty.programs.models import PointType
from tiers.faults import faults
from tiers.ladder import counts_points, definition_of
from tiers.models import Tier, TierSet, Validity, Window
from tiers.screens.rows import code_from, posted, stored

REDRAWS = ("measure", "window", "validity")
SECTION_OF = {"name": "name", "code": "name", "measure": "counts", "point_type": "counts", "tiers": "tiers"}


class LadderForm(forms.ModelForm):  # type: ignore[type-arg]
    """The ladder; `tiers` are the forms of its tiers, lowest first, read from the same data."""

    class Meta:
        model = TierSet
        fields = [
            "name", "code", "measure", "point_type", "window", "window_count", "window_unit", "upgrade",
            "validity", "validity_count", "validity_unit", "downgrade", "grace_days", "rollover", "warn_days",
        ]  # fmt: skip
        labels = {
            "measure": gettext_lazy("What counts"),
            "point_type": gettext_lazy("Whose points"),
            "window": gettext_lazy("Counted over"),
            "window_count": gettext_lazy("How many"),
            "window_unit": gettext_lazy("Months or days"),
            "upgrade": gettext_lazy("A reached tier counts"),
            "validity": gettext_lazy("A tier lasts"),
            "validity_count": gettext_lazy("How long"),
            "validity_unit": gettext_lazy("Months or days"),
            "downgrade": gettext_lazy("Who misses it at the review drops"),
            "grace_days": gettext_lazy("Days more to keep it"),
            "rollover": gettext_lazy("What is beyond the threshold counts in the next year"),
            "warn_days": gettext_lazy("Announce a coming drop so many days before"),
        }

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        instance: TierSet,
        tiers: Sequence[Tier] = (),
        published: bool = False,
    ) -> None:
        super().__init__(data, instance=instance)
        self.program = instance.program
        types: Any = self.fields["point_type"]
        types.queryset = PointType.objects.filter(program=self.program).order_by("-is_default", "code")
        types.empty_label = _("The usual ones")
        types.help_text = ""
        self.fields["code"].required = False
        if published:
            del self.fields["code"]
        for name in REDRAWS:  # what they say decides which other fields there are
            self.fields[name].widget.attrs |= {"hx-post": "", "hx-trigger": "change"}
        for name in ("window_count", "validity_count", "grace_days", "warn_days"):
            self.fields[name].widget = forms.TextInput(attrs={"inputmode": "numeric"})
        self.tiers = posted(data) if data is not None else stored(tiers)

    # --- reading ---------------------------------------------------------------------------------------------------

    def clean_name(self) -> str:
        try:
            return clean(self.cleaned_data["name"], max_length=120)
        except LaurelError as wrong:
            raise ValidationError(wrong.detail) from wrong

    def clean_code(self) -> str:
        """Empty: made from the name."""
        return str(self.cleaned_data["code"] or code_from(self.data.get("name", ""), "ladder"))

    def is_valid(self) -> bool:
        return all([super().is_valid(), *(tier.is_valid() for tier in self.tiers)])

    def validate_unique(self) -> None:
        """Saving looks at that, with the row locked."""

    def values(self) -> dict[str, Any]:
        """What to store of the ladder; for a form that was checked."""
        data = self.cleaned_data
        return {
            **{name: data[name] for name in self.fields if name in data},
            "point_type": data.get("point_type") if counts_points(data.get("measure", "")) else None,
            "window_count": data.get("window_count") if data.get("window") == Window.ROLLING else None,
            "validity_count": data.get("validity_count")
            if data.get("validity") == Validity.DURATION
            else None,
        }

    def rows(self) -> list[dict[str, Any]]:
        """What to store of the tiers, lowest first."""
        taken = {tier.key for tier in self.tiers if tier.is_known}
        return [tier.values(taken) for tier in self.tiers]

    # --- what is typed so far --------------------------------------------------------------------------------------

    def preview(self) -> tuple[TierSet, list[Tier]]:
        """The draft as typed so far, unsaved; values that cannot be read stay as they were."""
        draft = TierSet()
        for field in TierSet._meta.concrete_fields:
            setattr(draft, field.attname, getattr(self.instance, field.attname))
        draft.program, draft.point_type = self.program, self.instance.point_type
        if self.is_bound:
            self.is_valid()
            for name, value in self.values().items():
                setattr(draft, name, value)
        return draft, [tier.preview(draft, rank) for rank, tier in enumerate(self.tiers, 1)]

    def definition(self) -> dict[str, Any]:
        """The same as JSON; a threshold that is not typed yet is an empty text."""
        draft, tiers = self.preview()
        return draft_definition(draft, tiers)

    def publishing_faults(self) -> list[dict[str, str]]:
        """What is in the way of publishing, each with the field it is about."""
        draft, tiers = self.preview()
        return [
            {"message": said(fault.path, fault.message, tiers), "anchor": self.anchor(fault.path),
             "section": section_of(fault.path)}
            for fault in faults(draft, tiers)
        ]  # fmt: skip

    def anchor(self, path: str) -> str:
        """The id of the control that a fault is about, or of its section."""
        head, _slash, rest = path.partition("/")
        if head == "tiers" and rest:
            index, _slash, field = rest.partition("/")
            tier = self.tiers[int(index)]
            name = tier.control(field)
            return tier[name].id_for_label if name else f"tier-{tier.key}"
        return self[head].id_for_label if head in self.fields else f"section-{section_of(path)}"

    def all_errors(self) -> list[tuple[str, str]]:
        """(id of the control, words) of everything that cannot be stored."""
        found = [("", str(error)) for error in self.non_field_errors()]
        for field in self:
            found += [(field.id_for_label, f"{field.label}: {error}") for error in field.errors]
        for tier in self.tiers:
            found += [(f"tier-{tier.key}", str(error)) for error in tier.non_field_errors()]
            for field in tier:
                label = _("%(tier)s: %(part)s") % {"tier": tier.name_or_dots, "part": field.label}
                found += [(field.id_for_label, f"{label}: {error}") for error in field.errors]
        return found

    def add_refusal(self, refused: LaurelError) -> None:
        """Show what the domain refuses beside the field it is about."""
        if refused.code == "code_taken" and "code" in self.fields and not refused.errors:
            self.add_error("code", refused.detail)
            return
        for fault in refused.errors or [refused.at_path("")]:
            head, _slash, rest = fault.path.partition("/")
            if head == "tiers" and rest:
                index, _slash, field = rest.partition("/")
                tier = self.tiers[int(index)]
                tier.add_error(tier.control(field), fault.message)
            else:
                self.add_error(head if head in self.fields else None, fault.message)


def draft_definition(tier_set: TierSet, tiers: Iterable[Tier]) -> dict[str, Any]:
    """The draft as JSON, also while thresholds are missing."""
    rows = list(tiers)
    missing = [tier for tier in rows if tier.threshold is None]
    for tier in missing:
        tier.threshold = Decimal(0)
    made = definition_of(tier_set, rows)
    for tier in missing:
        tier.threshold = None  # type: ignore[assignment]
        made["tiers"][tier.rank - 1]["threshold"] = ""
    return made


def said(path: str, message: str, tiers: Sequence[Tier]) -> str:
    """The words of a fault, with the tier it is about."""
    head, _slash, rest = path.partition("/")
    if head != "tiers" or not rest:
        return message
    index = int(rest.partition("/")[0])
    return f"{tiers[index].name or _('Tier %(n)d') % {'n': index + 1}}: {message}"


def section_of(path: str) -> str:
    head = path.partition("/")[0]
    return SECTION_OF.get(head, "counts" if head.startswith("window") else "review")
