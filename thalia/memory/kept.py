"""All that a memory is between two operations, and how it is written to its file and read again."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path as FilePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thalia.circuit.serialize import as_data
from thalia.circuit.spec import Circuit
from thalia.compiler.pipeline import load_whole
from thalia.errors import fail
from thalia.library.lookup import LIBRARY
from thalia.memory.answers import Content
from thalia.memory.calibration import Calibration
from thalia.memory.encoder import Encoder, Floats
from thalia.memory.items import Items
from thalia.recording.memory_file import Contents, MemoryFile, read
from thalia.recording.page_checksums import edited
from thalia.simulation.checkpoint import SavedState
from thalia.training.memory_network import CUES
from thalia.training.saved import NETWORK
from thalia.training.subject import Subject
from thalia.training.tasks.memory import Memory as Task

SEED = 1
SHOWN = ("show", "mark")  # roles of populations whose cells are shown
CONTENTS: dict[Any, Content | None] = {"": None, "text": "text", "vector": "vector"}
WORDS = ("summary", "source", "numbers", "meaning", "reproduces", "differs")  # of a component
STATE = "state."  # before the names of variables of the network, among the arrays of the file


@dataclass(frozen=True)
class Kept:
    """What a memory holds beside the state of its network, its items and what encodes them.

    `together` are the numbers of items that were recalled one after the other since it slept, each
    time, and
    `counts` how much each cue counted after each outcome of a recall, (n_outcomes, n_cues).
    """

    content: Content | None = None
    items: Items = field(default_factory=Items)
    encoder: Encoder | None = None
    together: tuple[tuple[int, int], ...] = ()
    calibration: Calibration = field(default_factory=Calibration.new)
    counts: Floats = field(default_factory=lambda: np.zeros((0, len(CUES))))


def write(file: MemoryFile, kept: Kept, subject: Subject, identity: Mapping[str, str]) -> None:
    """Commit everything; `identity` says which network it is of."""
    arrays, texts = kept.items.tables()
    settings: dict[str, str | int] = {
        **identity,
        "content": kept.content or "",
        "last": kept.items.last,
        "step": subject.done,
    }
    if kept.encoder:
        arrays |= {"encoder.mean": kept.encoder.mean, "encoder.total": kept.encoder.total}
        settings["seen"] = kept.encoder.seen
    told = kept.calibration
    arrays |= {"calibration.asked": told.asked, "calibration.right": told.right}
    if told.error is not None:
        arrays["calibration.error"] = np.array([told.error])
    if kept.together:
        arrays["together"] = np.array(kept.together)
    if len(kept.counts):
        arrays["counts"] = kept.counts
    state = subject.state().variables
    arrays |= {f"{STATE}{name}": values for name, values in state.items()}
    file.keep(settings, arrays, texts)


def restored(
    file: MemoryFile, contents: Contents, subject: Subject, task: Task, identity: Mapping[str, str]
) -> Kept:
    """What is in the file; the network continues from there.

    Raises
    ------
    CircuitError
        If it is of another circuit or backend, or another program has changed it.
    """
    settings, arrays = contents.settings, contents.arrays
    with edited(file.file):
        if settings["circuit"] != identity["circuit"]:
            raise fail(
                f"{file.file}: was made by Thalia {contents.version}, whose circuit is another one",
                "`thalia memory store NEW --from` this file stores its items again, in the circuit "
                "of this version; what outcomes and sleep have taught stays behind",
            )
        if (there := settings["backend"]) != (here := identity["backend"]):
            raise fail(
                f"{file.file}: was written by the backend '{there}', and this is '{here}'",
                f"say `--backend {there}`",
            )
        kept = _tables_of(contents)
        cells = {role: subject.plan.population(task.stimuli[role][0])[1].size for role in SHOWN}
        for each in kept.items.present:
            _check_cells(each.code, task.active, cells["show"])
            _check_cells(each.own, task.own, cells["mark"])
        encoder = None
        if "seen" in settings:
            mean, total = arrays["encoder.mean"], arrays["encoder.total"]
            made = Encoder.new(len(mean), cells["show"], task.active, int(identity["seed"]))
            encoder = replace(made, mean=mean, total=total, seen=int(settings["seen"]))
        state = {n.removeprefix(STATE): v for n, v in arrays.items() if n.startswith(STATE)}
        subject.restore(SavedState(int(settings["step"]), state, subject.counter.counts))
        return replace(kept, encoder=encoder)


def kept_in(path: str | FilePath) -> Kept:
    """What a file keeps beside its network, whatever version of Thalia has made it.

    Raises
    ------
    CircuitError
        If it is no memory, or damaged.
    """
    file = FilePath(path)
    contents = read(file)
    with edited(file):
        return _tables_of(contents)


def _tables_of(contents: Contents) -> Kept:
    """All but the encoder."""
    arrays, settings = contents.arrays, contents.settings
    new = Calibration.new()
    asked, right = (arrays.get(f"calibration.{each}", new.asked) for each in ("asked", "right"))
    error = arrays.get("calibration.error")
    if asked.shape != new.asked.shape:  # tests of another version, which had other bins
        asked, right, error = new.asked, new.right, None
    counts = arrays.get("counts", np.zeros((0, len(CUES))))
    if right.shape != asked.shape or counts.ndim != 2:
        raise ValueError("tables of the calibration or the cues have other shapes")
    return Kept(
        CONTENTS[settings["content"]],
        Items.of_tables(arrays, contents.texts, int(settings["last"])),
        together=tuple((int(one), int(two)) for one, two in arrays.get("together", ())),
        calibration=Calibration(asked, right, None if error is None else float(error[0])),
        counts=counts,
    )


def _check_cells(cells: NDArray[np.int64], count: int, size: int) -> None:
    if (
        cells.shape != (count,)
        or cells.dtype.kind != "i"
        or not ((cells >= 0) & (cells < size)).all()
    ):
        raise ValueError("an item has cells that are not there")


def circuit_of(seed: int) -> Circuit:
    """The circuit of a memory, which is that of `thalia learn memory`."""
    return load_whole(FilePath(str(LIBRARY / "experiments" / "memory.yaml")), {"seed": seed})


def network_of(circuit: Circuit) -> str:
    """A digest of what makes the network of a memory; words about it do not count."""
    phases = circuit.experiment.phases if circuit.experiment else {}
    told = {key: as_data(getattr(circuit, key)) for key in NETWORK} | {"phases": as_data(phases)}
    return sha256(json.dumps(_without_words(told), sort_keys=True).encode()).hexdigest()


def _without_words(told: Any) -> Any:
    if isinstance(told, dict):
        return {key: _without_words(each) for key, each in told.items() if key not in WORDS}
    return [_without_words(each) for each in told] if isinstance(told, list | tuple) else told


def seed_of(contents: Contents | None, given: int | None, file: str | FilePath) -> int:
    """The seed of a memory, which a new one is given.

    Raises
    ------
    CircuitError
        If the file has another.
    """
    if contents is None:
        return SEED if given is None else given
    found = str(contents.settings.get("seed"))
    if given is not None and str(given) != found:
        raise fail(f"{file}: exists, with a seed of its own", "leave out the seed")
    if not found.isdecimal():
        raise fail(f"{file}: is damaged: it has no seed", "take a copy of the file")
    return int(found)
