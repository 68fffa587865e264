"""What stimuli are given by arrays and files, as text: what a run is rebuilt from."""

from thalia.circuit.part_use import Stimulus
from thalia.circuit.spec import Circuit
from thalia.compiler.resolve.spike_sources import spikes_text
from thalia.syntax.units import constant, si_unit


def stored_input(name: str, stimulus: Stimulus, circuit: Circuit) -> tuple[Stimulus, str]:
    """The stimulus with a file that is stored with the run, and the text of that file.

    Raises
    ------
    CircuitError
        If its present file cannot be read.
    """
    if stimulus.dt is None:
        file, text = f"{name}.csv", spikes_text(stimulus, circuit.folder)
        return stimulus.with_(file=file, population=None), text
    from thalia.compiler.resolve.series import series_of  # late: they need NumPy
    from thalia.data.series_files import STORED, as_text

    series = series_of(circuit, stimulus)
    unit = constant(1, series.dimension, si_unit(series.dimension))
    stored = stimulus.with_(file=f"{name}{STORED}", unit=unit, values=None, array=None)
    return stored, as_text(series.numbers)


def stored_values(circuit: Circuit) -> tuple[Circuit, dict[str, str]]:
    """A circuit made in Python whose numbers over time are files, and the texts of those."""
    stimuli, texts = dict(circuit.stimuli), {}
    for name, stimulus in circuit.stimuli.items():
        if stimulus.values is not None:
            stimuli[name], text = stored_input(name, stimulus, circuit)
            texts[str(stimuli[name].file)] = text
    return circuit.with_(stimuli=stimuli), texts
