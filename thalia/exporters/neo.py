"""A run as a Neo block, for Elephant: spike trains, recorded variables, modulator levels."""

from itertools import pairwise
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from thalia.recording.run_file import Run
from thalia.syntax.late_imports import optional

if TYPE_CHECKING:
    import neo

ENDING, FILES, NEEDS = ".pkl", (), "neo"


def write(run: Run, target: FilePath) -> None:
    """Write a block as Neo's own PickleIO does; `neo.get_io(file).read_block()` reads it."""
    import neo

    neo.io.PickleIO(str(target)).write_block(block(run))


def block(run: Run) -> "neo.Block":
    """A run as a block of one segment, with one group per population and one train per neuron.

    Raises
    ------
    CircuitError
        If Neo is not installed.
    """
    neo = optional("neo", "a block")
    made = neo.Block(
        name=str(run.attributes["name"]),
        description="simulated with Thalia",
        seed=int(run.attributes["seed"]),
    )
    segment = neo.Segment(name="run")
    made.segments.append(segment)
    for population in run.spikes:
        group = neo.Group(name=population)
        for train in _trains(run, population):
            segment.spiketrains.append(train)
            group.add(train)
        made.groups.append(group)
    for name, traces in run.traces.items():
        for variable, values in traces.items():
            signal = _signal(f"{name}/{variable}", values, traces.time, traces.units[variable])
            _annotate(signal, traces.population, traces.neurons)
            segment.analogsignals.append(signal)
    for name, level in run.modulators.items():
        signal = _signal(f"modulators/{name}", level.value[:, None], level.time, "")
        _annotate(signal, "", np.zeros(1, dtype=np.int64))
        segment.analogsignals.append(signal)
    return made


def _trains(run: Run, population: str) -> "list[neo.SpikeTrain]":
    import neo

    spikes = run.spikes[population]
    order = np.lexsort((spikes.times, spikes.neurons))
    bounds = np.searchsorted(spikes.neurons[order], np.arange(spikes.size + 1))
    stop = max(run.duration, float(spikes.times.max(initial=0)))
    return [
        neo.SpikeTrain(
            spikes.times[order[first:last]],
            units="s",
            t_start=0.0,
            t_stop=stop,
            name=f"{population}[{neuron}]",
            population=population,
            neuron=neuron,
        )
        for neuron, (first, last) in enumerate(pairwise(bounds))
    ]


def _signal(
    name: str, values: NDArray[Any], times: NDArray[np.float64], unit: str
) -> "neo.AnalogSignal":
    import neo
    import quantities

    step = float(times[1] - times[0]) if len(times) > 1 else 1.0
    return neo.AnalogSignal(
        np.asarray(values, dtype=float),
        units=unit if unit not in ("", "1") else "dimensionless",
        sampling_period=step * quantities.s,
        t_start=float(times[0]) * quantities.s,
        name=name,
    )


def _annotate(signal: "neo.AnalogSignal", population: str, neurons: NDArray[np.int64]) -> None:
    signal.annotate(population=population)
    signal.array_annotate(neuron=neurons)
