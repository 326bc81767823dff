from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Final

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _
from polymorphic.models import PolymorphicModel
from simple_history.models import HistoricalRecords

from loyalty.base.words import Words
from loyalty.programs.models import CODE, PointType, Program

MOST_RESERVE_MINUTES = 7 * 24 * 60
MOST_VALID_DAYS = 3660


def _money(help_text: str = "", *, optional: bool = False) -> models.DecimalField:  # type: ignore[type-arg]
    return models.DecimalField(
        max_digits=17,
        decimal_places=4,
        null=optional,
        blank=optional,
        validators=[MinValueValidator(0)],
        help_text=help_text,
    )


def _valid_days() -> models.PositiveSmallIntegerField:  # type: ignore[type-arg]
    return models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(MOST_VALID_DAYS)],
        help_text="Days that a code can be used, the day of issue not counted. Empty: for ever.",
    )


class Reward(PolymorphicModel):
    """Something that members take for points. What a member took keeps its own copy of the terms."""

    class Status(models.TextChoices):
        DRAFT = "draft", _("Draft")
        LIVE = "live", _("Live")
        PAUSED = "paused", _("Paused")
        ENDED = "ended", _("Ended")

    _history_date: datetime  # of the next row of its history, when it is not now
    kind: ClassVar[str] = ""
    title: ClassVar[Words] = ""

    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="rewards")
    code = models.CharField(max_length=50, validators=[CODE])
    name = models.CharField(max_length=120)
    description = models.TextField(blank=True, max_length=2000)
    terms = models.TextField(
        blank=True, max_length=5000, help_text="The small print, as the member reads it."
    )
    status = models.CharField(max_length=6, choices=Status.choices, default=Status.DRAFT)
    starts_at = models.DateTimeField(null=True, blank=True)
    ends_at = models.DateTimeField(null=True, blank=True)
    weekdays = models.JSONField(
        default=list, blank=True, help_text='Local weekdays, e.g. ["sat", "sun"]; empty: every day.'
    )
    hours = models.JSONField(
        default=list, blank=True, help_text='Local time windows, e.g. [["17:00", "19:00"]]; empty: all day.'
    )
    audience = models.JSONField(
        default=dict, blank=True, help_text="Condition tree over the member; empty: everyone."
    )
    caps = models.JSONField(default=list, blank=True, help_text='Per member: [{"times": 1, "per": "month"}].')
    cooldown_hours = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(87_600)]
    )
    reserve_minutes = models.PositiveSmallIntegerField(
        default=15, validators=[MinValueValidator(1), MaxValueValidator(MOST_RESERVE_MINUTES)]
    )
    low_stock_at = models.PositiveIntegerField(
        null=True, blank=True, help_text="Warn when no more than this is left."
    )
    unit_cost = _money("What one costs the program, in its currency.", optional=True)
    position = models.PositiveSmallIntegerField(default=100, help_text="Lower comes first in the catalogue.")
    auto_redeem_at = models.BigIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="Redeem it by itself, at night, for members who have this many points (smallest units).",
    )
    auto_redeem_per_day = models.PositiveSmallIntegerField(default=1, validators=[MinValueValidator(1)])
    revision = models.PositiveIntegerField(
        default=1, help_text="Rises with each save; guards against stale edits."
    )
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    updated_by = models.CharField(max_length=150, blank=True)
    history = HistoricalRecords(inherit=True)

    class Meta:
        ordering = ["program", "position", "code"]
        constraints = [models.UniqueConstraint(fields=["program", "code"], name="reward_code_per_program")]

    def __str__(self) -> str:
        return self.name


class DiscountReward(Reward):
    """Money or a percentage off an order, by a code of our own."""

    kind = "discount"
    title = _("Discount code")

    class Off(models.TextChoices):
        MONEY = "money", _("An amount off")
        PERCENT = "percent", _("A percentage off")

    off = models.CharField(max_length=7, choices=Off.choices, default=Off.MONEY)
    value = _money("Money, or percent from above 0 to 100.")
    minimum_order = _money(optional=True)
    valid_days = _valid_days()


class VoucherReward(Reward):
    """A code out of a pool that was uploaded. The pool is its stock."""

    kind = "voucher"
    title = _("Voucher from a pool")

    valid_days = _valid_days()


class GiftValueReward(Reward):
    """Money on a code, which can be used in parts."""

    kind = "gift"
    title = _("Gift value")

    value = _money()
    valid_days = _valid_days()


class ProductReward(Reward):
    """Goods that are sent, or picked up with a code."""

    kind = "product"
    title = _("Product")

    class Delivery(models.TextChoices):
        SHIP = "ship", _("Sent to the member")
        PICK_UP = "pick_up", _("Picked up")

    delivery = models.CharField(max_length=7, choices=Delivery.choices, default=Delivery.SHIP)
    sku = models.CharField(max_length=80, blank=True)
    target_hours = models.PositiveSmallIntegerField(
        default=48, validators=[MinValueValidator(1)], help_text="Sent or ready within this time."
    )
    delivery_attributes = models.JSONField(
        default=list,
        blank=True,
        help_text='What the member is asked for: [{"code": "address", "label": "Address", "required": true}].',
    )


class ExperienceReward(Reward):
    """A place at a dated event; each slot has its own capacity."""

    kind = "experience"
    title = _("Experience")


class DonationReward(Reward):
    """Points become money for a good cause."""

    kind = "donation"
    title = _("Donation")

    beneficiary = models.CharField(max_length=120)
    value = _money("Given to the beneficiary, in the program's currency.")


class PartnerReward(Reward):
    """Something a partner gives; the program pays the partner month by month."""

    kind = "partner"
    title = _("Partner reward")

    partner_code = models.CharField(max_length=50, validators=[CODE])
    partner_name = models.CharField(max_length=120)


class PointsReward(Reward):
    """Points of one wallet become points of another."""

    kind = "points"
    title = _("Points of another type")

    into = models.ForeignKey(PointType, on_delete=models.PROTECT, related_name="+")
    gives = models.BigIntegerField(
        validators=[MinValueValidator(1)], help_text="Points of the other type, in smallest units."
    )


KINDS: Final[dict[str, type[Reward]]] = {
    model.kind: model
    for model in (
        DiscountReward,
        VoucherReward,
        GiftValueReward,
        ProductReward,
        ExperienceReward,
        DonationReward,
        PartnerReward,
        PointsReward,
    )
}


class Price(models.Model):
    """What a reward costs, in points of one type. Read from the top: of each type the first that fits the member."""

    reward = models.ForeignKey(Reward, on_delete=models.CASCADE, related_name="prices")
    position = models.PositiveSmallIntegerField()
    point_type = models.ForeignKey(PointType, on_delete=models.PROTECT, related_name="+")
    points = models.BigIntegerField(validators=[MinValueValidator(0)], help_text="In smallest units.")
    tiers = models.JSONField(default=list, blank=True, help_text="Codes of tiers; empty: any or none.")
    audience = models.JSONField(
        default=dict, blank=True, help_text="Condition tree over the member; empty: everyone."
    )
    history = HistoricalRecords()
    _history_date: datetime

    class Meta:
        ordering = ["reward", "position"]
        constraints = [models.UniqueConstraint(fields=["reward", "position"], name="price_position")]

    def __str__(self) -> str:
        return f"{self.points} {self.point_type_id}"


class RewardPicture(models.Model):
    """The picture of a reward, made small. Another picture has another digest, so browsers may keep one for ever."""

    reward = models.OneToOneField(Reward, on_delete=models.CASCADE, primary_key=True, related_name="picture")
    digest = models.CharField(max_length=64, db_index=True)
    content = models.BinaryField()
    width = models.PositiveSmallIntegerField()
    height = models.PositiveSmallIntegerField()
    updated_at = models.DateTimeField()
    updated_by = models.CharField(max_length=150, blank=True)

    def __str__(self) -> str:
        return self.digest[:12]
