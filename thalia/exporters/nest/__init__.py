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
from thalia.exporters.nest.nestml_build import BUILD, MODELS, build_program, model_texts
from thalia.exporters.nest.network import SAME, STATISTICAL, Draft, draft_of, network_of
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
    connectivity: str = SAME,
    nestml: bool = False,
) -> tuple[Compiled, Draft]:
    """A circuit with options, and what it is in NEST, if it can be.

    Raises
    ------
    CircuitError
        With everything of it that NEST has no counterpart for.
    """
    loaded = with_options(_loaded(FilePath(circuit), set), seed, scale)
    compiled = compile_circuit(loaded, CompilerOptions(duration=duration))
    draft = draft_of(compiled, connectivity == STATISTICAL, nestml)
    if isinstance(draft, list):
        raise _placed(compiled, draft)
    return compiled, draft


def write_program(
    circuit: str | FilePath,
    folder: FilePath,
    *,
    set: Mapping[str, Any] | None = None,
    seed: int | None = None,
    duration: str | None = None,
    scale: float | None = None,
    connectivity: str = SAME,
    nestml: bool = False,
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
    nestml : bool
        Describe cells and rules that NEST has not in NESTML, with a program that compiles them.

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
    compiled, draft = compiled_for_nest(circuit, set, seed, duration, scale, connectivity, nestml)
    network = network_of(compiled, draft)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as scratch:
            made = FilePath(scratch) / folder.name
            made.mkdir()
            (made / PROGRAM).write_text(program(network, compiled.circuit.name), "utf-8")
            write_data(network, made / DATA)
            if network.models:
                (made / MODELS).write_text(model_texts(network), "utf-8")
                (made / BUILD).write_text(build_program(network), "utf-8")
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
