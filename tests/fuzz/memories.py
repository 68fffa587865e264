"""Memories under load: `python -m tests.fuzz.memories --kills 200 --workers 4 -o results/memory_load.json`, or `--stores 10000`.

A process that stores, recalls, reports outcomes, forgets and sleeps is killed at random moments,
again and again on the same file. After every kill the file must be undamaged, and have all that was
answered: the vectors of the items, their outcomes, what sleep found, and no item that was forgotten.
Each worker has a file of its own, which begins with nearly 64 items, at which all are stored again.
`--stores` stores as many vectors in one process and prints its memory as it goes. The file that is
written keeps the one that was not asked for.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import chain
from multiprocessing import get_context
from pathlib import Path

import numpy as np

import thalia
from plots.conditions import provenance

DIMENSION = 64
LONGEST = 3.0  # s of load before most kills
LONG_EVERY, LONG = 4, 15.0  # every so many kills the load may last so many seconds
ALREADY = 60  # items, before the first kill
MOST = 150  # items, after which a new file is begun
FULL_AFTER = 1000  # stores, surely; memory is looked at after each so many


def vector(number):
    """The vector that is stored as an item."""
    return np.random.default_rng(number).standard_normal(DIMENSION)


def load(file):
    """Store, recall, report, forget and sleep for ever; print what was done once it is answered.

    A line has what was done, the step of the network after it, and the item. That an item is to be
    forgotten is printed before, too: a kill may come between.
    """
    last = Path(f"{file}.last")
    with thalia.Memory(file) as memory:

        def answered(done, item=0, number=0):
            print(done, memory._subject.done, item, number, flush=True)

        answered("open")
        number = int(last.read_text("utf-8")) if last.exists() else 0
        while True:
            number += 1
            answered("store", memory.store(vector(number)), number)
            memory.recall(vector(number), k=1)
            if number % 7 == 0:
                memory.sleep(3)
                answered("sleep")
            if number % 5 == 0:
                item = memory.recall(vector(number), k=1)[0].item
                memory.outcome(item, 4)
                answered("outcome", item)
            if number % 6 == 0:
                oldest = memory._core.items.present[0].number
                answered("begins to forget", oldest)
                memory.forget(oldest)
                answered("forget", oldest)


@dataclass
class Answered:
    """What the processes that worked on a file have answered.

    `numbers` are those of the vectors of the items, `outcomes` how often each had one, and `slept`
    the items that were there in a sleep. `step` is that of the network after the last answer, and
    `doubtful` an item that may be forgotten. `total` counts what was answered, also on files before.
    """

    numbers: dict[int, int] = field(default_factory=dict)
    outcomes: Counter[int] = field(default_factory=Counter)
    slept: set[int] = field(default_factory=set)
    step: int = 0
    doubtful: int | None = None
    total: Counter[str] = field(default_factory=Counter)

    def hear(self, line):
        """Take what a process has printed."""
        done, step, item, number = line.rsplit(maxsplit=3)
        item, self.step = int(item), int(step)
        if done == "begins to forget":
            self.doubtful = item
            return
        self.total[done] += done != "open"
        if done == "store":
            self.numbers[item] = int(number)
        elif done == "outcome":
            self.outcomes[item] += 1
        elif done == "sleep":
            self.slept = {*self.numbers}
        elif done == "forget":
            self._forget(item)

    def missing(self, memory):
        """What a memory lacks of it, in words; what was not answered before the kill is taken over."""
        present = {each.number: each for each in memory._core.items.present}
        found = [] if memory._subject.done >= self.step else ["it is as it was earlier"]
        if self.doubtful is not None and self.doubtful not in present:
            self._forget(self.doubtful)
        self.doubtful = None
        more = 0  # outcomes that were not answered
        for item, number in self.numbers.items():
            if item not in present or not np.array_equal(present[item].vector, vector(number)):
                found.append(f"item {item}")
                continue
            told = present[item].told
            more += told.outcomes - self.outcomes[item]
            if told.outcomes < self.outcomes[item]:
                found.append(f"outcomes of item {item}")
            if item in self.slept and told.confidence is None:
                found.append(f"what sleep found of item {item}")
        if more > 1:
            found.append(f"{more} outcomes were never reported")
        new = {*present} - {*self.numbers}
        if len(new) > 1 or any(item <= max(self.numbers) for item in new):
            found.append(f"forgotten items are back: {sorted(new)}")
        for item in new:  # stored, but not answered
            self.numbers[item] = max(self.numbers.values()) + 1
        self.outcomes = Counter({item: each.told.outcomes for item, each in present.items()})
        return found

    def _forget(self, item):
        self.numbers.pop(item, None)
        self.slept.discard(item)


def kill_once(file, known, wait):
    """Kill a process that has worked on a file for `wait` seconds; what is missing then."""
    command = [sys.executable, "-m", "tests.fuzz.memories", "--load", str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        if not process.stdout.readline():
            return ["it did not start"]
        time.sleep(wait)
        ended = process.poll() is not None
        process.kill()
        for line in process.stdout:
            if line.endswith("\n"):
                known.hear(line)
    if ended:
        return ["it ended before it was killed"]
    with thalia.Memory(file) as memory:
        missing = known.missing(memory)
    Path(f"{file}.last").write_text(str(max(known.numbers.values())), "utf-8")
    return missing


def begun(file, total):
    """Store the items that a file has before the first kill."""
    known = Answered(total=total)
    with thalia.Memory(file) as memory:
        for number in range(1, ALREADY + 1):
            known.numbers[memory.store(vector(number))] = number
    Path(f"{file}.last").write_text(str(ALREADY), "utf-8")
    return known


def kills(count, seed):
    """Kill so many processes, one after the other; what was lost, files, and what was answered."""
    random, bad, files = np.random.default_rng(seed), [], 1
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "memory.h5"
        known = begun(file, Counter())
        for number in range(count):
            if len(known.numbers) > MOST:
                file.unlink()
                known, files = begun(file, known.total), files + 1
            wait = random.uniform(0, LONGEST if (number + 1) % LONG_EVERY else LONG)
            if missing := kill_once(file, known, wait):
                bad.append((seed, number, missing))
            told = f"{len(known.numbers)} items, {len(bad)} losses, {dict(known.total)}"
            print(f"{seed}: {number + 1} kills, {told}", flush=True)
    return bad, files, known.total


def kills_by(workers, count):
    """Kill `count` processes, of which each worker has a share: what was lost, files, and answers."""
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        shares = [len(range(seed, count, workers)) for seed in range(workers)]
        lost, files, answered = zip(*pool.map(kills, shares, range(workers)), strict=True)
    return [*chain(*lost)], sum(files), sum(answered, Counter())


def stores(count, every=200):
    """Store so many items. Memory of this process and of the circuit in MB, now and then; what is recalled.

    The last is by how many items the status says can be recalled, and how many are when asked for.
    """
    used = []
    with tempfile.TemporaryDirectory() as folder:
        file, begin = Path(folder) / "memory.h5", time.monotonic()
        with thalia.Memory(file) as memory:
            for number in range(1, count + 1):
                memory.store(vector(number))
                if number % every == 0:
                    used.append((resident("self"), resident(memory._subject.session.process.pid)))
                    size, seconds = file.stat().st_size / 1e6, time.monotonic() - begin
                    print(
                        f"{number} stores: {used[-1][0]:.1f} MB, circuit {used[-1][1]:.1f} MB, "
                        f"file {size:.2f} MB, {seconds:.1f} s",
                        flush=True,
                    )
            told = memory.status().recallable
            found = recalled(memory)
    print(f"{told} items can be recalled, says the status; {found} are", flush=True)
    return used, (told, found)


def recalled(memory):
    """How many items of a memory their own vectors recall first."""
    items = memory._core.items.present
    first = [memory.recall(each.vector, k=1) for each in items]
    return sum(
        bool(found) and found[0].item == each.number
        for found, each in zip(first, items, strict=True)
    )


def resident(process):
    """Memory of a process, in MB."""
    status = Path(f"/proc/{process}/status").read_text("utf-8")
    return (
        next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1e3
    )


def keep(file, part, asked, found):
    """Write what was found to a part of a file of results, if there is one to write."""
    if file:
        kept = json.loads(file.read_text("utf-8")) if file.exists() else {}
        file.write_text(
            json.dumps(kept | {part: provenance(asked) | found}, indent=1) + "\n", "utf-8"
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int)
    parser.add_argument("--stores", type=int)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--load")
    parser.add_argument("-o", "--output", type=Path)
    given = parser.parse_args()
    if given.load:
        load(given.load)
    elif given.kills:
        lost, files, answered = kills_by(given.workers, given.kills)
        asked = f"python -m tests.fuzz.memories --kills {given.kills} --workers {given.workers}"
        found = {"killed": given.kills, "files": files, "answered": answered, "lost": len(lost)}
        keep(given.output, "kills", asked, found)
        sys.exit(bool(lost))
    elif given.stores:
        used, (told, recalled_first) = stores(given.stores, every=min(given.stores, FULL_AFTER))
        own, circuit = zip(*used, strict=True)
        found = {
            "stored": given.stores,
            "process_mb": own,
            "circuit_mb": circuit,
            "first_mb": own[0],
            "last_mb": own[-1],
            "recallable": told,
            "recalled": recalled_first,
        }
        keep(
            given.output, "stores", f"python -m tests.fuzz.memories --stores {given.stores}", found
        )
