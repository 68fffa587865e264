"""What a run is rebuilt from: its circuit as text, with the texts of the files that it uses.

The texts stay in memory when the circuit is loaded again; their names are only keys, and nothing is
written.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

import h5py

from thalia.circuit.load import dumps, loads
from thalia.circuit.spec import Circuit
from thalia.compiler.named_data import arrays_as_files, data_references
from thalia.compiler.options import CompilerOptions, positive_time
from thalia.compiler.pipeline import compile_circuit
from thalia.compiler.plan import SECOND, Plan
from thalia.compiler.resolve.stored_inputs import stored_input
from thalia.errors import fail
from thalia.simulation.checkpoint import SavedState
from thalia.syntax.folder import Folder
from thalia.syntax.time_grid import as_text, steps_of
from thalia.syntax.units import Value, constant


def origin_of(written_out: Circuit) -> tuple[str, dict[str, str]]:
    """An expanded circuit as text, and the texts of the files that it uses, by name.

    Spikes, also those of SONATA files, are text in a file named after their stimulus, and so are
    currents and rates over time.

    Raises
    ------
    CircuitError
        If the text does not load to the same circuit, so that a run of it could not be resumed.
    """
    stimuli, texts = dict(written_out.stimuli), {}
    for name, stimulus in written_out.stimuli.items():
        if stimulus.file or stimulus.values:
            stimuli[name], text = stored_input(name, stimulus, written_out)
            texts[str(stimuli[name].file)] = text
    for _, name in written_out.parts_used():
        if name.endswith(".yaml"):
            texts[name] = written_out.folder.text(name)
    texts |= data_references(written_out)
    circuit, of_arrays = arrays_as_files(written_out.with_(stimuli=stimuli))
    texts |= of_arrays
    text = dumps(circuit)
    _check_that_it_loads(circuit, text, texts)
    return text, texts


def _check_that_it_loads(circuit: Circuit, text: str, texts: Mapping[str, str]) -> None:
    """Refuse a circuit that is another one after it was stored."""
    again = loads(text, f"{circuit.name}.yaml", Folder(texts=texts))
    for key in Circuit.model_fields:
        if getattr(again, key) != getattr(circuit, key):
            raise fail(
                f"'{key}' of {circuit.name} is not the same when it is stored and loaded again",
                "please report the circuit: its run could not be resumed",
            )
    for kind, name in circuit.parts_used():
        again.part(kind, name)  # reports a file that is not among the texts


@dataclass(frozen=True)
class Origin:
    """What a run file holds to rebuild the run from; times are in seconds."""

    file: FilePath
    circuit: str
    texts: Mapping[str, str]
    settings: Mapping[str, Any]
    dt: float
    duration: float

    def read(self) -> Circuit:
        """The circuit as it was simulated, written out in full.

        Raises
        ------
        CircuitError
            If it has mistakes, as one of another version may.
        """
        return loads(self.circuit, self.file.name, Folder(self.file.parent, self.texts))

    def plan(self, saved: SavedState | None, for_: str | Value | None = None) -> Plan:
        """The plan of the run, as long as it was or `for_` longer than its state.

        Raises
        ------
        CircuitError
            If the circuit has mistakes, or `for_` is no time.
        """
        duration = self.duration
        if for_ is not None:
            more = positive_time("--for", for_, "5 s").mean
            if not steps_of(more, self.dt):
                step = as_text(self.dt)
                raise fail(f"--for: expected at least half a step of {step}, found {for_}")
            duration = (saved.step if saved else 0) * self.dt + more
        options = CompilerOptions(
            str(self.settings["lower"]),
            str(self.settings.get("precision", "double")),
            constant(duration, SECOND),
        )
        return compile_circuit(self.read(), options).plan


def read_origin(h5: h5py.File, file: FilePath) -> Origin:
    """What a run file holds to rebuild the run from.

    Raises
    ------
    CircuitError
        If it holds nothing.
    """
    group = h5.get("origin")
    if group is None:
        raise fail(
            f"{file}: holds no state to resume from",
            "it was written by Thalia 0.1; run the circuit again",
        )
    return Origin(
        file,
        group["circuit"].asstr()[()],
        {str(each.attrs["file"]): each.asstr()[()] for each in group.get("files", {}).values()},
        dict(group.attrs),
        float(h5.attrs["dt"]),
        float(h5.attrs["duration"]),
    )


def written_circuit(files: Sequence[tuple[str, str]]) -> Circuit:
    """The circuit that a run file has as it was written, the first of its files.

    Those of data are not read.

    Raises
    ------
    CircuitError
        If it has mistakes, as one of another version may.
    """
    (name, text), *others = files
    folder = FilePath(name).parent
    texts = {
        str(each.relative_to(folder)) if each.is_relative_to(folder) else str(each): content
        for each, content in ((FilePath(file), content) for file, content in others)
    }
    return loads(text, name, Folder(texts=texts))
