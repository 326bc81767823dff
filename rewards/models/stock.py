from __future__ import annotations

import pgtrigger
from django.db import models
from django.db.models import F, Q

from loyalty.base.ids import uuid7
from loyalty.programs.models import Program
from rewards.models.catalogue import Reward


class Stock(models.Model):
    """How many of a reward there are: of the reward itself, of a variant, or places of a slot.

    The counters move in the transaction of each redemption, as its last write; the check keeps them within `loaded`.
    """

    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="+")
    reward = models.ForeignKey(Reward, on_delete=models.PROTECT, related_name="stocks")
    code = models.CharField(
        max_length=50, blank=True, help_text="Of a variant or slot; empty: the reward itself."
    )
    name = models.CharField(max_length=120, blank=True)
    starts_at = models.DateTimeField(null=True, blank=True, help_text="When a slot begins.")
    ends_at = models.DateTimeField(null=True, blank=True)
    position = models.PositiveSmallIntegerField(default=0)
    is_open = models.BooleanField(default=True, help_text="Closed: nobody takes more of it.")
    loaded = models.IntegerField(
        null=True, blank=True, help_text="In all, those taken included; empty: no limit."
    )
    reserved = models.IntegerField(default=0)
    used = models.IntegerField(default=0)

    class Meta:
        ordering = ["reward", "position", "starts_at", "code"]
        constraints = [
            models.UniqueConstraint(fields=["reward", "code"], name="stock_code_per_reward"),
            models.CheckConstraint(
                condition=Q(reserved__gte=0)
                & Q(used__gte=0)
                & (Q(loaded__isnull=True) | Q(loaded__gte=F("reserved") + F("used"))),
                name="stock_never_over_issued",
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.code or str(self.reward_id)

    @property
    def left(self) -> int | None:
        """How many can still be taken; None without a limit."""
        return None if self.loaded is None else self.loaded - self.reserved - self.used


class StockChange(models.Model):
    """Who made how many of it, and when. Never changed; the last one says what is loaded."""

    class Reason(models.TextChoices):
        SET = "set", "Set"
        ADDED = "added", "Added"
        CODES = "codes", "Codes uploaded"
        EXPIRED = "expired", "Codes expired"
        REVOKED = "revoked", "Codes revoked"

    stock = models.ForeignKey(Stock, on_delete=models.PROTECT, related_name="changes")
    before = models.IntegerField(null=True)
    after = models.IntegerField(null=True)
    reason = models.CharField(max_length=7, choices=Reason.choices)
    note = models.CharField(max_length=500, blank=True)
    at = models.DateTimeField()
    by = models.CharField(max_length=150, blank=True)

    class Meta:
        ordering = ["stock", "-id"]
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.before} → {self.after}"


class CodeBatch(models.Model):
    """A file or a paste of codes on its way into a pool. What was sent is kept, encrypted, until it is loaded."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="+")
    reward = models.ForeignKey(Reward, on_delete=models.PROTECT, related_name="batches")
    name = models.CharField(max_length=200, blank=True)
    content = models.BinaryField(null=True)
    expires_at = models.DateTimeField(null=True, blank=True, help_text="For codes that name no expiry.")
    lines = models.IntegerField(default=0)
    added = models.IntegerField(default=0)
    repeated = models.IntegerField(default=0, help_text="More than once in this file.")
    known = models.IntegerField(default=0, help_text="In the pool, or in another, before.")
    taken = models.IntegerField(default=0, help_text="Known, and given to a member already.")
    bad = models.IntegerField(default=0)
    report = models.JSONField(default=list, help_text="The first lines that were not loaded, and why.")
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=150, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.name or str(self.id)


class Code(models.Model):
    """One code, encrypted; found by its keyed digest, shown by its last four signs."""

    class State(models.TextChoices):
        FREE = "free", "Free"
        RESERVED = "reserved", "Reserved"
        ISSUED = "issued", "Issued"
        USED = "used", "Used"
        REVOKED = "revoked", "Revoked"
        EXPIRED = "expired", "Expired"

    id = models.BigAutoField(primary_key=True)
    program = models.ForeignKey(Program, on_delete=models.PROTECT, db_index=False, related_name="+")
    reward = models.ForeignKey(Reward, on_delete=models.PROTECT, db_index=False, related_name="codes")
    batch = models.ForeignKey(
        CodeBatch, on_delete=models.PROTECT, null=True, blank=True, related_name="codes"
    )
    ciphertext = models.BinaryField()
    digest = models.BinaryField(max_length=32)
    last_four = models.CharField(max_length=4)
    state = models.CharField(max_length=8, choices=State.choices, default=State.FREE)
    expires_at = models.DateTimeField(
        null=True, blank=True, help_text="The code's own end, whoever holds it."
    )
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["program", "digest"], name="code_once_per_program")]
        indexes = [
            models.Index(fields=["reward", "state"]),
            models.Index(fields=["reward", "expires_at", "id"], condition=Q(state="free"), name="free_codes"),
        ]
        triggers = [
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(name="fixed_identity", fields=["program", "reward", "digest"]),
        ]

    def __str__(self) -> str:
        return f"••••{self.last_four}"
