"""Runs that are killed at random moments, and whether each goes on to the bits of an undisturbed one.

`python -m tests.fuzz.kills --count 200` kills that many (SIGKILL): a run, then its `resume`, until it
is complete. What a kill leaves is no file, a file that resumes, or one that is refused in words;
anything else is printed, and the status is 1. By hand; tests/test_kills.py tries a few.
"""

import argparse
import multiprocessing
import random
import sys
from collections import Counter
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory

import thalia
from tests.simulation.test_resume import text
from thalia.errors import CircuitError
from thalia.simulation.diff import compare

LONGEST = 0.3  # seconds after what is waited for; later kills mostly come too late
MOST = 12  # kills of one run, which then may end
LEFT = ("left a file", "left no file")
EXPECTED = {*LEFT, "the same bits"}


def attempt(
    source: Path, file: Path, when: str, every: str, backend: str, parent: Connection
) -> None:
    """Run a circuit, or resume a run, in a process of its own; report when something begins."""

    def progress(what: str, fraction: float, detail: str = "") -> None:
        if what == when:
            parent.send("begun")

    try:
        if source == file:
            thalia.resume(file, checkpoint_every=every, chunk=every, progress=progress)
        else:
            thalia.run(
                source,
                output=file,
                backend=backend,
                checkpoint_every=every,
                chunk=every,
                progress=progress,
            )
        parent.send("ended")
    except CircuitError as error:
        parent.send(f"refused: {error}")
    except BaseException as error:
        parent.send(f"{type(error).__name__}: {error}")


def killed(source: Path, file: Path, rng: random.Random, backend: str) -> str:
    """Start a run or resume it, and kill it: `killed`, or what it said before that."""
    when = rng.choice(["wiring", "simulating", "simulating", "simulating"])
    every = rng.choice(["1 ms", "3.7 ms", "20 ms"])
    context = multiprocessing.get_context("forkserver")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=attempt, args=(source, file, when, every, backend, there))
    process.start()
    there.close()
    said, end = here.recv(), rng.uniform(0, LONGEST)
    process.join(end if said == "begun" else None)
    process.kill()
    process.join()
    try:
        while here.poll():
            said = here.recv()
    except EOFError:  # it was killed while it reported something
        said = said if said != "ended" else "begun"
    return "killed" if said == "begun" else str(said)


def run_with_kills(
    circuit: Path, whole: Path, file: Path, rng: random.Random, backend: str, most: int
) -> Counter[str]:
    """One run, killed until it ends; what the kills left, and how it compares in the end."""
    found: Counter[str] = Counter()
    for _ in range(most):
        outcome = killed(file if file.exists() else circuit, file, rng, backend)
        if outcome == "ended":
            break
        if outcome == "killed":
            outcome = f"left {'a file' if file.exists() else 'no file'}"
        found[outcome] += 1
        if file.exists() and thalia.Run(file).attributes["complete"]:  # before it could say so
            break
    if not file.exists():
        thalia.run(circuit, output=file, backend=backend)
    elif not thalia.Run(file).attributes["complete"]:
        thalia.resume(file)
    different = compare(whole, file)
    leftovers = [path.name for path in file.parent.iterdir() if path != file]
    found["the same bits" if not different else f"different: {different}"] += 1
    return found + Counter(f"left over: {name}" for name in leftovers)


def kills(folder: Path, count: int, seed: int, backend: str) -> Counter[str]:
    """What became of runs until so many were killed."""
    rng, found = random.Random(seed), Counter[str]()
    multiprocessing.get_context("forkserver").set_forkserver_preload(["thalia.parallel.preload"])
    circuit, whole = folder / "circuit.yaml", folder / "whole.h5"
    longer = text("stdp_triplet").replace("duration: 50 ms", "duration: 60 ms")
    circuit.write_text(longer.replace("every: 24 ms", "every: 7 ms"))
    thalia.run(circuit, output=whole, backend=backend)
    number = 0
    while sum(found[name] for name in LEFT) < count:
        number += 1
        (folder / str(number)).mkdir()
        file, left = folder / str(number) / "run.h5", count - sum(found[name] for name in LEFT)
        found += run_with_kills(circuit, whole, file, rng, backend, min(MOST, left))
        print(dict(found), flush=True)
    return found


def main() -> int:
    """Kill as many runs as the command line says, and print the counts."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--count", type=int, default=200)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--backend", default="runtime", choices=["runtime", "cpp"])
    given = options.parse_args()
    with TemporaryDirectory() as folder:
        found = kills(Path(folder), given.count, given.seed, given.backend)
    return int(not found.keys() <= EXPECTED)


if __name__ == "__main__":
    sys.exit(main())
