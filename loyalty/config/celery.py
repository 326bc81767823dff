"""The Celery app. A task only wakes a worker; what there is to do stands in the database."""

import os

from celery import Celery
from celery.signals import worker_init, worker_process_init, worker_ready

from loyalty.config import memory

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "loyalty.config.settings")

NICENESS = 10

app = Celery("laurel")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_init.connect
def let_the_web_go_first(**kwargs: object) -> None:
    """Where both want the processor: at a till somebody waits for an answer, and nobody for a worker."""
    os.nice(NICENESS)


@worker_process_init.connect
@worker_ready.connect
def keep_what_is_loaded(**kwargs: object) -> None:
    """In each process that does the work: in the children of a pool, or in the worker that has none."""
    memory.keep_what_is_loaded()
