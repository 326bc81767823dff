from __future__ import annotations

import uuid

from django.db import models


class Job(models.Model):
    """Long or recurring work as a row: it can be watched, cancelled, resumed after a crash and run only once per
    period."""

    class State(models.TextChoices):
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=60)
    scope = models.CharField(
        max_length=100, blank=True, help_text="Program code, or empty for the whole installation."
    )
    period = models.CharField(
        max_length=40, blank=True, help_text="Set for recurring jobs: the local date or hour they stand for."
    )
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    done = models.BigIntegerField(default=0)
    total = models.BigIntegerField(null=True, blank=True)
    name = models.CharField(max_length=200, blank=True, help_text="What it is about, for people.")
    params = models.JSONField(default=dict, blank=True, help_text="What it was asked to do.")
    step = models.CharField(max_length=100, blank=True, help_text="What it is at, for people.")
    cursor = models.JSONField(default=dict, blank=True, help_text="Where to go on after an interruption.")
    result = models.JSONField(default=dict, blank=True)
    error = models.TextField(blank=True)
    claimed_by = models.UUIDField(
        null=True,
        blank=True,
        editable=False,
        help_text="The claim that may work on it; a newer claim ends it.",
    )
    attempts = models.PositiveSmallIntegerField(default=0, help_text="Claims since it last got further.")
    retry_at = models.DateTimeField(
        null=True, blank=True, help_text="When a failed job is tried again; empty: only by hand."
    )
    created_by = models.CharField(max_length=150, blank=True)
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(
        null=True, blank=True, help_text="By the database's clock, which all workers share."
    )
    finished_at = models.DateTimeField(null=True, blank=True)
    pace_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="When the present claim began, by the database's clock.",
    )
    pace_done = models.BigIntegerField(default=0, editable=False, help_text="How much was done by then.")

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "scope", "period"],
                condition=~models.Q(period=""),
                name="one_job_per_kind_scope_period",
            )
        ]
        indexes = [
            models.Index(fields=["kind", "-created_at"]),
            models.Index(
                fields=["created_by", "-created_at"],
                condition=~models.Q(created_by=""),
                name="jobs_of_a_person",
            ),
            models.Index(
                fields=["created_at"],
                condition=models.Q(state__in=["queued", "running", "failed"]),
                name="jobs_to_claim",
            ),
        ]

    def __str__(self) -> str:
        return " ".join(part for part in (self.kind, self.scope, self.period) if part)


class JobFile(models.Model):
    """A piece of a file that belongs to a job: what was uploaded for it, or the rows that it refused.

    A file of several pieces is their content in the order of `part`. It is kept here and not on a disk, so that every
    worker has it and a piece is written in the transaction of the chunk that it comes from.
    """

    class Role(models.TextChoices):
        UPLOAD = "upload", "Uploaded"
        ERRORS = "errors", "Rows with errors"

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="files")
    role = models.CharField(max_length=10, choices=Role.choices)
    part = models.PositiveIntegerField(default=0)
    name = models.CharField(max_length=200)
    rows = models.PositiveIntegerField(default=0)
    content = models.BinaryField()

    class Meta:
        ordering = ["job", "role", "part"]
        constraints = [models.UniqueConstraint(fields=["job", "role", "part"], name="one_part_of_a_file")]

    def __str__(self) -> str:
        return f"{self.name} ({self.part})"


class Heartbeat(models.Model):
    """When a background part was last alive, by its name ("beat", "worker")."""

    name = models.CharField(primary_key=True, max_length=40)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name
