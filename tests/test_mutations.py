"""Circuit files corrupted in hundreds of ways: each is accepted or rejected with a message, never a traceback."""

import random

import pytest

import thalia
from tests.helpers import ROOT
from thalia.errors import CircuitError

WORDS = ["-1", "0", "1e400", "nan", "true", "null", "[]", "{}", "20 mV", "3 ms", "-5 nS", "1.5", "x", "''", "[1, 2]", "{a: 1}", "*e", "&x 1", "!!python/name:os", "normal(1 nS)",
         "uniform(2 pA, 1 pA)", "9999999999999999999999", "ö", "off", "all", "a.b.c", "..", "10 ms / 0", "- 3", "? 3", "|", "@", "\t"]  # fmt: skip


def corrupted(text: str, seed: int) -> str:
    """One to three changes of a random kind."""
    rng = random.Random(seed)
    for _ in range(rng.randint(1, 3)):
        lines = text.splitlines() or [""]
        at = rng.randrange(len(lines))
        line = lines[at]
        kind = rng.randrange(8)
        if kind == 0:
            del lines[at]
        elif kind == 1:
            lines.insert(at, line)
        elif kind == 2 and ":" in line:
            lines[at] = f"{line.partition(':')[0]}: {rng.choice(WORDS)}"
        elif kind == 3 and line:
            cut = rng.randrange(len(line))
            lines[at] = line[:cut] + rng.choice("{}[],:&*!|>'\"%@`#-? \x00é") + line[cut + 1 :]
        elif kind == 4:
            lines[at] = "  " + line
        elif kind == 5 and line:
            cut = rng.randrange(len(line))
            lines[at] = line[:cut] + line[cut + 1 :]
        elif kind == 6:
            words = line.split(" ")
            words[rng.randrange(len(words))] = rng.choice(WORDS)
            lines[at] = " ".join(words)
        else:
            other = rng.randrange(len(lines))
            lines[at], lines[other] = lines[other], line
        text = "\n".join(lines)
    return text


@pytest.mark.parametrize("seed", range(60))
@pytest.mark.parametrize(
    "name", ["cortex", "reversal", "reward", pytest.param("brain", marks=pytest.mark.slow)]
)
def test_a_corrupted_file_is_accepted_or_rejected_with_a_message(name, seed):
    """Between them the three have regions, a matrix, modulators, files of spikes, and an experiment."""
    file = ROOT / "circuits" / f"{name}.yaml"
    text = corrupted(file.read_text(), seed)

    try:
        thalia.plan_of(thalia.loads(text, "corrupted.yaml", file.parent))
    except CircuitError as error:
        assert error.problems
        assert all(problem.message for problem in error.problems)
