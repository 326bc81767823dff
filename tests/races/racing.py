"""Real threads on real connections, started at the same moment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

from django.db import connection

from loyalty.base.errors import LaurelError


def race(acts: Sequence[Callable[[], Any]]) -> list[Any]:
    """Run all acts at once, each in its thread. Their results in order; an expected error is a result too."""
    start = Barrier(len(acts))

    def run(act: Callable[[], Any]) -> Any:
        start.wait(timeout=30)
        try:
            return act()
        except LaurelError as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as threads:
        return [done.result() for done in [threads.submit(run, act) for act in acts]]


def codes(results: Sequence[Any]) -> list[str]:
    """What was refused, by code."""
    return [result.code for result in results if isinstance(result, LaurelError)]
