"""What a long-lived process tells Python's garbage collector."""

import gc

YOUNG = 50_000
"""Objects made before the collector looks for circles among them: more than a request or an event leaves, and a few
megabytes. With Python's own 700, looking costs a worker a tenth of its time and finds next to nothing."""


def keep_what_is_loaded() -> None:
    """What was loaded at the start stays to the end, and is not walked through again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 10, 10)
