"""Memories under load: `python -m tests.fuzz.memories --kills 200 --workers 4 -o results/memory_load.json`, or `--stores 10000`.

A process that stores, recalls and sleeps is killed at random moments, again and again on the same
file. After every kill each item whose number was printed must be there, with its vector, and the
file undamaged. Each worker has a file of its own, with nearly 64 items, at which all are stored again.
`--stores` stores as many vectors in one process and prints its memory as it goes. The file that is
written keeps the one that was not asked for.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
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
MOST = 400  # items, after which a new file is begun
FULL_AFTER = 1000  # stores, surely; memory is looked at after each so many


def vector(number):
    """The vector that is stored as an item."""
    return np.random.default_rng(number).standard_normal(DIMENSION)


def load(file):
    """Store, recall and sleep for ever; print each number once it is answered."""
    last = Path(f"{file}.last")
    with thalia.Memory(file) as memory:
        print("open", flush=True)
        number = int(last.read_text("utf-8")) if last.exists() else 0
        while True:
            number += 1
            print(memory.store(vector(number)), number, flush=True)
            memory.recall(vector(number), k=1)
            if number % 7 == 0:
                memory.sleep(3)
            if number % 5 == 0:
                memory.outcome(memory.recall(vector(number), k=1)[0].item, 4)


def kill_once(file, known, wait):
    """Kill a process that has worked on a file for `wait` seconds; what is missing then."""
    command = [sys.executable, "-m", "tests.fuzz.memories", "--load", str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        if not first:
            return ["it did not start"]
        time.sleep(wait)
        process.kill()
        for line in process.stdout:
            if line.endswith("\n"):
                item, number = map(int, line.split())
                known[item] = number
    if known:
        Path(f"{file}.last").write_text(str(max(known.values())), "utf-8")
    with thalia.Memory(file) as memory:
        present = {each.number: each.vector for each in memory._core.items.present}
    return [
        item
        for item, number in known.items()
        if item not in present or not np.array_equal(present[item], vector(number))
    ]


def begun(file):
    """Store the items that a file has before the first kill."""
    with thalia.Memory(file) as memory:
        known = {memory.store(vector(number)): number for number in range(1, ALREADY + 1)}
    Path(f"{file}.last").write_text(str(ALREADY), "utf-8")
    return known


def kills(count, seed):
    """Kill so many processes, one after the other; what each kill has lost, if anything."""
    random, bad = np.random.default_rng(seed), []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "memory.h5"
        known = begun(file)
        for number in range(count):
            if len(known) > MOST:
                file.unlink()
                known = begun(file)
            wait = random.uniform(0, LONGEST if (number + 1) % LONG_EVERY else LONG)
            if missing := kill_once(file, known, wait):
                bad.append((seed, number, missing))
            print(f"{seed}: {number + 1} kills, {len(known)} items, {len(bad)} losses", flush=True)
    return bad


def kills_by(workers, count):
    """Kill `count` processes, of which each worker has a share."""
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        shares = [len(range(seed, count, workers)) for seed in range(workers)]
        return [*chain.from_iterable(pool.map(kills, shares, range(workers)))]


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


def keep(file, part, found):
    """Write what was found to a part of a file of results, if there is one to write."""
    if file:
        kept = json.loads(file.read_text("utf-8")) if file.exists() else {}
        asked = f"python -m tests.fuzz.memories --{part} {found['killed' if part == 'kills' else 'stored']}"
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
        lost = kills_by(given.workers, given.kills)
        keep(given.output, "kills", {"killed": given.kills, "lost": len(lost)})
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
        keep(given.output, "stores", found)
