"""How many examples a property is tried with: so many in the ordinary run, which makes new ones up each time.

LAUREL_EXAMPLES=20 ./run test tests/properties tries twenty times as many.
"""

from __future__ import annotations

import os

TIMES = int(os.environ.get("LAUREL_EXAMPLES") or 1)


def examples(usual: int) -> int:
    return usual * TIMES
