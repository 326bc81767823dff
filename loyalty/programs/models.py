from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from simple_history.models import HistoricalRecords

CODE = RegexValidator(r"^[a-z0-9][a-z0-9_-]{0,49}$", "Use lower-case letters, digits, - and _ (at most 50).")


class Policy(models.TextChoices):
    """What a return may take when the order's own points are gone."""

    ONLY_PENDING = "only_pending", "Only points that are still pending"
    WITHIN_BALANCE = "within_balance", "Up to the balance; the rest is forgiven"
    UNLIMITED = "unlimited", "All of it; the rest becomes debt"


class RoundingMode(models.TextChoices):
    DOWN = "down", "Down"
    HALF_UP = "half_up", "Half up"
    HALF_EVEN = "half_even", "Half to even"
    UP = "up", "Up"


class ExpiryKind(models.TextChoices):
    NONE = "none", "Never"
    ROLLING = "rolling", "Some time after they were earned"
    FIXED = "fixed", "On fixed dates of the year"
    INACTIVITY = "inactivity", "When nothing was earned or redeemed for some time"


class ExpiryUnit(models.TextChoices):
    DAYS = "days", "Days"
    MONTHS = "months", "Months"
    YEARS = "years", "Years"


# Anything longer is a slip of the finger, and would lead out of the calendar with the first points earned.
MOST_EXPIRY = {ExpiryUnit.DAYS: 32_767, ExpiryUnit.MONTHS: 1_200, ExpiryUnit.YEARS: 100}
MOST_PENDING_DAYS = 3660
LAST_PENDING_YEAR = 2999


class ExpiryRounding(models.TextChoices):
    NONE = "", "To the day"
    MONTH = "month", "End of the month"
    QUARTER = "quarter", "End of the quarter"
    YEAR = "year", "End of the year"


class ExpiryPolicy(models.Model):
    """When points lapse. A lot's expiry is an instant: it can be spent before it, not at it."""

    expiry_kind = models.CharField(max_length=10, choices=ExpiryKind.choices, default=ExpiryKind.NONE)
    expiry_count = models.PositiveSmallIntegerField(null=True, blank=True, validators=[MinValueValidator(1)])
    expiry_unit = models.CharField(max_length=6, choices=ExpiryUnit.choices, default=ExpiryUnit.MONTHS)
    expiry_rounding = models.CharField(max_length=7, choices=ExpiryRounding.choices, blank=True, default="")
    expiry_dates = models.JSONField(
        default=list, blank=True, help_text='Days of the year as "MM-DD": the last day on which points count.'
    )

    class Meta:
        abstract = True


class Program(ExpiryPolicy):
    """The top container: one currency, one time zone, one set of rules.

    Its expiry fields are the defaults of its point types.
    """

    class Mode(models.TextChoices):
        LIVE = "live", "Live"
        TEST = "test", "Test"

    class Status(models.TextChoices):
        RUNNING = "running", "Running"
        PAUSED = "paused", "Paused"

    code = models.CharField(max_length=50, unique=True, validators=[CODE])
    name = models.CharField(max_length=120)
    currency = models.CharField(
        max_length=3, validators=[RegexValidator(r"^[A-Z]{3}$", "Use the three-letter ISO code.")]
    )
    timezone = models.CharField(
        max_length=60, help_text="IANA name, for example Europe/Madrid. Every business date is in this zone."
    )
    rounding = models.CharField(max_length=10, choices=RoundingMode.choices, default=RoundingMode.HALF_UP)
    debt_policy = models.CharField("returns", max_length=15, choices=Policy.choices, default=Policy.UNLIMITED)
    refund_grace_days = models.PositiveSmallIntegerField(
        default=30, help_text="Points given back into an expired lot can be spent for this many days."
    )
    event_window_days = models.PositiveSmallIntegerField(
        default=365, help_text="Events older than this are refused unless the channel is a backfill."
    )
    phone_region = models.CharField(
        max_length=2, blank=True, help_text="Country of phone numbers written without + (ISO, e.g. ES)."
    )
    member_schema = models.JSONField(default=list, blank=True, help_text="Declared member attributes.")
    mode = models.CharField(max_length=4, choices=Mode.choices, default=Mode.LIVE)
    status = models.CharField(max_length=7, choices=Status.choices, default=Status.RUNNING)
    created_at = models.DateTimeField()
    history = HistoricalRecords()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)


class ProgramPause(models.Model):
    """An interval in which the program gave no points: [started_at, ended_at)."""

    program = models.ForeignKey(Program, on_delete=models.CASCADE, related_name="pauses")
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.program} from {self.started_at}"


MAX_HOLD_MINUTES = 7 * 24 * 60


class PointType(ExpiryPolicy):
    """A kind of points: its name, precision, and when points of it become spendable, lapse or turn into debt."""

    class Pending(models.TextChoices):
        NONE = "none", "Spendable at once"
        DAYS = "days", "After some days"
        DATE = "date", "From a fixed date"

    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="point_types")
    code = models.CharField(max_length=50, validators=[CODE])
    name_one = models.CharField("name (one)", max_length=40)
    name_many = models.CharField("name (many)", max_length=40)
    decimals = models.PositiveSmallIntegerField(default=0, validators=[MaxValueValidator(4)])
    is_default = models.BooleanField(default=False)
    use_program_expiry = models.BooleanField(default=False)
    pending_kind = models.CharField(max_length=4, choices=Pending.choices, default=Pending.NONE)
    pending_days = models.PositiveSmallIntegerField(null=True, blank=True, validators=[MinValueValidator(1)])
    pending_date = models.DateField(null=True, blank=True)
    debt_policy = models.CharField(
        "returns", max_length=15, choices=Policy.choices, blank=True, help_text="Empty: as the program."
    )
    redeem_rate = models.DecimalField(
        max_digits=14,
        decimal_places=6,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        help_text="Money that one point pays at checkout. Empty: these points cannot pay.",
    )
    redeem_minimum = models.BigIntegerField(default=0, help_text="Fewest points at once, in smallest units.")
    redeem_increment = models.BigIntegerField(
        default=1, validators=[MinValueValidator(1)], help_text="In smallest units."
    )
    redeem_max_percent = models.PositiveSmallIntegerField(
        "most of an order (%)",
        default=100,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(100)],
        help_text="How much of an order points may pay, in percent of what is left to pay.",
    )
    hold_minutes = models.PositiveSmallIntegerField(
        "reserved for (minutes)",
        default=15,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(MAX_HOLD_MINUTES)],
        help_text="How long points that are reserved at checkout wait for their order.",
    )
    history = HistoricalRecords()

    class Meta:
        ordering = ["program", "-is_default", "code"]
        constraints = [
            models.UniqueConstraint(fields=["program", "code"], name="point_type_code_per_program"),
            models.UniqueConstraint(
                fields=["program"], condition=models.Q(is_default=True), name="one_default_point_type"
            ),
        ]

    def __str__(self) -> str:
        return self.name_many

    @property
    def expiry(self) -> ExpiryPolicy:
        return self.program if self.use_program_expiry else self

    @property
    def returns(self) -> str:
        return self.debt_policy or self.program.debt_policy


class Channel(models.Model):
    """A sending system: it holds the keys, and says how naive times are to be read."""

    class Kind(models.TextChoices):
        SHOP = "shop", "Web shop"
        TILL = "till", "Till"
        APP = "app", "App"
        PARTNER = "partner", "Partner"
        BACKFILL = "backfill", "Backfill (may send old events)"

    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="channels")
    code = models.CharField(max_length=50, validators=[CODE])
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.SHOP)
    timezone = models.CharField(
        max_length=60, blank=True, help_text="Zone of times that come without an offset. Empty: refused."
    )
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField()
    history = HistoricalRecords()

    class Meta:
        ordering = ["program", "name"]
        constraints = [models.UniqueConstraint(fields=["program", "code"], name="channel_code_per_program")]

    def __str__(self) -> str:
        return self.name


class Scope(models.TextChoices):
    EVENTS_WRITE = "events:write", "Send events and orders"
    MEMBERS_READ = "members:read", "Read members, balances and history"
    MEMBERS_WRITE = "members:write", "Register and change members"
    POINTS_REDEEM = "points:redeem", "Redeem points"
    POINTS_TRANSFER = "points:transfer", "Transfer points between members"
    POINTS_REVERSE = "points:reverse", "Reverse transactions"
    REWARDS_READ = "rewards:read", "Read rewards, offers and redemptions"
    REWARDS_REDEEM = "rewards:redeem", "Redeem, confirm and cancel rewards, and see their codes"
    REWARDS_FULFIL = "rewards:fulfil", "Use codes, send and refund rewards, and see where to send them"


class ApiKey(models.Model):
    """A channel's credential. Only a keyed hash is stored; the secret is shown once."""

    channel = models.ForeignKey(Channel, on_delete=models.PROTECT, related_name="keys")
    name = models.CharField(max_length=120)
    prefix = models.CharField(max_length=30, help_text="First characters, for recognition.")
    lookup = models.CharField(max_length=24, unique=True)
    digest = models.BinaryField(max_length=32)
    last_four = models.CharField(max_length=4)
    scopes = models.JSONField(default=list)
    rate_per_minute = models.PositiveIntegerField(default=6000)
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=150, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    successor = models.OneToOneField(
        "self", on_delete=models.SET_NULL, null=True, blank=True, related_name="predecessor"
    )

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.prefix}…{self.last_four}"

    def works_at(self, at: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or at < self.expires_at)


class IdempotencyKey(models.Model):
    """A points-moving POST and its answer, written in the transaction of its effect."""

    channel = models.ForeignKey(Channel, on_delete=models.CASCADE)
    key = models.CharField(max_length=255, help_text="A keyed digest of what the caller sent.")
    route = models.CharField(max_length=200)
    request_hash = models.BinaryField(max_length=32)
    status = models.PositiveSmallIntegerField()
    body = models.JSONField()
    created_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["channel", "key"], name="idempotency_key_per_channel")]

    def __str__(self) -> str:
        return self.key
