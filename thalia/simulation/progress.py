"""Reports how far a simulation has come, and sets how often it stops to do so."""

import sys
from collections.abc import Callable

from thalia.backends import Session
from thalia.compiler.plan import Plan
from thalia.simulation.loop import Stop, next_multiple
from thalia.syntax.time_grid import interval_steps

CHUNK_SECONDS = 0.2  # of wall-clock time between two reports, approximately


class ProgressReporter:
    """Calls a function with the number of simulated steps, at every stop.

    Parameters
    ----------
    chunk : float, optional
        Model time between two reports in seconds. By default chunks become longer or shorter, so
        that each takes long enough to be worth its overhead, and is soon over; what is simulated
        does not depend on it.
    """

    def __init__(
        self, plan: Plan, session: Session, report: Callable[[int], None], chunk: float | None
    ):
        self.report = report
        self.shortest = None if chunk else session.chunk_steps
        self.chunk_steps = interval_steps(chunk, plan.dt) if chunk else session.chunk_steps

    def next_stop(self, done: int) -> int:
        """The end of the present chunk."""
        return next_multiple(done, self.chunk_steps)

    def on_stop(self, stop: Stop) -> None:
        """Report, and adapt the length of the next chunk."""
        if self.shortest and stop.seconds < CHUNK_SECONDS / 2:
            self.chunk_steps = min(self.chunk_steps * 2, sys.maxsize)
        elif self.shortest and stop.seconds > CHUNK_SECONDS * 2:
            self.chunk_steps = max(self.shortest, self.chunk_steps // 2)
        self.report(stop.done)
