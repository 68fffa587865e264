"""The figures of runs and memories by the name that `thalia plot` gives them."""

from collections.abc import Callable, Mapping
from inspect import signature
from pathlib import Path as FilePath
from typing import Any

from matplotlib.figure import Figure

from thalia.errors import did_you_mean, fail
from thalia.figures.activity import modulators, rates
from thalia.figures.memory import calibration, cues, retention
from thalia.figures.spike_statistics import correlation, isi, spectrum
from thalia.figures.spikes import raster
from thalia.figures.state_variables import traces
from thalia.figures.synapses import weights
from thalia.recording.page_checksums import edited
from thalia.recording.run_file import Run

KINDS: dict[str, Callable[..., Figure]] = {
    "raster": raster,
    "weights": weights,
    "rates": rates,
    "modulators": modulators,
    "traces": traces,
    "spectrum": spectrum,
    "isi": isi,
    "correlation": correlation,
}
OF_MEMORIES: dict[str, Callable[[FilePath], Figure]] = {
    "retention": retention,
    "calibration": calibration,
    "cues": cues,
}
GRAPH = "graph"  # of the circuit, which needs no run


def check_kind(kind: str) -> None:
    """Refuse a figure that there is not.

    Raises
    ------
    CircuitError
        With the names of those that there are.
    """
    known = (*KINDS, GRAPH, *OF_MEMORIES)
    if kind not in known:
        raise fail(f"no figure is called '{kind}'", did_you_mean(kind, known))


def draw(kind: str, run: Run, part: Mapping[str, Any]) -> Figure:
    """A figure of a run, or of the part of it that is asked for.

    Raises
    ------
    CircuitError
        If the figure cannot show such a part, or there is nothing to show.
    """
    asked = {name: value for name, value in part.items() if value is not None}
    known = signature(KINDS[kind]).parameters
    for name in asked:
        if name not in known:
            raise fail(f"the figure of {kind} is not of {name}", "leave the option out")
    with edited(run.file):
        return KINDS[kind](run, **asked)


def figures_of(run: Run) -> dict[str, Callable[..., Figure]]:
    """The figures that a run is shown by, unasked."""
    shown = {name: KINDS[name] for name in ("raster", "rates") if run.spikes}
    if any(len(each.pre) for each in run.weights.values()):
        shown["weights"] = weights
    if run.modulators:
        shown["modulators"] = modulators
    if run.traces or any(each.variables for each in run.weights.values()):
        shown["traces"] = traces
    return shown
