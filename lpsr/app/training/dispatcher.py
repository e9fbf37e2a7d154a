"""Starts the queue's next run when its turn has come, for as long as the page is served."""

import logging
import threading
import time
from pathlib import Path

from lpsr.errors import InputError

log = logging.getLogger(__name__)

# Seconds between two looks at the queue, and between two looks at old uploads.
LOOK, SWEEP = 2.0, 600.0

_wake = threading.Event()


def wake() -> None:
    """Look now: something was put into the queue."""
    _wake.set()


def dispatch(root: Path, minutes: float | None) -> None:
    """Look for ever; ``minutes`` bounds the training of each run."""
    from lpsr.training.queue import forget_uploads, start_next

    swept, told = 0.0, ""
    while True:
        try:
            start_next(root, minutes)
            if time.monotonic() - swept > SWEEP:
                swept = time.monotonic()
                forget_uploads(root, time.time())
        except (InputError, OSError) as error:
            # Once, not every two seconds.
            if str(error) != told:
                told = str(error)
                log.warning("The next run could not be started: %s", error)
        _wake.wait(LOOK)
        _wake.clear()
