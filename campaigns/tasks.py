"""Tasks carry no data: they only say "look". What there is to do is in the database."""

from celery import shared_task

from campaigns import earning


@shared_task(ignore_result=True)
def drain() -> int:
    """Process whatever is due; sent when events come in, and by beat every few seconds."""
    return earning.sweep()
