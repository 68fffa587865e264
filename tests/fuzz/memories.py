"""Memories under load: `python -m tests.fuzz.memories --kills 200`, or `--stores 10000`.

A process that stores, recalls and sleeps is killed at random moments, again and again on the same
file. After every kill each item whose number was printed must be there, with its vector, and the
file undamaged. `--stores` stores as many vectors in one process and prints its memory as it goes.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import thalia

DIMENSION = 64
LONGEST = 3.0  # s of load before a kill


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


def kill_once(file, known, random):
    """Kill a process that works on a file; what is missing then."""
    command = [sys.executable, "-m", "tests.fuzz.memories", "--load", str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        if not first:
            return ["it did not start"]
        time.sleep(random.uniform(0, LONGEST))
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


def kills(count, seed):
    random, known, bad = np.random.default_rng(seed), {}, []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "memory.h5"
        for number in range(count):
            if len(known) > 400:
                file.unlink()
                known.clear()
            if missing := kill_once(file, known, random):
                bad.append((number, missing))
            print(f"{number + 1} kills, {len(known)} items, {len(bad)} losses", flush=True)
    return bad


def stores(count):
    with tempfile.TemporaryDirectory() as folder:
        file, begin = Path(folder) / "memory.h5", time.monotonic()
        with thalia.Memory(file) as memory:
            for number in range(1, count + 1):
                memory.store(vector(number))
                if number % 200 == 0:
                    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
                    circuit = resident(memory._subject)
                    size, seconds = file.stat().st_size / 1e6, time.monotonic() - begin
                    print(
                        f"{number} stores: {used:.1f} MB, circuit {circuit:.1f} MB, "
                        f"file {size:.2f} MB, {seconds:.1f} s",
                        flush=True,
                    )


def resident(subject):
    """Memory of the compiled program, in MB."""
    number = subject.session.process.pid
    status = Path(f"/proc/{number}/status").read_text("utf-8")
    return (
        next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1e3
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int)
    parser.add_argument("--stores", type=int)
    parser.add_argument("--load")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    if given.load:
        load(given.load)
    elif given.kills:
        sys.exit(bool(kills(given.kills, given.seed)))
    elif given.stores:
        stores(given.stores)
