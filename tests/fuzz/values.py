"""Circuits of the library with outrageous values, keys and entries: planned, or refused in words.

`python -m tests.fuzz.values FIRST LAST` tries those seeds and counts what becomes of them within five
seconds each; anything but `planned` and `refused` is printed, and the status is 1. By hand;
tests/test_fuzz.py tries a few.
"""

import json
import random
import signal
import sys
import time
from collections import Counter
from typing import Any

import thalia
from tests.circuit.mutations import VALUES, leaves
from tests.fuzz.parts import LONGEST, TooLong, _stop
from tests.helpers import CIRCUITS
from thalia.codegen.listing import describe
from thalia.errors import CircuitError
from thalia.publication.citations import citations
from thalia.syntax.yaml_reader import read_yaml

OUTRAGEOUS: list[Any] = [
    *VALUES,
    *("../../../etc/passwd", "/etc/passwd", "./pair.yaml", ".", "..", "/dev/zero", "\0", "a\0b"),
    *("\u202etxt", "\u200b", "\ufeff", "\U000e0041", "\r\n", "\x07", "\x9b2J", "\ud7ff", "é", "ａ"),
    *("$(id)", "`id`", "; rm -rf x", "%s%n", "{0.__class__}", "${HOME}", "\\input{x}", "$\\frac{1}{0}$"),
    *("<script>alert(1)</script>", "[a](javascript:b)", "a|b", '"; int main() {', "*/ /*", "//", "??/"),
    *("__import__('os')", "a.__class__", "lambda: 0", "0 if 1 else 2", "x" * 5000, "(" * 500, "9" * 5000),
    *("1e400 mV", "-1e400 mV", "nan mV", "inf mV", "1 mV mV", "1 mV**999", "1 mV^-999", "0 ms", "-1 ms"),
    *("1e-320 ms", "1e300 s", "normal(nan mV, 1 mV)", "normal(0 mV, inf mV)", "uniform(2 mV, 1 mV)"),
    *("lognormal(0 nS, 1 nS)", "lognormal(1e-300 nS, 1e300 nS)", "gamma(1 ms, 0 ms)", "exponential(0 ms)"),
    *("normal(normal(1, 1), 1)", "normal(1 mV, 1 mV, min=2 mV, max=1 mV)", "drive(nan)", "drive(1e300)"),
    *(2**31, 2**31 - 1, 2**32, 2**63, 2**64, -(2**63), 10**400, 1e308, -1e308, 5e-324, False),
    *([[]], [None], [[[[1]]]], {"": ""}, {"a": None}, {"x": {"y": {"z": 1}}}, [{}], ["a", "a"], [-1]),
    *("1:2", "0:", ":", "::", "-1:", "a[0]", "a[:]", "a.b.c.d", ".a", "a.", "a..b", "A", "1a", "_a", "a-b"),
    *("e > 1", "x == 'y'", "x != ''", "not a", "a and", "'a'", "x > 1e999", "distance < 1 m", "exp(distance)"),
]  # fmt: skip


def odd(data: Any, seed: int) -> Any:
    """Data with one to three places (mostly one) that are replaced, renamed, removed, doubled or exchanged."""
    rng, data = random.Random(seed), json.loads(json.dumps(data))
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        paths = list(leaves(data))
        if not paths:
            break
        *parents, last = rng.choice(paths)
        node = data
        for key in parents:
            node = node[key]
        kind = rng.randrange(12)
        if kind < 6:
            node[last] = rng.choice(OUTRAGEOUS)
        elif kind == 6:
            del node[last]
        elif kind == 7 and isinstance(node, dict):
            node[str(rng.choice(OUTRAGEOUS))] = node.pop(last)
        elif kind == 8 and isinstance(node, dict):
            node[f"{last}_2"] = node[last]
        elif kind == 9:
            *others, key = rng.choice(paths)
            taken = data
            for each in others:
                taken = taken[each]
            node[last] = json.loads(json.dumps(taken[key]))
        elif kind == 10:
            node[last] = [node[last]] * rng.choice([0, 1, 2, 300])
        else:
            node[last] = str(node[last]) + rng.choice(["", " ", "\n", "\0", "#", ": ", "e9", " mV"])
    return data


def outcome(data: Any, folder: Any) -> str:
    """'planned' or 'refused', or what went wrong."""
    signal.signal(signal.SIGALRM, _stop)
    signal.setitimer(signal.ITIMER_REAL, LONGEST)
    try:
        circuit = thalia.loads(json.dumps(data), "fuzz.yaml", folder)
        plan = thalia.plan_of(circuit)
        describe(plan)
        citations(circuit)
        thalia.loads(thalia.dumps(circuit), "again.yaml", folder)
    except CircuitError as error:
        return "refused" if all(each.message for each in error.problems) else "without words"
    except TooLong:
        return "too long"
    except Exception as error:
        return f"{type(error).__name__}: {error}".replace("\n", " ")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return "planned"


def main(first: int, last: int) -> int:
    """Try the seeds, each with one of the circuits in turn, and print what went wrong."""
    counts: Counter[str] = Counter()
    slowest = 0.0
    texts = [(file, read_yaml(file.read_text("utf-8"), file.name)[0]) for file in CIRCUITS]
    for seed in range(first, last):
        file, data = texts[seed % len(texts)]
        begin = time.perf_counter()
        found = outcome(odd(data, seed), file.parent)
        slowest = max(slowest, time.perf_counter() - begin)
        counts[found.partition(":")[0]] += 1
        if found not in ("refused", "planned"):
            print(f"seed {seed} ({file.stem}): {found[:400]}", flush=True)
    print(dict(counts), f"slowest {slowest:.1f} s")
    return int(counts["refused"] + counts["planned"] < last - first)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2])))
