"""How far a long verb is, on stderr."""

import sys
import time


class Progress:
    """Call it with ``(done, total)``. On a terminal one line that is rewritten, else a line every half minute."""

    def __init__(self, unit: str) -> None:
        self.unit = unit
        self.started = self.shown = time.monotonic()
        self.terminal = sys.stderr.isatty()

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if done < total and now - self.shown < (0.2 if self.terminal else 30):
            return
        self.shown = now
        left = (now - self.started) / done * (total - done)
        text = f"{done} of {total} {self.unit}" + (f", {duration(left)} left" if done < total else "")
        end = "\n" if done == total or not self.terminal else ""
        print(f"\r\033[K{text}" if self.terminal else text, end=end, file=sys.stderr, flush=True)


def duration(seconds: float) -> str:
    """ "45 s", "12 min" or "3 h 20 min"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
