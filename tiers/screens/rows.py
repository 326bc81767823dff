"""The rows of the ladder editor: one form for each tier, told apart by a key that stays when it is moved."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from loyalty.base.errors import LaurelError
from loyalty.base.numbers import ungrouped
from loyalty.base.text import clean
from loyalty.console.changes import trimmed
from loyalty.programs.models import CODE, ExpiryUnit
from tiers.faults import MOST_TIERS
from tiers.models import Tier, TierSet

MOST_PERKS_TYPED = 20
FIELD_OF = {"reward_price_factor": "price_percent"}
"""Where the form has another name than the row."""
_KEY = re.compile(r"_\d{1,3}|[a-z0-9][a-z0-9_-]{0,49}", re.ASCII)


class PlainDecimal(forms.DecimalField):
    """Numbers as people write them, thousands separated or not."""

    widget = forms.TextInput(attrs={"inputmode": "decimal"})

    def to_python(self, value: Any) -> Decimal | None:  # type: ignore[override]
        plain = ungrouped(value.strip()) if isinstance(value, str) else value
        return super().to_python("?" if isinstance(plain, str) and "e" in plain.lower() else plain)

    def prepare_value(self, value: Any) -> Any:
        return trimmed(value).replace(",", "") if isinstance(value, Decimal) else value


class TierForm(forms.Form):
    """One tier as typed. A new one has a key that begins with `_`; the others have their code as key."""

    name = forms.CharField(max_length=80, required=False, label=gettext_lazy("Name"))
    code = forms.CharField(
        max_length=50, required=False, validators=[CODE], label=gettext_lazy("Code"),
        help_text=gettext_lazy("For channels and files. Empty: made from the name."),
    )  # fmt: skip
    threshold = PlainDecimal(
        max_digits=18, decimal_places=4, min_value=0, required=False, label=gettext_lazy("From")
    )
    earning_multiplier = PlainDecimal(
        max_digits=8, decimal_places=4, min_value=1, max_value=1000, required=False,
        label=gettext_lazy("Points, times"),
    )  # fmt: skip
    price_percent = PlainDecimal(
        max_digits=6, decimal_places=2, min_value=0, max_value=1000, required=False,
        label=gettext_lazy("Rewards cost, % of the price"),
    )  # fmt: skip
    early_access_days = forms.IntegerField(
        min_value=0, max_value=365, required=False, label=gettext_lazy("New rewards earlier, days"),
        widget=forms.TextInput(attrs={"inputmode": "numeric"}),
    )  # fmt: skip
    expiry = forms.ChoiceField(
        choices=Tier.Expiry.choices, required=False, label=gettext_lazy("Points earned in it lapse"),
        widget=forms.Select(attrs={"hx-post": "", "hx-trigger": "change"}),
    )  # fmt: skip
    expiry_count = forms.IntegerField(
        min_value=1, max_value=3660, required=False, label=gettext_lazy("After"),
        widget=forms.TextInput(attrs={"inputmode": "numeric"}),
    )  # fmt: skip
    expiry_unit = forms.ChoiceField(choices=ExpiryUnit.choices, required=False, label=gettext_lazy("Unit"))

    def __init__(
        self,
        data: Mapping[str, Any] | None,
        key: str,
        *,
        initial: dict[str, Any] | None = None,
        perks: list[dict[str, str]] | None = None,
    ) -> None:
        super().__init__(data, prefix=f"t-{key}", initial=initial)
        self.key = key
        self.is_known = not key.startswith("_")
        self.perks = perks if perks is not None else _posted_perks(data or {}, key)
        if self.is_known:
            del self.fields["code"]

    def control(self, path: str) -> str | None:
        """The field of the form that a fault of the row is about."""
        name = path.partition("/")[0]
        name = FIELD_OF.get(name, name)
        return name if name in self.fields else None

    @property
    def name_typed(self) -> str:
        return str(self["name"].value() or "").strip()

    @property
    def name_or_dots(self) -> str:
        """What to call it on buttons and in faults."""
        return self.name_typed or str(_("New tier"))

    @property
    def code_now(self) -> str:
        """Its code, as far as there is one."""
        return self.key if self.is_known else str(self["code"].value() or "").strip()

    def clean_name(self) -> str:
        try:
            return clean(self.cleaned_data["name"], max_length=80)
        except LaurelError as wrong:
            raise ValidationError(wrong.detail) from wrong

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        if "threshold" in data and data["threshold"] is None:
            self.add_error("threshold", _("Give a number from 0."))
        if not data.get("name") and "name" in data:
            self.add_error("name", _("Give the tier a name."))
        return data

    def values(self, taken: set[str]) -> dict[str, Any]:
        """What to store; for a form that was checked. `taken` are the codes that others have."""
        code = self.key if self.is_known else self.cleaned_data["code"] or _free(self.name_typed, taken)
        taken.add(code)
        return {"code": code, **self._read()}

    def preview(self, draft: TierSet, rank: int) -> Tier:
        """The tier as typed so far."""
        data = self._read() if self.is_bound else self._initial()
        code = self.code_now or code_from(self.name_typed, f"tier-{rank}")
        return Tier(tier_set=draft, rank=rank, code=code[:50], **data)

    def _initial(self) -> dict[str, Any]:
        given = {name: value for name, value in self.initial.items() if name != "code"}
        given["reward_price_factor"] = Decimal(given.pop("price_percent")) / 100
        return given | {"perks": _tidy(self.perks)}

    def _read(self) -> dict[str, Any]:
        self.is_valid()
        data = self.cleaned_data
        percent = data.get("price_percent")
        expiry = data.get("expiry", "")
        return {
            "name": data.get("name", ""),
            "threshold": data.get("threshold"),
            "earning_multiplier": data.get("earning_multiplier") or Decimal(1),
            "reward_price_factor": Decimal(1) if percent is None else percent / 100,
            "early_access_days": data.get("early_access_days") or 0,
            "expiry": expiry,
            "expiry_count": data.get("expiry_count") if expiry == Tier.Expiry.AFTER else None,
            "expiry_unit": data.get("expiry_unit") or ExpiryUnit.MONTHS,
            "perks": _tidy(self.perks),
        }

    @property
    def perk_lines(self) -> list[dict[str, str]]:
        """The perks and an empty line for another one."""
        return [*self.perks, {"icon": "", "code": "", "text": ""}][:MOST_PERKS_TYPED]

    @property
    def gives_something(self) -> bool:
        """Whether there is anything to see among the benefits."""
        usual = {"earning_multiplier": "1", "price_percent": "100", "early_access_days": "0", "expiry": ""}
        typed = {name: str(self[name].value() or "") for name in usual}
        return bool(self.perks) or any(typed[name] not in (usual[name], "") for name in usual)

    @property
    def expires_after(self) -> bool:
        return bool(self["expiry"].value() == Tier.Expiry.AFTER)


def stored(tiers: Sequence[Tier]) -> list[TierForm]:
    """The forms of tiers in hand; those without a row yet are new."""
    return [
        TierForm(
            None,
            tier.code if tier.pk else f"_{rank}",
            initial={
                **({} if tier.pk else {"code": tier.code}),
                "name": tier.name,
                "threshold": tier.threshold,
                "earning_multiplier": Decimal(tier.earning_multiplier),
                "price_percent": Decimal(tier.reward_price_factor) * 100,
                "early_access_days": tier.early_access_days,
                "expiry": tier.expiry,
                "expiry_count": tier.expiry_count,
                "expiry_unit": tier.expiry_unit,
            },
            perks=[{name: perk.get(name, "") for name in ("icon", "code", "text")} for perk in tier.perks],
        )
        for rank, tier in enumerate(tiers, 1)
    ]


def posted(data: Mapping[str, Any]) -> list[TierForm]:
    """The forms that were sent, in their order. Their number is bounded, whatever is sent."""
    keys = dict.fromkeys(key for key in data.getlist("tier") if _KEY.fullmatch(key))  # type: ignore[attr-defined]
    return [TierForm(data, key) for key in list(keys)[:MOST_TIERS]]


def acted(tiers: list[TierForm], action: str) -> list[TierForm]:
    """After a button: `add`, `remove:gold`, `up:gold`, `down:gold`, lowest first. Anything else does nothing."""
    name, _colon, key = action.partition(":")
    if name == "add":
        return [*tiers, new_row(tiers)] if len(tiers) < MOST_TIERS else tiers
    place = next((index for index, tier in enumerate(tiers) if tier.key == key), None)
    if place is None:
        return tiers
    others = [tier for tier in tiers if tier.key != key]
    if name == "remove":
        return others
    to = place + {"up": -1, "down": 1}.get(name, 0)
    return [*others[: max(to, 0)], tiers[place], *others[max(to, 0) :]]


def new_row(tiers: Sequence[TierForm]) -> TierForm:
    """An empty tier, the highest."""
    used = {tier.key for tier in tiers}
    key = next(f"_{n}" for n in range(1, 999) if f"_{n}" not in used)
    initial = {
        "earning_multiplier": Decimal(1),
        "price_percent": Decimal(100),
        "early_access_days": 0,
        "threshold": None,
    }
    return TierForm(None, key, initial={"name": "", "expiry": "", **initial}, perks=[])


def _posted_perks(data: Mapping[str, Any], key: str) -> list[dict[str, str]]:
    lines = [
        {
            part: str(data.get(f"t-{key}-perk-{n}-{part}", "")).strip()[:300]
            for part in ("icon", "code", "text")
        }
        for n in range(MOST_PERKS_TYPED)
    ]
    return [line for line in lines if line["text"] or line["code"]]


def _tidy(perks: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    """Perks as they are stored; a code that is not typed is made from the words."""
    taken: set[str] = {perk["code"] for perk in perks}
    made = []
    for perk in perks:
        code = perk["code"] or _free(perk["text"], taken)
        taken.add(code)
        icon = {"icon": perk["icon"][:20]} if perk["icon"] else {}
        made.append({"code": code[:50], **icon, "text": perk["text"]})
    return made


def code_from(text: str, otherwise: str) -> str:
    """A code made from words."""
    return slugify(text)[:40].strip("-_") or otherwise


def _free(text: str, taken: set[str]) -> str:
    base = code_from(text, "one")
    return next(code for code in (base, *(f"{base}-{n}" for n in range(2, 999))) if code not in taken)
