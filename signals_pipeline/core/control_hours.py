"""When the control service is awake, so that a release can leave it as its schedule wants it.

The schedule itself is the scheduled actions of `deploy/stack.yaml`; a test compares the two minute by minute.
"""

from datetime import datetime, time

from signals_pipeline.core.windows import NEW_YORK

# A quarter of an hour before each digest, until half an hour after it; New York time.
_AWAKE = ((time(8, 15), time(9, 0)), (time(17, 15), time(18, 0)))
# Saturday's `date.weekday()`.
_SATURDAY = 5


def desired_count(at: datetime, *, always: bool) -> int:
    """Return how many tasks of the control service its schedule wants at an instant: 1 while it is awake, else 0.

    Args:
        at: The instant, timezone-aware.
        always: Whether it never sleeps (the stack's parameter `ControlHours`).
    """
    if always:
        return 1
    local = at.astimezone(NEW_YORK)
    if local.weekday() >= _SATURDAY:
        return 0
    return int(any(start <= local.time() < end for start, end in _AWAKE))
