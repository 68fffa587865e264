"""Is a memory in synapses any good? `thalia.Memory` next to exact and approximate nearest neighbours.

    uv run --extra index --with hnswlib python -m benchmarks.memory --prototypes 0 10 -o results/memory.json

Vectors of 64 normal numbers with a common mean are stored, and asked for with noise, in parts, early
and late, up to the capacity, after sleep, and after they have moved; with `--prototypes 10` they are
like one of ten, so that they interfere. Where an index is not installed its row is missing. Lines with
numbers appear as they are measured; `--collect` takes what the same options would measure from files
with such lines.
"""

import argparse
import json
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np

import thalia
from plots.conditions import provenance

DIMENSION = 64
NOISES = (0.0, 0.5, 1.0)  # standard deviation relative to that of the vectors
LIKENESS = 0.8  # correlation of a vector with its prototype


class Circuit:
    """`thalia.Memory`."""

    def __init__(self, folder):
        self.file = Path(folder) / "memory.h5"
        self.memory = thalia.Memory(self.file)
        self.number = {}

    def store(self, key, vector):
        self.number[self.memory.store(vector)] = key

    def recall(self, cue):
        found = self.memory.recall(cue, k=1)
        return self.number[found[0].item] if found else None

    def move(self, key, old, new):
        """Two bad outcomes after a good one are a surprise; the item moves towards the new cue."""
        item = next(item for item, each in self.number.items() if each == key)
        self.memory.recall(old, k=1)
        self.memory.outcome(item, 4, new)
        self.memory.recall(old, k=1)
        self.memory.outcome(item, 1, new)

    def sleep(self):
        self.memory.sleep()

    def chance(self, cue):
        """The chance that it tells of what comes first; of nothing, none."""
        found = self.memory.recall(cue, k=1)
        return found[0].chance if found else 0.0

    def bytes(self):
        return self.file.stat().st_size


class Exact:
    """The nearest of all vectors, by the cosine, after the mean is removed."""

    def __init__(self, _):
        self.keys, self.vectors = [], np.zeros((0, DIMENSION))

    def store(self, key, vector):
        self.keys.append(key)
        self.vectors = np.vstack([self.vectors, vector])

    def recall(self, cue):
        mean = self.vectors.mean(axis=0)
        centred = self.vectors - mean
        scores = centred @ (cue - mean) / np.linalg.norm(centred, axis=1)
        return self.keys[int(scores.argmax())]

    def move(self, key, _, new):
        self.vectors[self.keys.index(key)] = new

    def sleep(self):
        pass

    def bytes(self):
        return self.vectors.nbytes


class Hnswlib:
    """An approximate index, with its defaults."""

    def __init__(self, _):
        import hnswlib

        self.index = hnswlib.Index("l2", DIMENSION)
        self.index.init_index(max_elements=10_000, random_seed=1)

    def store(self, key, vector):
        self.index.add_items(vector[None], [key])

    def recall(self, cue):
        return int(self.index.knn_query(cue[None], 1)[0][0, 0])

    def move(self, key, _, new):
        self.index.add_items(new[None], [key])

    def sleep(self):
        pass

    def bytes(self):
        return self.index.index_file_size()


class Faiss:
    """The index of the same kind of another library."""

    def __init__(self, _):
        import faiss

        self.faiss, self.index, self.keys = faiss, faiss.IndexHNSWFlat(DIMENSION, 16), []

    def store(self, key, vector):
        self.keys.append(key)
        self.index.add(vector[None].astype("f4"))

    def recall(self, cue):
        return self.keys[int(self.index.search(cue[None].astype("f4"), 1)[1][0, 0])]

    def move(self, key, _, new):
        """It cannot change a vector: the new one is added with the same key."""
        self.store(key, new)

    def sleep(self):
        pass

    def bytes(self):
        return self.faiss.serialize_index(self.index).nbytes


METHODS = {"thalia": Circuit, "exact": Exact, "hnswlib": Hnswlib, "faiss": Faiss}
PACKAGES = {"thalia": "thalia", "exact": "numpy", "hnswlib": "hnswlib", "faiss": "faiss-cpu"}


def available():
    return [name for name in METHODS if name in ("thalia", "exact") or find_spec(name)]


def share(method, keys, cue_of):
    return float(np.mean([method.recall(cue_of(key)) == key for key in keys]))


def drawn(count, prototypes, random):
    """So many vectors, of a variance of about 1 in each number, and their mean."""
    mean = 2 * random.standard_normal(DIMENSION)
    vectors = random.standard_normal((count, DIMENSION))
    if prototypes:
        centres = random.standard_normal((prototypes, DIMENSION))
        own = np.sqrt(1 - LIKENESS**2) * vectors
        vectors = LIKENESS * centres[np.arange(count) % prototypes] + own
    return vectors + mean, mean


def measured(name, seed, loads, asked, prototypes):
    """All numbers of a method with a seed; vectors and cues are the same for all methods.

    After the last load the memory sleeps, and a third of the items that are asked for move.
    """
    random = np.random.default_rng(seed)
    vectors, mean = drawn(max(loads), prototypes, random)
    noise = random.standard_normal(vectors.shape)
    parts = random.random(vectors.shape) < 0.5
    others = random.standard_normal((asked // 3, DIMENSION)) + mean
    found = {"method": name, "seed": seed, "asked": asked, "prototypes": prototypes}
    found |= {"package": f"{PACKAGES[name]} {version(PACKAGES[name])}", "recall": {}}

    def tell():
        print(json.dumps(found), flush=True)

    with tempfile.TemporaryDirectory() as folder:
        method, done = METHODS[name](folder), 0
        for load in loads:
            begin = time.perf_counter()
            for key in range(done, load):
                method.store(key, vectors[key])
            found.setdefault("store_ms", {})[str(load)] = (
                1e3 * (time.perf_counter() - begin) / (load - done)
            )
            done = load
            keys = np.linspace(0, load - 1, asked).astype(int).tolist()
            third = asked // 3
            begin = time.perf_counter()
            row = {
                f"noise_{level:g}": share(
                    method, keys, lambda k, s=level: vectors[k] + s * noise[k]
                )
                for level in NOISES
            }
            found.setdefault("recall_ms", {})[str(load)] = (
                1e3 * (time.perf_counter() - begin) / (len(NOISES) * asked)
            )
            row["half"] = share(method, keys, lambda k: np.where(parts[k], vectors[k], mean))
            row["oldest_third"] = share(method, keys[:third], lambda k: vectors[k] + 0.5 * noise[k])
            row["newest_third"] = share(
                method, keys[-third:], lambda k: vectors[k] + 0.5 * noise[k]
            )
            found["recall"][str(load)] = row
            found.setdefault("bytes_per_item", {})[str(load)] = method.bytes() / load
            tell()
        method.sleep()
        found["slept"] = {
            "noise_1": share(method, keys, lambda k: vectors[k] + noise[k]),
            "half": share(method, keys, lambda k: np.where(parts[k], vectors[k], mean)),
        }
        if isinstance(method, Circuit):
            found["chance"] = {
                "noise_1": float(np.mean([method.chance(vectors[k] + noise[k]) for k in keys])),
                "half": float(
                    np.mean([method.chance(np.where(parts[k], vectors[k], mean)) for k in keys])
                ),
            }
        tell()
        moved = keys[2::3]
        for key, other in zip(moved, others, strict=True):
            method.move(key, vectors[key], other)
        keep = sorted({*keys} - {*moved})
        near = {key: other + 0.3 * noise[key] for key, other in zip(moved, others, strict=True)}
        found["moved"] = {
            "new_cue": share(method, moved, near.get),
            "old_cue": share(method, moved, vectors.__getitem__),
            "others": share(method, keep, vectors.__getitem__),
        }
        tell()
    return found


def jobs(given):
    """What is to be measured."""
    return [
        (name, seed, given.loads, given.asked, prototypes)
        for prototypes in given.prototypes
        for name in given.methods
        for seed in range(given.base_seed, given.base_seed + given.seeds)
    ]


def ran(given):
    """Rows of all methods with all seeds, measured now."""
    with ProcessPoolExecutor(given.workers) as pool:
        return [*pool.map(measured, *zip(*jobs(given), strict=True))]


def collected(given):
    """The same rows, each the last line of its kind in files; all of them must be whole there."""
    last = {}
    for file in given.collect:
        for line in file.read_text("utf-8").splitlines():
            row = json.loads(line)
            last[row["method"], row["seed"], row["asked"], row["prototypes"]] = row
    rows = [last[name, seed, asked, kinds] for name, seed, _, asked, kinds in jobs(given)]
    for row in rows:
        if "moved" not in row or [*map(int, row["recall"])] != given.loads:
            raise SystemExit(
                f"{row['method']}, seed {row['seed']}: was measured with other options"
            )
    return rows


def command(given):
    """What measures these rows."""
    lists = ("methods", "loads", "prototypes")
    words = [f"--{n} {' '.join(map(str, getattr(given, n)))}" for n in lists]
    numbers = f"--seeds {given.seeds} --base-seed {given.base_seed} --asked {given.asked}"
    return " ".join(["python -m benchmarks.memory", numbers, *words])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--methods", nargs="*", default=available())
    parser.add_argument("--loads", type=int, nargs="+", default=[100, 250, 600])
    parser.add_argument("--asked", type=int, default=30, help="cues of each kind")
    parser.add_argument("--prototypes", type=int, nargs="+", default=[0])
    parser.add_argument("--base-seed", type=int, default=700)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--collect", type=Path, nargs="+")
    parser.add_argument("--machine", help="what measured, in words")
    parser.add_argument("-o", "--output", type=Path)
    given = parser.parse_args()
    rows = collected(given) if given.collect else ran(given)
    if given.output:
        told = provenance(command(given)) | {
            **({"machine": given.machine} if given.machine else {}),
            "dimension": DIMENSION,
            "rows": rows,
        }
        given.output.write_text(json.dumps(told, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
