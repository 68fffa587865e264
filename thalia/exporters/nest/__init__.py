"""A circuit as a program for NEST, which runs it on many machines; and the run that it gives."""

from collections.abc import Mapping
from pathlib import Path as FilePath
from tempfile import TemporaryDirectory
from typing import Any

from thalia.circuit.load import loads
from thalia.circuit.spec import Circuit
from thalia.compiler.options import CompilerOptions, with_options
from thalia.compiler.pipeline import Compiled, compile_circuit, load_whole
from thalia.errors import Problem, fail, system_error
from thalia.exporters.nest.network import SAME, STATISTICAL, network_of, reasons_against
from thalia.exporters.nest.program import DATA, PROGRAM, program, write_data
from thalia.exporters.nest.results import TEMPLATE, write_template
from thalia.recording.page_checksums import reading
from thalia.recording.run_file import Run
from thalia.simulation.origin import read_origin
from thalia.syntax.folder import Folder

CONNECTIVITY = (SAME, STATISTICAL)


def compiled_for_nest(
    circuit: str | FilePath,
    set: Mapping[str, Any] | None = None,
    seed: int | None = None,
    duration: str | None = None,
    scale: float | None = None,
) -> Compiled:
    """A circuit with options, if NEST can run it.

    Raises
    ------
    CircuitError
        With everything of it that NEST has no counterpart for.
    """
    loaded = with_options(_loaded(FilePath(circuit), set), seed, scale)
    compiled = compile_circuit(loaded, CompilerOptions(duration=duration))
    if problems := reasons_against(compiled):
        raise _placed(compiled, problems)
    return compiled


def write_program(
    circuit: str | FilePath,
    folder: FilePath,
    *,
    set: Mapping[str, Any] | None = None,
    seed: int | None = None,
    duration: str | None = None,
    scale: float | None = None,
    connectivity: str = SAME,
) -> tuple[str, ...]:
    """Write a circuit as a program for PyNEST, with its data.

    Parameters
    ----------
    circuit : path of a YAML file, or of a run file
    folder : path
        A new one; `python run.py` in it runs the network, and `thalia.Run` reads the result.
    set, seed, duration, scale
        As in `run`.
    connectivity : 'same' or 'statistical'
        The synapses of Thalia, in a file; or NEST's own rules, where they have the same statistics.

    Returns
    -------
    What is done otherwise than by Thalia, in words.

    Raises
    ------
    CircuitError
        If the circuit has mistakes or what NEST has not, or the folder exists; nothing is written.
    """
    if connectivity not in CONNECTIVITY:
        raise fail(f"--connectivity: expected same or statistical, found '{connectivity}'")
    if folder.exists():
        raise fail(f"{folder}: exists already", "choose another folder")
    compiled = compiled_for_nest(circuit, set, seed, duration, scale)
    network = network_of(compiled, connectivity == STATISTICAL)
    if isinstance(network, list):
        raise _placed(compiled, network)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as scratch:
            made = FilePath(scratch) / folder.name
            made.mkdir()
            (made / PROGRAM).write_text(program(network, compiled.circuit.name), "utf-8")
            write_data(network, made / DATA)
            write_template(compiled, made / TEMPLATE)
            made.rename(folder)
    except OSError as error:
        raise system_error(error, folder) from None
    return network.remarks


def _loaded(file: FilePath, set: Mapping[str, Any] | None) -> Circuit:
    """A circuit, as it is written or as a run file has it."""
    if file.suffix in (".yaml", ".yml"):
        return load_whole(file, set)
    Run(file)  # reports a file that is not a run
    with reading(file) as h5:
        origin = read_origin(h5, file)
    return loads(origin.circuit, file.name, Folder(file.parent, origin.texts), set)


def _placed(compiled: Compiled, problems: list[Problem]) -> Exception:
    return compiled.circuit.source.placed(problems)
