"""Prescribed spikes: from the circuit, from a text file, or from a SONATA file."""

import csv
from io import StringIO
from math import inf
from pathlib import Path as FilePath
from typing import Any

from thalia.circuit.part_use import Stimulus
from thalia.circuit.spec import Circuit
from thalia.compiler.plan import Playback
from thalia.errors import CircuitError, Diagnostics, Path, did_you_mean, fail
from thalia.syntax.yaml_reader import read_text

HDF5 = b"\x89HDF\r\n\x1a\n"


def playbacks_of(circuit: Circuit, diagnostics: Diagnostics) -> tuple[Playback, ...]:
    """The spike times that stimuli prescribe, in the circuit or in a file."""
    found = (
        _playback(name, stimulus, circuit, diagnostics)
        for name, stimulus in circuit.stimuli.items()
        if stimulus.kind == "spikes" and stimulus.target[0] in circuit.populations
    )
    return tuple(filter(None, found))


def _playback(
    name: str, stimulus: Stimulus, circuit: Circuit, diagnostics: Diagnostics
) -> Playback | None:
    path: Path = ("stimuli", name)
    target = stimulus.target[0]
    population = circuit.populations[target]
    if population.neuron != "spike_source":
        message = f"{target} is a '{population.neuron}', prescribed spikes need a 'spike_source'"
        hint = "make a population with `neuron: spike_source` and connect it with a pathway"
        diagnostics.error((*path, "target"), message, hint)
        return None
    if (stimulus.times is None) == (stimulus.file is None):
        hint = "times: {0: [10 ms, 20 ms]}, or file: spikes.csv"
        diagnostics.error(path, "expected either 'times' or 'file'", hint)
        return None
    pairs = (
        _times_in(stimulus)
        if stimulus.times is not None
        else _times_from(stimulus, circuit, diagnostics, path)
    )
    size = population.size or 1
    for index, time in pairs:
        if not 0 <= index < size:
            message = f"there is no neuron {index} in {target}, which has {size}"
            diagnostics.error(path, message, "neurons are numbered from 0")
            return None
        if not 0 <= time < inf:
            when = "a negative time" if time < 0 else f"{time:g} s"
            diagnostics.error(path, f"a spike of neuron {index} is at {when}")
            return None
    ordered = sorted(pairs, key=lambda pair: (pair[1], pair[0]))
    return Playback(name, target, tuple(i for i, _ in ordered), tuple(t for _, t in ordered))


def spikes_text(stimulus: Stimulus, folder: FilePath) -> str:
    """The file of a stimulus as text, a line of `index, time in ms` per spike, from SONATA, too.

    Raises
    ------
    CircuitError
        If it cannot be read, or its population is not there.
    """
    file = folder / str(stimulus.file)
    if not file.is_file():
        return read_text(file)  # says that it is not there
    with open(file, "rb") as raw:
        is_sonata = raw.read(len(HDF5)) == HDF5
    return _written_out(file, stimulus) if is_sonata else read_text(file)


def _written_out(file: FilePath, stimulus: Stimulus) -> str:
    import h5py  # a tenth of a second, and only such files need it

    try:
        with h5py.File(file) as h5:
            spikes = h5.get("spikes")
            nodes = dict(spikes) if isinstance(spikes, h5py.Group) else {}
            found: dict[str, Any] = {
                name: node
                for name, node in nodes.items()
                if isinstance(node, h5py.Group) and {"timestamps", "node_ids"} <= {*node}
            }
            name = stimulus.population or (
                next(iter(found)) if len(found) == 1 else stimulus.target[0]
            )
            if not found:
                raise fail(
                    f"{file}: is HDF5 without spikes in SONATA's layout",
                    "it should have /spikes/POPULATION/timestamps",
                )
            if name not in found:
                raise fail(
                    f"{file}: has no spikes of '{name}'",
                    f"say `population:`; {did_you_mean(name, found)}",
                )
            times, units = (
                found[name]["timestamps"],
                found[name]["timestamps"].attrs.get("units", "ms"),
            )
            if str(units) not in ("ms", "b'ms'"):
                raise fail(f"{file}: its times are in {units}, expected ms")
            if times.shape != found[name]["node_ids"].shape or times.ndim != 1:
                raise fail(
                    f"{file}: has {times.size} timestamps and "
                    f"{found[name]['node_ids'].size} node_ids of '{name}'"
                )
            pairs = zip(found[name]["node_ids"][:].tolist(), times[:].tolist(), strict=True)
            return "".join(f"{index},{time!r}\n" for index, time in pairs)
    except OSError as error:
        raise fail(f"{file}: cannot be read as HDF5 ({str(error).split('(')[0].strip()})") from None


def _times_in(stimulus: Stimulus) -> list[tuple[int, float]]:
    return [(index, time.mean) for index, times in (stimulus.times or {}).items() for time in times]


def _times_from(
    stimulus: Stimulus, circuit: Circuit, diagnostics: Diagnostics, path: Path
) -> list[tuple[int, float]]:
    try:
        text = spikes_text(stimulus, circuit.folder)
    except CircuitError as error:
        first = error.problems[0]
        diagnostics.error((*path, "file"), first.message, first.hint)
        return []
    pairs = []
    for line, row in enumerate(csv.reader(StringIO(text)), start=1):
        if not row or row[0].lstrip().startswith("#"):
            continue
        try:
            index, time = row
            pairs.append((int(index), float(time) * 1e-3))
        except ValueError:
            found = ",".join(row)
            message = f"{stimulus.file}:{line}: expected `index, time in ms`, found '{found}'"
            diagnostics.error((*path, "file"), message)
            return []
    return pairs
