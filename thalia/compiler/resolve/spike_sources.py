"""Prescribed spikes: from the circuit, from a text file, or from a SONATA file."""

from collections import Counter
from collections.abc import Iterable
from math import inf

from thalia.circuit.part_use import Stimulus
from thalia.circuit.spec import Circuit
from thalia.compiler.plan import Playback
from thalia.compiler.synaptic_input import part_or_none
from thalia.errors import CircuitError, Diagnostics, Path
from thalia.library.schema import StimulusKind
from thalia.syntax.folder import Folder
from thalia.syntax.time_grid import MOST_SHORT, steps_of, too_many_steps


def playbacks_of(circuit: Circuit, diagnostics: Diagnostics) -> tuple[Playback, ...]:
    """The spike times that stimuli prescribe, in the circuit or in a file."""
    found = (
        _playback(name, stimulus, circuit, diagnostics)
        for name, stimulus in circuit.stimuli.items()
        if stimulus.target[0] in circuit.populations and _is_prescribed(circuit, stimulus)
    )
    return tuple(filter(None, found))


def _is_prescribed(circuit: Circuit, stimulus: Stimulus) -> bool:
    kind = part_or_none(circuit, "stimuli", stimulus.kind)
    return isinstance(kind, StimulusKind) and kind.spikes


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
    if stimulus.population and stimulus.file is None:
        message = "'population' selects one of those in a 'file', and there is none"
        diagnostics.error((*path, "population"), message, "remove it")
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
    dt, latest = circuit.dt.mean, max((time for _, time in pairs), default=0.0)
    if not latest / dt < MOST_SHORT:
        with diagnostics.catch(path):
            raise too_many_steps("a spike", latest, dt)
        return None
    spikes = sorted((steps_of(time, dt), index, time) for index, time in pairs)
    steps, indices, times = zip(*spikes, strict=True) if spikes else ((), (), ())
    return Playback(name, target, indices, times, steps)


def most_spikes(playbacks: Iterable[Playback], population: str, size: int) -> int:
    """How many prescribed spikes a step must have room for, if more than the neurons.

    It is rounded up to a power of two, so that few programs are compiled.
    """
    fullest = sum(
        max(Counter(each.steps).values(), default=0)
        for each in playbacks
        if each.population == population
    )
    return 2 ** (fullest - 1).bit_length() if fullest > size else 0


def spikes_text(stimulus: Stimulus, folder: Folder) -> str:
    """The file of a stimulus as text, a line of `index, time in ms` per spike, from SONATA, too.

    Raises
    ------
    CircuitError
        If it cannot be read, or its population is not there.
    """
    from thalia.data.spike_files import spikes_as_text  # late: few circuits play spikes

    return spikes_as_text(folder, str(stimulus.file), stimulus.population, stimulus.target[0])


def _times_in(stimulus: Stimulus) -> list[tuple[int, float]]:
    return [(index, time.mean) for index, times in (stimulus.times or {}).items() for time in times]


def _times_from(
    stimulus: Stimulus, circuit: Circuit, diagnostics: Diagnostics, path: Path
) -> list[tuple[int, float]]:
    from thalia.data.spike_files import read_spikes

    try:
        return read_spikes(spikes_text(stimulus, circuit.folder), str(stimulus.file))
    except CircuitError as error:
        first = error.problems[0]
        diagnostics.error((*path, "file"), first.message, first.hint)
        return []
