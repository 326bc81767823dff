from __future__ import annotations

from django.db import models

from loyalty.programs.models import Program


class Fact(models.Model):
    """Something that happened here and is announced.

    Written in the transaction of the change. Holds references, no personal data.
    """

    id = models.BigAutoField(primary_key=True)
    program = models.ForeignKey(Program, on_delete=models.PROTECT, db_index=False, related_name="+")
    member_id = models.UUIDField(null=True, help_text="Whom it is about.")
    type = models.CharField(max_length=60)
    data = models.JSONField(default=dict)
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["member_id", "-id"])]

    def __str__(self) -> str:
        return f"{self.type} {self.id}"
