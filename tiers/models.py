from __future__ import annotations

import pgtrigger
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from simple_history.models import HistoricalRecords

from loyalty.members.models import Member
from loyalty.programs.models import CODE, ExpiryUnit, PointType, Program


class Measure(models.TextChoices):
    """What is counted over the window."""

    SPEND = "spend", "Qualifying spend"
    ORDERS = "orders", "Orders"
    VISITS = "visits", "Visits"
    POINTS = "points", "Points earned"
    BALANCE = "balance", "Balance of points"


class Window(models.TextChoices):
    """Over which days it is counted."""

    LIFETIME = "lifetime", "Since ever"
    ROLLING = "rolling", "The last months or days"
    CALENDAR_YEAR = "calendar_year", "The calendar year"
    ANNIVERSARY = "anniversary", "The year of membership"


class Upgrade(models.TextChoices):
    AT_ONCE = "at_once", "At once"
    NEXT_PERIOD = "next_period", "With the next period"


class Validity(models.TextChoices):
    PERIOD = "period", "To the end of the period"
    NEXT_PERIOD = "next_period", "To the end of the next period"
    DURATION = "duration", "For some time from the change"
    WHILE_QUALIFIED = "while_qualified", "While the member qualifies"


class Downgrade(models.TextChoices):
    NEVER = "never", "Never"
    FIT = "fit", "To the tier that fits"
    ONE_STEP = "one_step", "One step"


class Unit(models.TextChoices):
    DAYS = "days", "Days"
    MONTHS = "months", "Months"


class TierSet(models.Model):
    """A ladder of tiers. The rows of the set and its tiers are the draft; publishing freezes them as a version, which
    alone moves members."""

    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="tier_sets")
    code = models.CharField(max_length=50, validators=[CODE])
    name = models.CharField(max_length=120)
    is_main = models.BooleanField(default=True, help_text="Its tier is the member's standing.")
    measure = models.CharField(max_length=7, choices=Measure.choices, default=Measure.SPEND)
    point_type = models.ForeignKey(
        PointType,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Whose points count. Empty: the program's default.",
    )
    window = models.CharField(max_length=13, choices=Window.choices, default=Window.CALENDAR_YEAR)
    window_count = models.PositiveSmallIntegerField(null=True, blank=True)
    window_unit = models.CharField(max_length=6, choices=Unit.choices, default=Unit.MONTHS)
    upgrade = models.CharField(max_length=11, choices=Upgrade.choices, default=Upgrade.AT_ONCE)
    validity = models.CharField(max_length=15, choices=Validity.choices, default=Validity.NEXT_PERIOD)
    validity_count = models.PositiveSmallIntegerField(null=True, blank=True)
    validity_unit = models.CharField(max_length=6, choices=Unit.choices, default=Unit.MONTHS)
    downgrade = models.CharField(max_length=8, choices=Downgrade.choices, default=Downgrade.FIT)
    grace_days = models.PositiveSmallIntegerField(
        default=0, help_text="Days between the review and a drop, in which the tier can still be kept."
    )
    rollover = models.BooleanField(
        default=False, help_text="What exceeds the tier's threshold counts in the next period."
    )
    warn_days = models.PositiveSmallIntegerField(
        default=30, help_text="Days before the review at which a coming drop is announced; 0: not at all."
    )
    revision = models.PositiveIntegerField(
        default=1, help_text="Rises with each save of the draft; guards against stale edits."
    )
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    updated_by = models.CharField(max_length=150, blank=True)
    history = HistoricalRecords()

    class Meta:
        ordering = ["program", "-is_main", "code"]
        constraints = [
            models.UniqueConstraint(fields=["program", "code"], name="tier_set_code_per_program"),
            models.UniqueConstraint(
                fields=["program"], condition=Q(is_main=True), name="one_main_tier_set_per_program"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Tier(models.Model):
    """One step of a draft ladder and what it gives."""

    class Expiry(models.TextChoices):
        SAME = "", "As the points say"
        NEVER = "never", "Never"
        AFTER = "after", "Some time after they were earned"

    tier_set = models.ForeignKey(TierSet, on_delete=models.CASCADE, related_name="tiers")
    rank = models.PositiveSmallIntegerField(validators=[MinValueValidator(1), MaxValueValidator(50)])
    code = models.CharField(max_length=50, validators=[CODE])
    name = models.CharField(max_length=80)
    threshold = models.DecimalField(
        max_digits=18,
        decimal_places=4,
        validators=[MinValueValidator(0)],
        help_text="Money, points, orders or visits that reach it; 0: every member has it.",
    )
    earning_multiplier = models.DecimalField(
        max_digits=8, decimal_places=4, default=1, validators=[MinValueValidator(1), MaxValueValidator(1000)]
    )
    reward_price_factor = models.DecimalField(
        max_digits=6, decimal_places=4, default=1, validators=[MinValueValidator(0), MaxValueValidator(10)]
    )
    early_access_days = models.PositiveSmallIntegerField(default=0)
    expiry = models.CharField(max_length=5, choices=Expiry.choices, blank=True, default=Expiry.SAME)
    expiry_count = models.PositiveSmallIntegerField(null=True, blank=True)
    expiry_unit = models.CharField(max_length=6, choices=ExpiryUnit.choices, default=ExpiryUnit.MONTHS)
    perks = models.JSONField(
        default=list, blank=True, help_text='[{"code": "lounge", "icon": "🛋", "text": "…"}]'
    )
    history = HistoricalRecords()

    class Meta:
        ordering = ["tier_set", "rank"]
        constraints = [
            models.UniqueConstraint(fields=["tier_set", "code"], name="tier_code_per_set"),
            models.UniqueConstraint(
                fields=["tier_set", "rank"],
                name="tier_rank_per_set",
                deferrable=models.Deferrable.DEFERRED,
            ),
        ]

    def __str__(self) -> str:
        return self.name


class LadderVersion(models.Model):
    """What was published: the whole ladder, in force from `effective_from` until the next version. Never changed; one
    that has not taken effect yet can be withdrawn, and then never counts."""

    class Rollout(models.TextChoices):
        NOW = "now", "At once"
        REVIEW = "review", "At each member's next review"
        DATE = "date", "On a date"

    tier_set = models.ForeignKey(TierSet, on_delete=models.PROTECT, related_name="versions")
    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="+")
    number = models.PositiveIntegerField()
    definition = models.JSONField()
    effective_from = models.DateTimeField()
    rollout = models.CharField(max_length=6, choices=Rollout.choices, default=Rollout.NOW)
    protect = models.BooleanField(default=True, help_text="Nobody drops before the tier ends anyway.")
    published_at = models.DateTimeField()
    published_by = models.CharField(max_length=150, blank=True)
    note = models.CharField(max_length=500, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_by = models.CharField(max_length=150, blank=True, db_default="")

    class Meta:
        ordering = ["tier_set", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["tier_set", "number"], name="ladder_version_number_per_set"),
            models.CheckConstraint(
                condition=Q(withdrawn_at=None) | Q(withdrawn_at__lt=F("effective_from")),
                name="ladder_version_withdrawn_in_time",
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="published_for_good", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="withdrawn_for_good",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__withdrawn_at__isnull=False),
            ),
            pgtrigger.ReadOnly(name="fixed_terms", exclude=["withdrawn_at", "withdrawn_by"]),
        ]

    def __str__(self) -> str:
        return f"v{self.number}"


class Placement(models.Model):
    """A tier that was not computed: set by hand for some time, over the computed one; or brought along by an import,
    from which the computation goes on."""

    class Kind(models.TextChoices):
        MANUAL = "manual", "Set by hand"
        IMPORT = "import", "Imported"

    program = models.ForeignKey(Program, on_delete=models.PROTECT, db_index=False, related_name="+")
    tier_set = models.ForeignKey(TierSet, on_delete=models.PROTECT, related_name="placements")
    member = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="tier_placements")
    kind = models.CharField(max_length=6, choices=Kind.choices)
    tier_code = models.CharField(max_length=50)
    starts_on = models.DateField(help_text="The local day from which it counts.")
    ends_on = models.DateField(null=True, blank=True, help_text="The last local day on which it counts.")
    since = models.DateField(
        null=True, blank=True, help_text="Imported: since when the member has had the tier."
    )
    reason_code = models.CharField(max_length=50, blank=True)
    note = models.CharField(max_length=500, blank=True)
    batch = models.UUIDField(null=True, blank=True, help_text="The import that brought it.")
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=150, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.CharField(max_length=150, blank=True)

    class Meta:
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["tier_set", "member"],
                condition=Q(kind="manual", ended_at__isnull=True),
                name="one_manual_tier_at_a_time",
            )
        ]
        indexes = [
            models.Index(fields=["batch"], condition=Q(batch__isnull=False), name="placements_of_import")
        ]

    def __str__(self) -> str:
        return f"{self.tier_code} from {self.starts_on}"


class Standing(models.Model):
    """Where a member stands on a ladder: what the computation knows, and the manual tier over it. One row per member
    and set, written by `tiers.standings` alone. Days are local days of the program."""

    program = models.ForeignKey(Program, on_delete=models.PROTECT, db_index=False, related_name="+")
    tier_set = models.ForeignKey(TierSet, on_delete=models.PROTECT, db_index=False, related_name="+")
    member = models.ForeignKey(Member, on_delete=models.PROTECT, db_index=False, related_name="+")
    version = models.ForeignKey(LadderVersion, on_delete=models.PROTECT, db_index=False, related_name="+")
    seen_version = models.ForeignKey(
        LadderVersion,
        on_delete=models.PROTECT,
        db_index=False,
        related_name="+",
        help_text="The newest version that was looked at; a newer one than `version` waits for the review.",
    )
    held_version = models.ForeignKey(
        LadderVersion,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        db_index=False,
        related_name="+",
        help_text="An older version that still keeps a protected tier.",
    )
    held_tier_code = models.CharField(
        max_length=50, blank=True, db_default="", help_text="The highest tier that the older version keeps."
    )
    tier_code = models.CharField(max_length=50, blank=True, help_text="The computed tier; empty: none.")
    since = models.DateField(null=True, blank=True)
    since_at = models.DateTimeField(null=True, blank=True, help_text="The instant of the last change.")
    valid_until = models.DateField(
        null=True, blank=True, help_text="The day of the review: the first on which it may be gone."
    )
    grace_from = models.DateField(null=True, blank=True)
    grace_until = models.DateField(null=True, blank=True, help_text="The day on which it drops.")
    carried = models.DecimalField(
        max_digits=24, decimal_places=4, default=0, help_text="Rolled over into the present period."
    )
    carried_before = models.DecimalField(max_digits=24, decimal_places=4, default=0)
    placement = models.ForeignKey(
        Placement,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        db_index=False,
        related_name="+",
        help_text="The manual tier that lies over the computed one now.",
    )
    computed_through = models.DateField(help_text="All activity up to this day is counted.")
    review_on = models.DateField(
        null=True, blank=True, help_text="The next day on which the night looks here."
    )
    warned_for = models.DateField(null=True, blank=True, help_text="The drop that was announced.")
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["member", "tier_set"], name="one_standing_per_member_and_set")
        ]
        indexes = [
            models.Index(
                fields=["tier_set", "review_on"],
                condition=Q(review_on__isnull=False),
                name="standings_to_review",
            ),
            models.Index(fields=["tier_set", "tier_code"], name="standings_by_tier"),
            models.Index(fields=["tier_set", "seen_version"], name="standings_by_version"),
        ]

    def __str__(self) -> str:
        return self.tier_code or "–"


class TierChange(models.Model):
    """One change of a member's tier, or its renewal: from, to, when, why. Never changed.

    Computed changes form one chain per member and set, whatever lies over them; manual ones say what the member saw.
    """

    class Kind(models.TextChoices):
        JOINED = "joined", "Joined"
        UPGRADED = "upgraded", "Upgraded"
        RETAINED = "retained", "Kept"
        DOWNGRADED = "downgraded", "Downgraded"
        CORRECTED = "corrected", "Corrected"
        IMPORTED = "imported", "Imported"
        MANUAL = "manual", "Set by hand"
        MANUAL_ENDED = "manual_ended", "Manual tier ended"

    program = models.ForeignKey(Program, on_delete=models.PROTECT, db_index=False, related_name="+")
    tier_set = models.ForeignKey(TierSet, on_delete=models.PROTECT, db_index=False, related_name="+")
    member = models.ForeignKey(Member, on_delete=models.PROTECT, db_index=False, related_name="+")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    from_code = models.CharField(max_length=50, blank=True)
    to_code = models.CharField(max_length=50, blank=True)
    at = models.DateTimeField(help_text="When it took effect.")
    decided_at = models.DateTimeField()
    valid_until = models.DateField(null=True, blank=True)
    numbers = models.JSONField(
        default=dict, help_text="What was counted, what was needed, and over which days."
    )
    version = models.ForeignKey(LadderVersion, on_delete=models.PROTECT, db_index=False, related_name="+")
    placement = models.ForeignKey(
        Placement, on_delete=models.PROTECT, null=True, blank=True, db_index=False, related_name="+"
    )
    beneath = models.BooleanField(default=False, help_text="A manual tier lay over it: nobody saw it.")
    event_id = models.UUIDField(null=True, blank=True)
    job_id = models.UUIDField(null=True, blank=True)
    actor = models.CharField(max_length=150, blank=True)
    reason = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["member", "tier_set", "-id"], name="tier_changes_of_member")]
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.from_code or '–'} to {self.to_code or '–'}"
