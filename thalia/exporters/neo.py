"""A run as a Neo block, for Elephant: spike trains, recorded variables, modulator levels."""

from itertools import pairwise
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

import numpy as np

from thalia.recording.run_file import Run

if TYPE_CHECKING:
    import neo

ENDING, MARK, NEEDS = ".pkl", "", "neo"


def write(run: Run, target: FilePath) -> None:
    """Write a block as Neo's own PickleIO does; `neo.get_io(file).read_block()` reads it."""
    import neo

    neo.io.PickleIO(str(target)).write_block(block(run))


def block(run: Run) -> "neo.Block":
    """A run as a block of one segment, with one group per population and one train per neuron."""
    import neo

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
    for name in run.reports:
        segment.analogsignals.append(_signal(name, run.reports[name]))
    for name, level in run.modulators.items():
        report = {
            "values": level.value[:, None],
            "times": level.time,
            "unit": "dimensionless",
            "population": "",
            "neurons": [0],
        }
        segment.analogsignals.append(_signal(f"modulators/{name}", report))
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


def _signal(name: str, report: dict[str, Any]) -> "neo.AnalogSignal":
    import neo
    import quantities

    times, unit = report["times"], str(report["unit"])
    step = float(times[1] - times[0]) if len(times) > 1 else 1.0
    signal = neo.AnalogSignal(
        np.asarray(report["values"], dtype=float),
        units="dimensionless" if unit in ("", "1") else unit,
        sampling_period=step * quantities.s,
        t_start=float(times[0]) * quantities.s,
        name=name,
    )
    signal.annotate(population=report["population"])
    signal.array_annotate(neuron=np.asarray(report["neurons"], dtype=np.int64))
    return signal
