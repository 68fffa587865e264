"""Run files that a stranger has edited: read, drawn, judged, exported and resumed, or refused in words.

`python -m tests.fuzz.runs FIRST LAST` changes a small run file with HDF5's own library, once for each
seed, and does everything with it; with `subjects` after these numbers it is one that an experiment has
saved, from which another goes on. What raises anything but a `CircuitError`, takes longer than ten
seconds or writes elsewhere is printed, and the status is 1. By hand.
"""

import json
import random
import shutil
import signal
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np

import thalia
from tests.circuit.mutations import leaves
from tests.fuzz.parts import TooLong, _stop
from tests.fuzz.values import OUTRAGEOUS
from tests.recording.damage import everything, small_run
from tests.training.test_subject import SLOW
from thalia.analysis.health import health
from thalia.errors import CircuitError
from thalia.figures.kinds import KINDS, draw
from thalia.figures.network import graph
from thalia.figures.style import save
from thalia.simulation.diff import compare
from thalia.training.subject import subject_of

LONGEST = 10.0  # seconds
Uses = Callable[[Path, Path], Iterator[tuple[str, Callable[[], Any]]]]
TEXTS = [
    each for each in OUTRAGEOUS if isinstance(each, str) and "\0" not in each and len(each) < 400
]
SHAPES = [(), (0,), (1,), (3,), (2, 2), (0, 5), (1, 1, 1)]


def _text(rng: random.Random) -> str:
    return rng.choice(TEXTS).encode("utf-8", "replace").decode()


def _values(rng: random.Random, dtype: str = "") -> Any:
    """An array of any shape and type."""
    kind = dtype or rng.choice(["f8", "i8", "u8", "i1", "f4", "c16", "?", "S3", "U"])
    shape = rng.choice(SHAPES)
    if kind == "U":
        return np.full(shape, _text(rng), h5py.string_dtype())
    number = rng.choice([0, 1, 3, 100, 127])
    values = np.full(shape, number).astype(kind)
    if values.dtype.kind == "f":
        values[...] = rng.choice([0.0, -1.0, 1e300, 1e-300, np.nan, np.inf, 0.004])
    return values


def _nodes(h5: h5py.File) -> list[str]:
    found: list[str] = []
    h5.visit(found.append)
    return found


def edit(file: Path, seed: int) -> str:
    """Change something of a run file; what was changed, in words."""
    rng = random.Random(seed)
    with h5py.File(file, "r+") as h5:
        return "; ".join(_edited(h5, rng) for _ in range(rng.choice([1, 1, 1, 2])))


def _edited(h5: h5py.File, rng: random.Random) -> str:
    name = rng.choice(["/", *_nodes(h5)])
    node, kind = h5[name], rng.randrange(9)
    if kind < 3 and node.attrs:
        key = rng.choice(sorted(node.attrs))
        if key in ("structure", "results", "experiment") and rng.random() < 0.9:
            return _json_edited(node, key, rng)
        node.attrs[key] = value = rng.choice([_values(rng), _text(rng), 0, -1, 1e300, "", 2**62])
        return f"{name}@{key} = {value!r}"
    if kind == 3 and node.attrs:
        key = rng.choice(sorted(node.attrs))
        del node.attrs[key]
        return f"{name}@{key} removed"
    if name == "/":
        return _json_edited(node, "structure", rng)
    if kind == 4:
        del h5[name]
        return f"{name} removed"
    if kind == 5:
        other = f"{name.rpartition('/')[0]}/{_text(rng).replace('/', '_') or 'x'}"
        if other not in h5:
            h5.move(name, other)
        return f"{name} renamed to {other!r}"
    attributes = dict(node.attrs)
    if isinstance(node, h5py.Dataset) and node.dtype.kind == "O" and kind < 8:
        text = node.asstr()[()] if node.shape == () else ""
        value: Any = _text_edited(str(text), rng)
    elif isinstance(node, h5py.Dataset) and kind < 8 and node.shape:
        value = _array_edited(node[()], rng)
    else:
        value = _values(rng)
    del h5[name]
    if rng.random() < 0.1:
        h5.create_group(name).attrs.update(attributes)
        return f"{name} is a group"
    h5[name] = value
    h5[name].attrs.update(attributes)
    return f"{name} = {value!r}"[:300]


def _json_edited(node: Any, key: str, rng: random.Random) -> str:
    data = json.loads(node.attrs[key])
    *parents, last = rng.choice(list(leaves(data)) or [("x",)])
    inside = data
    for each in parents:
        inside = inside[each]
    if rng.random() < 0.2:
        del inside[last]
        change = "removed"
    else:
        inside[last] = value = rng.choice([each for each in OUTRAGEOUS if each != 10**400])
        change = f"= {value!r}"[:100]
    node.attrs[key] = json.dumps(data)
    return f"@{key} {[*parents, last]} {change}"


def _text_edited(text: str, rng: random.Random) -> str:
    at = rng.randrange(len(text) + 1)
    return text[:at] + rng.choice([_text(rng), "", "\n", " "]) + text[at + rng.randrange(8) :]


def _array_edited(values: Any, rng: random.Random) -> Any:
    kind = rng.randrange(5)
    if kind == 0:
        return values[: len(values) // 2]
    if kind == 1:
        return np.concatenate([values, values])
    if kind == 2:
        return values[::-1]
    if kind == 3 and values.dtype.kind in "iuf":
        changed = values.copy()
        changed.flat[: 1 + rng.randrange(3)] = rng.choice([0, 1, 100, 127])
        return changed
    return values.astype(rng.choice(["f8", "f4", "i8", "u4", "i1"]), casting="unsafe") if values.dtype.kind in "iuf" else values[:0]  # fmt: skip


def uses(file: Path, original: Path) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Everything that is done with a run file, by name."""
    run, folder = (lambda: thalia.Run(file)), file.parent
    yield "read", lambda: everything(file)
    yield "show", lambda: (repr(run()), run()._repr_html_())
    yield "health", lambda: health(run())
    yield "diff", lambda: compare(original, file)
    for name in KINDS:
        yield f"plot {name}", lambda name=name: save(draw(name, run(), {}), folder / "figure.png")
    yield "report", lambda: run().report()
    yield "plot graph", lambda: save(graph(run().network), folder / "figure.png")
    for form in ("graphml", "neo", "nwb", "rocrate", "sonata"):
        yield f"export {form}", lambda form=form: thalia.export(run(), form, folder / f"to_{form}")
    yield "start from", lambda: thalia.run(
        original.with_name("small.yaml"), backend="runtime", start_from=file, output=folder / "next.h5"
    )  # fmt: skip
    yield "resume", lambda: thalia.resume(file, for_="1 ms", as_it_was=True)


def uses_of_subjects(file: Path, original: Path) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Everything that is done with what an experiment has saved, by name."""
    circuit = thalia.loads(SLOW)

    def go_on() -> None:
        with subject_of(circuit, "runtime", start_from=file) as subject:
            subject.present("5 ms")

    yield "read", lambda: everything(file)
    yield "show", lambda: thalia.Run(file)._repr_html_()
    yield "go on", go_on
    yield "start from", lambda: thalia.run(
        circuit, backend="runtime", duration="1 ms", start_from=file, output=file.parent / "next.h5"
    )  # fmt: skip


def saved_subject(folder: Path) -> Path:
    """The run file of a subject that has learned for a moment."""
    with subject_of(thalia.loads(SLOW), "runtime") as subject:
        subject.present("20 ms")
        subject.save(folder / "saved.h5")
    return folder / "saved.h5"


def outcome(name: str, use: Callable[[], Any]) -> str:
    """'done', 'refused', or what went wrong."""
    signal.signal(signal.SIGALRM, _stop)
    signal.setitimer(signal.ITIMER_REAL, LONGEST)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            use()
    except CircuitError as error:
        return "refused" if all(each.message for each in error.problems) else f"{name}: no words"
    except TooLong:
        return f"{name}: too long"
    except Exception as error:
        return f"{name}: {type(error).__name__}: {error}".replace("\n", " ")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return "done"


def tried(original: Path, folder: Path, seed: int, uses: Uses = uses) -> tuple[str, list[str]]:
    """What was changed for a seed, and what came of every use of the file."""
    file = folder / "inner" / "run.h5"
    file.parent.mkdir(parents=True)
    shutil.copyfile(original, file)
    changed = edit(file, seed)
    before = sorted(path.name for path in folder.iterdir())
    found = [outcome(name, use) for name, use in uses(file, original)]
    if sorted(path.name for path in folder.iterdir()) != before:
        found.append("wrote elsewhere")
    return changed, found


def main(first: int, last: int, what: str = "runs") -> int:
    """Try the seeds, and print what went wrong, and the counts."""
    counts: Counter[str] = Counter()
    make, used = {"runs": (small_run, uses), "subjects": (saved_subject, uses_of_subjects)}[what]
    with tempfile.TemporaryDirectory() as scratch:
        original = make(Path(scratch))
        for seed in range(first, last):
            changed, found = tried(original, Path(scratch) / str(seed), seed, used)
            wrong = [each for each in found if each not in ("done", "refused")]
            counts.update(each for each in found if each in ("done", "refused"))
            counts["broke"] += len(wrong)
            for each in wrong:
                print(f"seed {seed}: {changed[:200]!r}: {each[:300]}", flush=True)
            shutil.rmtree(Path(scratch) / str(seed))
    print(dict(counts))
    return int(counts["broke"] > 0)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:]))
