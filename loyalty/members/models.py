from __future__ import annotations

from django.db import models
from django.db.models.functions import Upper

from loyalty.base.ids import uuid7
from loyalty.programs.models import Channel, Program


class Member(models.Model):
    """A person in a program. Personal data lives here and in Identifier, nowhere else."""

    class State(models.TextChoices):
        PENDING = "pending", "Pending"
        ACTIVE = "active", "Active"
        SUSPENDED = "suspended", "Suspended"
        CLOSED = "closed", "Closed"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="members")
    state = models.CharField(max_length=10, choices=State.choices, default=State.ACTIVE)
    suspended_may_earn = models.BooleanField(default=False)
    suspended_may_redeem = models.BooleanField(default=False)
    name = models.CharField(max_length=200, blank=True)
    birthday = models.DateField(null=True, blank=True)
    attributes = models.JSONField(default=dict, blank=True)
    enrolled_at = models.DateTimeField()
    enrolled_via = models.ForeignKey(
        Channel, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    closed_at = models.DateTimeField(null=True, blank=True)
    tier_code = models.CharField(
        max_length=50, blank=True, help_text="Current standing, written by members.set_standing."
    )
    tier_name = models.CharField(max_length=80, blank=True)
    tier_since = models.DateTimeField(null=True, blank=True)
    tier_until = models.DateTimeField(null=True, blank=True)
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ["-enrolled_at"]
        indexes = [
            models.Index(fields=["program", "-enrolled_at"]),
            models.Index("program", Upper("name"), name="member_name"),
        ]

    def __str__(self) -> str:
        return self.name or str(self.id)

    @property
    def may_earn(self) -> bool:
        """Pending members earn, closed ones never, suspended ones by their flag."""
        return self.state in ("pending", "active") or (self.state == "suspended" and self.suspended_may_earn)

    @property
    def may_redeem(self) -> bool:
        return self.state == "active" or (self.state == "suspended" and self.suspended_may_redeem)


class Identifier(models.Model):
    """What a member is found by.

    Without a member it is a guest, whose events wait until the person registers or is linked.
    """

    class Kind(models.TextChoices):
        EXTERNAL = "external", "External id"
        EMAIL = "email", "E-mail"
        PHONE = "phone", "Phone"
        CARD = "card", "Card"

    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="+")
    member = models.ForeignKey(
        Member, on_delete=models.CASCADE, null=True, blank=True, related_name="identifiers"
    )
    kind = models.CharField(max_length=8, choices=Kind.choices)
    value = models.CharField(max_length=254)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["program", "kind", "value"], name="identifier_once_per_program")
        ]

    def __str__(self) -> str:
        return f"{self.kind}:{self.masked}"

    @property
    def masked(self) -> str:
        """`a••@example.org`, `••• 222`; cards and external ids as they are. Lists are read over shoulders."""
        if self.kind == self.Kind.EMAIL:
            name, at, domain = self.value.partition("@")
            return f"{name[:1]}••{at}{domain}"
        return f"••• {self.value[-3:]}" if self.kind == self.Kind.PHONE else self.value
