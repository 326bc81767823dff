"""The Celery app. A task only wakes a worker; what there is to do stands in the database."""

import gc
import os

from celery import Celery
from celery.signals import worker_init, worker_ready

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "loyalty.config.settings")

NICENESS = 10

app = Celery("laurel")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_init.connect
def let_the_web_go_first(**kwargs: object) -> None:
    """Where both want the processor: at a till somebody waits for an answer, and nobody for a worker."""
    os.nice(NICENESS)


@worker_ready.connect
def keep_what_is_loaded(**kwargs: object) -> None:
    """What was loaded at the start stays to the end: the garbage collector need not look at it again after each batch,
    which costs a tenth of a worker's time."""
    gc.freeze()
