"""Which part of a run a figure shows: a window of time, populations, and some of their neurons."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from thalia.errors import CircuitError, MistakeInText, did_you_mean, fail
from thalia.figures.style import FAINT, GREY
from thalia.recording.run_file import Run
from thalia.syntax.quantities import in_si
from thalia.syntax.selection import Selection, parse_selection
from thalia.syntax.units import UNITS, Value

IN_SECONDS = 10.0  # from which on time is drawn in seconds
SECOND = UNITS["s"][1]

type Moment = str | float | Value | None
"""A time of a run: `"200 ms"`, a quantity, or a number of seconds."""


@dataclass(frozen=True)
class View:
    """A part of a run: from `start` to `stop`, in seconds, of these populations.

    `chosen` are the neurons of each population that are shown; None are all of them.
    """

    run: Run
    start: float
    stop: float
    populations: tuple[str, ...]
    chosen: Selection | None = None

    @classmethod
    def of(
        cls,
        run: Run,
        start: Moment = None,
        stop: Moment = None,
        neurons: object = None,
        populations: Sequence[str] | str | None = None,
    ) -> "View":
        """The part that a user asks for.

        Parameters
        ----------
        start, stop : times, optional
            By default the whole run.
        neurons : selection, optional
            As in a circuit: `"0:50"`, `[0, 3]`, `10` for the first ten of each population, by
            their positions, `"x < 100 um"`, or by identifiers and columns of tables that the
            circuit names, `"id in (AVAL, AVAR)"`.
        populations : names, optional
            By default all that have such neurons.

        Raises
        ------
        CircuitError
            If there is no such time, population or neuron.
        """
        begin, end = _seconds("--from", start, 0.0), _seconds("--to", stop, run.duration)
        if not 0 <= begin < end or begin >= run.duration:
            raise fail(
                f"--from, --to: expected times within the {run.duration:g} s of the run, the "
                f"first one earlier, found {begin:g} s and {end:g} s"
            )
        names = [populations] if isinstance(populations, str) else list(populations or run.sizes)
        for name in names:
            if name not in run.sizes:
                message = f"--population: no population is called '{name}'"
                raise fail(message, did_you_mean(name, run.sizes))
        view = cls(run, begin, min(end, run.duration), tuple(names), _selection(neurons))
        if view.chosen is None:
            return view
        return view._with_neurons(populations is None and bool(view.chosen.condition))

    def _with_neurons(self, leave_out: bool) -> "View":
        """The same, without the populations that have no such neurons if they may be left out."""
        shown, problems = [], []
        for name in self.populations:
            try:
                self.neurons(name)
                shown.append(name)
            except CircuitError as error:
                problems.append(error)
        if problems and not (leave_out and shown):
            raise problems[0]
        return replace(self, populations=tuple(shown))

    @property
    def length(self) -> float:
        """Of the window, in seconds."""
        return self.stop - self.start

    @property
    def clock(self) -> tuple[str, float]:
        """The unit of an axis of time, and how many of it a second has."""
        return ("s", 1.0) if self.length >= IN_SECONDS else ("ms", 1e3)

    @property
    def recorded(self) -> tuple[str, ...]:
        """The populations whose spikes are recorded.

        Raises
        ------
        CircuitError
            If there are none.
        """
        found = tuple(name for name in self.populations if name in self.run.spikes)
        if not found:
            raise fail(
                f"{self.run.file}: has no spikes of {', '.join(self.populations)}",
                "record them with `record: {spikes: all}`",
            )
        return found

    def neurons(self, population: str) -> NDArray[np.int64]:
        """The numbers of the neurons that are shown, (n_shown,)."""
        size = self.run.sizes[population]
        if self.chosen is None:
            return np.arange(size)
        try:
            self.chosen.check(size, self.run.chosen_by(population))
            return self.chosen.neurons(size, self.run.columns.get(population, {}))
        except MistakeInText as error:
            raise fail(f"--neurons: {population}: {error}", error.hint) from None

    def size(self, population: str) -> int:
        """How many neurons of a population are shown."""
        return len(self.neurons(population))

    def spikes(self, population: str) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Times in seconds, and for each the place of its neuron among those shown, by time."""
        spikes = self.run.spikes[population]
        inside = (spikes.times >= self.start) & (spikes.times < self.stop)
        times, neurons = spikes.times[inside], spikes.neurons[inside]
        if self.chosen is None:
            return times, neurons
        place = np.full(spikes.size, -1)
        shown = self.neurons(population)
        place[shown] = np.arange(len(shown))
        rows = place[neurons]
        return times[rows >= 0], rows[rows >= 0]

    def title(self) -> str:
        """The name of the run, and which neurons are shown if not all are."""
        name = str(self.run.attributes["name"])
        return f"{name}, neurons {self.chosen}" if self.chosen else name

    def mark_phases(self, axes: Axes, scale: float = 1.0, names: bool = False) -> None:
        """Lines where phases begin, on an axis of `scale` units a second; with their names."""
        phases = [each for each in self.run.phases if each[2] > self.start and each[1] < self.stop]
        for _, begin, _ in phases:
            if begin > self.start:
                axes.axvline(begin * scale, color=FAINT, lw=0.8, ls="--", zorder=0)
        for name, begin, _ in phases if names and len(self.run.phases) > 1 else ():
            axes.text(
                max(begin, self.start) * scale,
                1.01,
                f" {name}",
                transform=axes.get_xaxis_transform(),
                color=GREY,
                fontsize=8,
            )


def _selection(raw: object) -> Selection | None:
    if raw is None:
        return None
    text: Any = int(raw) if isinstance(raw, str) and raw.strip().isdigit() else raw
    try:
        return parse_selection(text)
    except MistakeInText as error:
        raise fail(f"--neurons: {error}", error.hint) from None


def _seconds(option: str, moment: Moment, default: float) -> float:
    if moment is None:
        return default
    if isinstance(moment, int | float) and not isinstance(moment, bool):
        return float(moment)
    try:
        found = in_si(moment, SECOND)
    except MistakeInText as error:
        raise fail(f"{option}: {error}", error.hint) from None
    if found.ndim:
        raise fail(f"{option}: expected one time, found {found.size}")
    return float(found)
