from __future__ import annotations

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from polymorphic.models import PolymorphicModel
from simple_history.models import HistoricalRecords

from loyalty.base.ids import uuid7
from loyalty.events.models import Event
from loyalty.ledger.models import Transaction
from loyalty.members.models import Member
from loyalty.programs.models import CODE, PointType, Program


class Campaign(PolymorphicModel):
    """A set of earning terms.

    The row is the draft; publishing freezes it as a CampaignVersion, which alone earns points.
    """

    class Stacking(models.TextChoices):
        ADD = "add", "Adds to the others"
        BEST = "best", "Only the best of its group counts"

    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="campaigns")
    code = models.CharField(max_length=50, validators=[CODE])
    name = models.CharField(max_length=120)
    description = models.TextField(blank=True, max_length=2000)
    point_type = models.ForeignKey(PointType, on_delete=models.PROTECT, related_name="+")
    trigger = models.CharField(
        max_length=60, default="order.completed", help_text="The kind of event that earns."
    )
    conditions = models.JSONField(
        default=dict, blank=True, help_text="Condition tree over the event; empty: always."
    )
    audience = models.JSONField(
        default=dict, blank=True, help_text="Condition tree over the member; empty: everyone."
    )
    items = models.JSONField(
        default=dict,
        blank=True,
        help_text="Condition tree over item.* fields: the lines that count; empty: all.",
    )
    starts_at = models.DateTimeField(null=True, blank=True)
    ends_at = models.DateTimeField(null=True, blank=True)
    weekdays = models.JSONField(
        default=list, blank=True, help_text='Local weekdays, e.g. ["sat", "sun"]; empty: every day.'
    )
    hours = models.JSONField(
        default=list, blank=True, help_text='Local time windows, e.g. [["17:00", "19:00"]]; empty: all day.'
    )
    caps = models.JSONField(
        default=list,
        blank=True,
        help_text='Per member: [{"points": "500", "per": "month"}, {"times": 1, "per": "lifetime"}].',
    )
    budget = models.BigIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="Most points it may give in all, in smallest units.",
    )
    priority = models.PositiveSmallIntegerField(
        default=100,
        validators=[MaxValueValidator(1000)],
        help_text="Lower comes first when budgets and caps are shared out.",
    )
    stacking_group = models.CharField(
        max_length=50, blank=True, help_text="Of campaigns in one group only the best counts. Empty: adds up."
    )
    ended_at = models.DateTimeField(null=True, blank=True)
    revision = models.PositiveIntegerField(
        default=1, help_text="Rises with each save of the draft; guards against stale edits."
    )
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    updated_by = models.CharField(max_length=150, blank=True)
    history = HistoricalRecords(inherit=True)

    class Meta:
        ordering = ["program", "priority", "code"]
        constraints = [models.UniqueConstraint(fields=["program", "code"], name="campaign_code_per_program")]

    def __str__(self) -> str:
        return self.name


class EarningCampaign(Campaign):
    """A base rule: so many points per amount, per item, per event, or from an attribute of the event."""

    class Basis(models.TextChoices):
        AMOUNT = "amount", "Per amount spent"
        ITEM = "item", "Per item"
        FIXED = "fixed", "Fixed, per event"
        ATTRIBUTE = "attribute", "From a number in the event"

    class StepRounding(models.TextChoices):
        EXACT = "", "Exact (fractions count)"
        DOWN = "down", "Full steps only"
        HALF_UP = "half_up", "Nearest step"
        UP = "up", "Each started step"

    basis = models.CharField(max_length=9, choices=Basis.choices, default=Basis.AMOUNT)
    points = models.DecimalField(
        max_digits=14, decimal_places=4, validators=[MinValueValidator(0)], help_text="Points per step."
    )
    step = models.DecimalField(
        max_digits=14,
        decimal_places=4,
        default=1,
        help_text="Money, or units of the attribute, that make one step.",
    )
    step_rounding = models.CharField(max_length=7, choices=StepRounding.choices, blank=True, default="")
    attribute = models.CharField(
        max_length=60, blank=True, help_text="Numeric attribute of the event, for that basis."
    )


class BonusCampaign(Campaign):
    """On top of the base: a multiplier of the base points (of the lines that count), given here or by the member's
    tier, or a fixed extra."""

    class Bonus(models.TextChoices):
        MULTIPLIER = "multiplier", "Multiplies the base"
        EXTRA = "extra", "Fixed extra"
        TIER = "tier", "As the member's tier says"

    bonus = models.CharField(max_length=10, choices=Bonus.choices, default=Bonus.MULTIPLIER)
    multiplier = models.DecimalField(
        max_digits=8,
        decimal_places=4,
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="2 doubles the base: the bonus is base × (2 − 1). Without a table, or where the table has no row.",
    )
    table_field = models.CharField(
        max_length=80, blank=True, help_text='Field that chooses the multiplier, e.g. "member.tier".'
    )
    table = models.JSONField(
        default=dict, blank=True, help_text='Multiplier by value of the field, e.g. {"gold": "2"}.'
    )
    extra_points = models.DecimalField(
        max_digits=14, decimal_places=4, null=True, blank=True, validators=[MinValueValidator(0)]
    )


class CampaignVersion(models.Model):
    """What was published: the whole definition, in force from `effective_from` until the next version.

    Never changed.
    """

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="versions")
    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="+")
    number = models.PositiveIntegerField()
    definition = models.JSONField()
    effective_from = models.DateTimeField()
    published_at = models.DateTimeField()
    published_by = models.CharField(max_length=150, blank=True)
    note = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["campaign", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["campaign", "number"], name="version_number_per_campaign")
        ]
        triggers = [
            pgtrigger.Protect(name="published_for_good", operation=pgtrigger.Update | pgtrigger.Delete)
        ]

    def __str__(self) -> str:
        return f"v{self.number}"


class CampaignPause(models.Model):
    """An interval in which the campaign gave nothing: [started_at, ended_at)."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="pauses")
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    started_by = models.CharField(max_length=150, blank=True)
    ended_by = models.CharField(max_length=150, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["campaign"], condition=Q(ended_at__isnull=True), name="one_open_pause_per_campaign"
            )
        ]

    def __str__(self) -> str:
        return f"from {self.started_at}"


class BudgetUse(models.Model):
    """How many points a campaign with a budget has given, net of returns. Locked while points are awarded."""

    campaign = models.OneToOneField(
        Campaign, on_delete=models.CASCADE, primary_key=True, related_name="budget_use"
    )
    points = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return str(self.points)


class CapUse(models.Model):
    """What a member got from a capped campaign in one local period ("d:2026-11-22", "w:2026-W47", "m:2026-11",
    "y:2026", "l")."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="+", db_index=False)
    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="+")
    period = models.CharField(max_length=12)
    points = models.BigIntegerField(default=0)
    times = models.IntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "member", "period"], name="cap_use_per_period")
        ]

    def __str__(self) -> str:
        return f"{self.period}: {self.points}"


class Order(models.Model):
    """An order as it stands after all that was heard of it; what it has earned is the sum of its awards."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    program = models.ForeignKey(Program, on_delete=models.PROTECT, db_index=False, related_name="+")
    reference = models.CharField(max_length=120)
    member = models.ForeignKey(Member, on_delete=models.PROTECT, db_index=False, related_name="+")
    event = models.ForeignKey(
        Event,
        on_delete=models.PROTECT,
        db_index=False,
        related_name="+",
        help_text="The event that opened it.",
    )
    basket_event = models.ForeignKey(
        Event,
        on_delete=models.PROTECT,
        db_index=False,
        related_name="+",
        help_text="The event that holds its present basket.",
    )
    revision = models.IntegerField(default=0)
    cancelled = models.BooleanField(default=False)
    returned = models.JSONField(default=dict, help_text="By line: quantity and amount sent back so far.")
    spend = models.DecimalField(
        max_digits=18, decimal_places=4, default=0, help_text="Qualifying amount of what was kept."
    )
    version_ids = ArrayField(
        models.BigIntegerField(), default=list, help_text="The campaign versions that it was rated under."
    )
    context = models.JSONField(
        default=dict, help_text="What conditions read of the member at that time; returns are rated with it."
    )
    occurred_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["program", "reference"], name="order_once_per_program")
        ]
        indexes = [models.Index(fields=["member", "-occurred_at"])]

    def __str__(self) -> str:
        return self.reference


class OrderPayment(models.Model):
    """The order that a redemption at checkout pays: one, for good. A reservation that had lapsed and was taken anew
    stands here beside the redemption that took its place, so that no other order takes it again."""

    transaction = models.OneToOneField(
        Transaction, on_delete=models.PROTECT, primary_key=True, related_name="+"
    )
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="payments")

    class Meta:
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.transaction_id} pays {self.order_id}"


class Award(models.Model):
    """What one event got from one campaign, in smallest units; a return adds a negative row. Never changed."""

    id = models.BigAutoField(primary_key=True)
    program = models.ForeignKey(Program, on_delete=models.PROTECT, db_index=False, related_name="+")
    member = models.ForeignKey(
        Member, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    event = models.ForeignKey(Event, on_delete=models.PROTECT, db_index=False, related_name="awards")
    order = models.ForeignKey(Order, on_delete=models.PROTECT, null=True, blank=True, related_name="awards")
    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="awards")
    version = models.ForeignKey(CampaignVersion, on_delete=models.PROTECT, db_index=False, related_name="+")
    point_type = models.ForeignKey(PointType, on_delete=models.PROTECT, db_index=False, related_name="+")
    transaction = models.ForeignKey(
        Transaction,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        db_index=False,
        db_constraint=False,
        related_name="+",
    )
    points = models.BigIntegerField()
    occurred_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["event", "campaign"], name="one_award_per_event_and_campaign")
        ]
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.points} from {self.campaign_id}"


class Trace(models.Model):
    """Why an event earned what it earned: written when it was decided, and never recomputed."""

    event = models.OneToOneField(Event, on_delete=models.PROTECT, primary_key=True, related_name="trace")
    points = models.BigIntegerField(default=0, help_text="Net points of the default type.")
    detail = models.JSONField()
    decided_at = models.DateTimeField()

    class Meta:
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"trace of {self.event_id}"
