from __future__ import annotations

from django.db import models


class SentForm(models.Model):
    """A form that was carried out, by the token that it carried. Sent again, it leads to the first result."""

    token = models.UUIDField(primary_key=True)
    sent_by = models.CharField(max_length=150)
    result = models.CharField(max_length=300, help_text="Address of the page that shows the result.")
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return str(self.token)
