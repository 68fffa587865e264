"""What a subject has learned, kept in a run file, and continued by another of the same network.

The file is that of a recorded experiment, of which only the present state is there: a run may start
from it as from any other.
"""

from collections.abc import Iterable, Iterator, Mapping
from hashlib import file_digest
from pathlib import Path as FilePath
from typing import Any

from thalia.backends import silent
from thalia.circuit.experiment_spec import LEARNING
from thalia.circuit.load import loads
from thalia.circuit.serialize import as_data
from thalia.circuit.spec import Circuit
from thalia.compiler.pipeline import Compiled, compile_circuit
from thalia.errors import Path, dotted, fail, shortened
from thalia.simulation.checkpoint import SavedState
from thalia.simulation.loop import Clock
from thalia.simulation.network import Engine, Network
from thalia.simulation.origin import origin_of
from thalia.simulation.warm_start import Learned, read_learned
from thalia.syntax.folder import Folder, opened
from thalia.training.phases import with_trial_phases

NETWORK = (  # the keys of a circuit, once it is expanded, that say what its network is
    "dt",
    "neurons",
    "synapses",
    "rules",
    "windows",
    "stimulus_kinds",
    "modulator_kinds",
    "populations",
    "pathways",
    "stimuli",
    "modulators",
    "gains",
    "scale",
)
MOST_DIFFERENCES = 6  # that a message names
WIDEST = 40  # characters of a value in it


def start_file(circuit: Circuit, given: str | FilePath | None = None) -> FilePath | None:
    """The run file that an experiment starts from: the given one, or that in its folder it names.

    Raises
    ------
    CircuitError
        If it is outside of the folder of the circuit.
    """
    if given is not None:
        return FilePath(given)
    named = circuit.experiment.start_from if circuit.experiment else ""
    return circuit.folder.file(named) if named else None


def starts(
    circuit: Circuit, given: str | FilePath | None, seeds: Iterable[int], backend: str
) -> dict[int, tuple[str, str]]:
    """The run file that each seed of an experiment starts from, and its digest; checked.

    Of a folder it is that which `learn` recorded of the experiment with the same seed.

    Raises
    ------
    CircuitError
        If one is not there, or does not fit.
    """
    file = start_file(circuit, given)
    if file is None:
        return {}
    compiled = compile_circuit(with_trial_phases(circuit))
    files = {seed: file / f"{LEARNING}_{seed}.h5" if file.is_dir() else file for seed in seeds}
    digests = {}
    for each in dict.fromkeys(files.values()):
        check_start(each, compiled, backend)
        with opened(each, str(each)) as raw:
            digests[each] = file_digest(raw, "sha256").hexdigest()  # type: ignore[arg-type]
    return {seed: (str(each.absolute()), digests[each]) for seed, each in files.items()}


def check_start(file: FilePath, compiled: Compiled, backend: str) -> int:
    """The seed of the network in a run file, if a subject of this circuit can start from it.

    Raises
    ------
    CircuitError
        If it holds no state, or that of another circuit or backend, with what differs.
    """
    origin, _ = read_learned(file)
    if not origin.settings.get("experiment"):
        raise fail(
            f"{file}: is a run, expected what a subject saved or `thalia learn --record` wrote",
            f"`thalia run CIRCUIT --from {file}` starts a run from it",
        )
    text, texts = origin_of(compiled.expanded)
    here = loads(text, "circuit.yaml", Folder(texts=texts))
    there = loads(origin.circuit, file.name, Folder(texts=origin.texts))
    if found := [*_differences(there, here), *_of_files(origin.texts, texts)]:
        more = (
            f"; and {len(found) - MOST_DIFFERENCES} more" if len(found) > MOST_DIFFERENCES else ""
        )
        raise fail(
            f"{file}: is of another network than {compiled.circuit.name}: "
            f"{'; '.join(found[:MOST_DIFFERENCES])}{more}",
            f"`thalia run CIRCUIT --from {file}` starts a run of another network with what fits",
        )
    if (name := str(origin.settings["backend"])) != backend:
        raise fail(
            f"{file}: was written by the backend '{name}', and this is '{backend}'",
            f"a state fits the backend that wrote it: say `--backend {name}`",
        )
    return int(there.seed)


def start_of(
    file: FilePath, circuit: Circuit, backend: str | None
) -> tuple[Compiled, Network, SavedState]:
    """The network in a run file, for a subject of this circuit, and the state to start from.

    The seed of the network is that of the file.

    Raises
    ------
    CircuitError
        As of `check_start`, or if the network comes out differently here.
    """
    compiled = compile_circuit(with_trial_phases(circuit))
    engine = Engine.for_plan(compiled.plan, backend)
    seed = check_start(file, compiled, engine.name)
    compiled = compile_circuit(with_trial_phases(circuit.with_(seed=seed)))
    learned = Learned.of(file)
    network = Network.of_arrays(compiled.plan, engine, learned.arrays, Clock(), silent)
    return compiled, network, learned.saved


def _differences(there: Circuit, here: Circuit) -> Iterator[str]:
    for key in NETWORK:
        yield from _between(as_data(getattr(there, key)), as_data(getattr(here, key)), (key,))


def _between(there: Any, here: Any, path: Path) -> Iterator[str]:
    """What differs between two values of a circuit, with its path."""
    if isinstance(there, dict) and isinstance(here, dict):
        for name in dict.fromkeys([*there, *here]):
            inner: Path = (*path, name)
            if name not in here:
                yield f"{dotted(inner)} is only there"
            elif name not in there:
                yield f"{dotted(inner)} is only here"
            else:
                yield from _between(there[name], here[name], inner)
    elif there != here:
        values = (shortened(str(value), WIDEST) for value in (there, here))
        yield f"{dotted(path)} is {next(values)} there and {next(values)} here"


def _of_files(there: Mapping[str, str], here: Mapping[str, str]) -> Iterator[str]:
    for name in sorted({*there, *here}):
        if there.get(name) != here.get(name):
            yield f"the file {name} differs"
