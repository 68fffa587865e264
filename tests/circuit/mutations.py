"""Circuits of which one or two values are replaced. By hand: `python -m tests.circuit.mutations 200`."""

import json
import random
import sys
from collections import Counter

import thalia
from tests.helpers import CIRCUITS
from thalia.errors import CircuitError
from thalia.syntax.yaml_reader import read_yaml

VALUES = [
    "inf", "nan", "1e5", "1_000", "0x10", "yes", "~", "2001-01-01", "  x ", "a: b", "a #b", "a\nb", "", "[a]", "1,2", "\x1b[31m", 0, 1, -1, 0.1, 1e-300, 1 / 3,
    12345678901234567890, True, None, [], {}, "3 mV", "1.5 nS", "normal(1 nS, 0.1 nS)", "uniform(0.1 ms, 3 ms)", "1e-3 nS", "0.30000000000000004 mV",
    "all", "off", 1e16, 123456789.123456789, "20 Hz", "lognormal(1 nS, 1 nS, max=3 nS)", "drive(0.5)", "1e22 mV", "-0.0 mV", "1 mV/ms", -0.0,
]  # fmt: skip


def leaves(data, path=()):
    """The paths of everything in plain data."""
    inside = (
        data.items()
        if isinstance(data, dict)
        else enumerate(data)
        if isinstance(data, list)
        else ()
    )
    for key, value in inside:
        yield (*path, key)
        yield from leaves(value, (*path, key))


def mutated(data, seed):
    """The data with one or two values replaced."""
    rng, data = random.Random(seed), json.loads(json.dumps(data))
    for _ in range(rng.randint(1, 2)):
        *parents, last = rng.choice(list(leaves(data)))
        node = data
        for key in parents:
            node = node[key]
        node[last] = rng.choice(VALUES)
    return data


def outcome(data, folder):
    """`same` after a round trip, `refused`, or what went wrong."""
    try:
        circuit = thalia.loads(json.dumps(data), folder=folder)
    except CircuitError:
        return "refused"
    same = thalia.loads(thalia.dumps(circuit), folder=folder) == circuit
    return "same" if same else "different"


def main(count):
    found = Counter(
        outcome(mutated(read_yaml(file.read_text("utf-8"), "x.yaml")[0], seed), file.parent)
        for file in CIRCUITS
        for seed in range(count)
    )
    print(dict(found))


if __name__ == "__main__":
    main(int(sys.argv[1]))
