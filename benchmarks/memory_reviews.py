"""Items of a memory are reviewed in the order of FSRS, in that of the circuit, or in any.

    uv run python -m benchmarks.memory_reviews -o results/memory_reviews.json

On the first day 64 items are stored in a `thalia.Memory`, after which it knows what they share, each
with its first review. On each of the following days some are reviewed and others stored. Reviewed are
those that are due first by FSRS, those that the circuit recalls least surely from their whole codes, or
any. They are asked for by half of their numbers, and graded by whether they are recalled most surely; in
a review an item is seen again. A day after the last all are asked for, by other halves. Lines with
numbers appear as they are measured; `--collect` takes what the same options would measure from files
with such lines.
"""

import argparse
import json
import tempfile
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

import thalia
from plots.conditions import provenance
from thalia.analysis import mean_interval

DIMENSION = 64
FIRST = 64  # items of the first day
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
GOOD, AGAIN = 3, 1  # grades
ORDERS = ("fsrs", "circuit", "random", "none")


def chosen(order, listed, count, random):
    """The numbers of the items that are reviewed today, of those that `memory.due()` lists."""
    if order == "fsrs":
        return [each.item for each in listed[:count]]
    if order == "circuit":
        return [each.item for each in sorted(listed, key=lambda each: each.confidence)[:count]]
    return random.permutation([each.item for each in listed])[:count].tolist()


class Learner:
    """A memory, and the vectors that it has stored, by the number of the item."""

    def __init__(self, memory, seed):
        self.memory, self.vectors = memory, {}
        self.drawn, self.asked = map(np.random.default_rng, ((seed, 0), (seed, 1)))
        self.mean = 2 * self.drawn.standard_normal(DIMENSION)

    def asks(self, item):
        """Whether half of the numbers of an item recall it most surely, and whether it ranks first."""
        half = self.asked.permutation(DIMENSION) < DIMENSION // 2
        found = self.memory.recall(np.where(half, self.vectors[item], self.mean), k=10)
        if not found:
            return False, False
        surest = max(found, key=lambda each: each.confidence)
        return surest.item == item, found[0].item == item

    def learn(self, count, now):
        """Store new items, each with its first review."""
        for _ in range(count):
            vector = self.mean + self.drawn.standard_normal(DIMENSION)
            item = self.memory.store(vector)
            self.vectors[item] = vector
            self.memory.review(item, GOOD, now)

    def review(self, items, now):
        """Ask for items, and report what was remembered."""
        for item in items:
            self.memory.review(item, GOOD if self.asks(item)[0] else AGAIN, now)


def measured(order, seed, days, stored, reviewed):
    """What is recalled in the end, if items are reviewed in an order; items are those of the seed."""
    random = np.random.default_rng((seed, 2))
    with (
        tempfile.TemporaryDirectory() as folder,
        thalia.Memory(Path(folder) / "memory.h5", seed=seed) as memory,
    ):
        learner = Learner(memory, seed)
        for day in range(days):
            now = BEGIN + timedelta(days=day)
            if day and order != "none":
                learner.review(chosen(order, memory.due(now), reviewed, random), now)
            learner.learn(stored if day else FIRST, now)
        listed = memory.due(BEGIN + timedelta(days=days))
        told = [(each.retrievability, each.confidence) for each in listed]
        right, first = np.array([learner.asks(item) for item in learner.vectors], float).T
    found = {
        "order": order,
        "seed": seed,
        "days": days,
        "stored": stored,
        "reviewed": reviewed,
        "recalled": float(right.mean()),
        "recalled_older": float(right[: len(right) // 2].mean()),
        "ranked_first": float(first.mean()),
        "confidence": float(np.mean([each[1] for each in told])),
        "correlation": float(spearmanr(told).statistic),
    }
    print(json.dumps(found), flush=True)
    return found


MEASURES = {
    "recalled": (0, 1),
    "recalled_older": (0, 1),
    "ranked_first": (0, 1),
    "confidence": (0, 1),
    "correlation": (-1, 1),
}


def summary(rows):
    """Means with 95 % intervals of each order, and paired differences of recall between orders."""

    def interval(values, within=(-np.inf, np.inf)):
        found = mean_interval(np.array(values), within=within)
        return {"mean": found.mean, "low": found.low, "high": found.high, "n": len(values)}

    by_order = {order: [row for row in rows if row["order"] == order] for order in ORDERS}
    orders = {
        order: {m: interval([row[m] for row in own], within) for m, within in MEASURES.items()}
        for order, own in by_order.items()
    }
    recalled = {
        order: {row["seed"]: row["recalled"] for row in own} for order, own in by_order.items()
    }
    differences = {
        f"{one}_less_{other}": interval(
            [recalled[one][seed] - recalled[other][seed] for seed in recalled[one]]
        )
        for one, other in (
            ("fsrs", "random"),
            ("circuit", "random"),
            ("fsrs", "circuit"),
            ("random", "none"),
        )
    }
    return {"orders": orders, "recalled_paired": differences}


def jobs(given):
    """What is to be measured."""
    return [
        (order, seed, given.days, given.stored, given.reviewed)
        for seed in range(given.base_seed, given.base_seed + given.seeds)
        for order in ORDERS
    ]


def collected(given):
    """The rows of files; all must be there."""
    keys = ("order", "seed", "days", "stored", "reviewed")
    lines = [line for file in given.collect for line in file.read_text("utf-8").splitlines()]
    rows = {tuple(row[key] for key in keys): row for row in map(json.loads, lines)}
    return [rows[job] for job in jobs(given)]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--base-seed", type=int, default=700)
    parser.add_argument("--days", type=int, default=8)
    parser.add_argument("--stored", type=int, default=20, help="items a day")
    parser.add_argument("--reviewed", type=int, default=10, help="items a day")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--collect", type=Path, nargs="+")
    parser.add_argument("--machine", help="what measured, in words")
    parser.add_argument("-o", "--output", type=Path)
    given = parser.parse_args()
    if given.collect:
        rows = collected(given)
    else:
        with ProcessPoolExecutor(given.workers) as pool:
            rows = [*pool.map(measured, *zip(*jobs(given), strict=True))]
    if given.output:
        numbers = ("seeds", "base_seed", "days", "stored", "reviewed")
        options = " ".join(f"--{n.replace('_', '-')} {getattr(given, n)}" for n in numbers)
        told = provenance(f"python -m benchmarks.memory_reviews {options}") | {
            **({"machine": given.machine} if given.machine else {}),
            "fsrs": version("fsrs"),
            **{name: getattr(given, name) for name in numbers},
            **summary(rows),
            "rows": rows,
        }
        given.output.write_text(json.dumps(told, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
