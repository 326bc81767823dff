"""Tasks of the ledger."""

from celery import shared_task

from loyalty.base import jobs
from loyalty.ledger import holds, proof


# Reading all books takes as long as it takes; a second delivery of the message finds the day claimed.
@shared_task(name="loyalty.ledger.tasks.verify", soft_time_limit=2 * 3600, time_limit=3 * 3600)
def verify() -> None:
    """The daily proof, once a day however often this is called."""
    proof.verify_daily(jobs.database_time())


@shared_task(name="loyalty.ledger.tasks.release_lapsed")
def release_lapsed() -> None:
    """Book what reservations have lapsed."""
    holds.sweep(jobs.database_time())
