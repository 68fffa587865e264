"""Conversations that are killed: `python -m tests.fuzz.conversations --kills 200 --workers 4 -o results/conversation_kills.json`.

`thalia converse` is told sentences that the script teaches replies to, and to sleep, and is killed (SIGKILL) at a random moment after some
lines, again and again on the same file. After every kill the file must have all turns that it had, and each one that was answered, as it was
answered, with what was taught if that was shown; and the next process goes on with it. Each worker has a file of its own. The file that is
written counts what was going on when the kills came.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from itertools import cycle, islice
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from plots.conditions import provenance
from thalia.training.dialogue import SILENCE
from thalia.training.partner import kept_in

WORDS = 10  # that the network has neurons for
LINES = (
    "hi baby",
    "how are you",
    "/sleep",
    "good night",
)  # and what the script replies: nine words
MOST_LINES = 1000
MOST_SHOWN = 8  # lines that are waited for before a kill
LONGEST = 1.0  # s after them


def turns_in(file):
    """The turns that a file has, none if it is not there."""
    return kept_in(file).turns if file.exists() else []


def kill_once(file, lines, wait, backend=None):
    """Kill a conversation `wait` seconds after so many lines; what is wrong, what it was about, how many answers."""
    before = turns_in(file)
    new = [] if file.exists() else ["--words", str(WORDS)]
    on = ["--backend", backend] if backend else []
    command = [
        sys.executable,
        "-m",
        "thalia",
        "converse",
        str(file),
        "--teacher",
        "scripted",
        *new,
        *on,
    ]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write("".join(f"{line}\n" for line in islice(cycle(LINES), MOST_LINES)))
        process.stdin.flush()
        begun = process.stdout.readline()
        first = [process.stdout.readline() for _ in range(lines)]
        time.sleep(wait)
        process.kill()
        shown = [line[:-1] for line in (*first, *process.stdout) if line.endswith("\n")]
    said = f"it remembers {len(before)} turns" if before else "a new network"
    bad = [] if said in begun else [f"it began with '{begun}', not with '{said}'"]
    return (
        bad + differences(before, turns_in(file), shown),
        interrupted(shown),
        sum(map(is_answer, shown)),
    )


def is_answer(line):
    """Whether a line is what the network said."""
    return line.startswith("< ")


def differences(before, after, shown):
    """What was shown, or was there before, and is not in a file."""
    answers = [line[2:] for line in shown if is_answer(line)]
    lessons = [
        line.removeprefix("  scripted: ") for line in shown if line.startswith("  scripted: ")
    ]
    kept, new = after[: len(before)], after[len(before) :]
    found = [] if kept == before else [f"of {len(before)} turns {len(kept)} are left, or others"]
    if [turn.said or SILENCE for turn in new[: len(answers)]] != answers:
        found.append(f"answered {answers}, kept {new}")
    taught = [
        f"= {turn.taught}" if turn.taught != turn.said else "right" for turn in new[: len(lessons)]
    ]
    if taught != lessons:
        found.append(f"taught {lessons}, kept {new}")
    if len(new) > len(answers) + 1:
        found.append(f"{len(new)} turns are there, of which {len(answers)} were answered")
    return found


def interrupted(shown):
    """What was going on after what was shown: answering, learning, or sleeping."""
    ended = Counter(line.lstrip().split(" ")[0] for line in shown)
    if ended["<"] > ended["attention"]:
        return "learning"
    slept = sum(line == "  it has slept" for line in shown)
    line = LINES[(ended["attention"] + slept) % len(LINES)]
    return "sleeping" if line == "/sleep" else "answering"


def kills(count, seed, backend=None):
    """Kill so many conversations, one after the other: what is wrong, what they were about, how many answers."""
    random, bad, during, answers = np.random.default_rng(seed), [], Counter(), 0
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "conversation.h5"
        for number in range(count):
            wrong, doing, answered = kill_once(
                file, int(random.integers(1, MOST_SHOWN + 1)), random.uniform(0, LONGEST), backend
            )
            bad += [(seed, number, each) for each in wrong]
            during[doing] += 1
            answers += answered
            print(f"{seed}: {number + 1} kills, {answers} answers, {bad}", flush=True)
    return bad, during, answers


def kills_by(workers, count, backend=None):
    """Kill `count` conversations, of which each worker has a share."""
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        shares = [len(range(seed, count, workers)) for seed in range(workers)]
        found = [*pool.map(kills, shares, range(workers), [backend] * workers)]
    bad, during, answers = zip(*found, strict=True)
    return [each for some in bad for each in some], sum(during, Counter()), sum(answers)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--backend")
    parser.add_argument("-o", "--output", type=Path)
    given = parser.parse_args()
    bad, during, answers = kills_by(given.workers, given.kills, given.backend)
    if given.output:
        found = {
            "seeds": [*range(given.workers)],
            "killed": given.kills,
            "answers": answers,
            "lost": len(bad),
            "during": during,
        }
        asked = provenance(f"python -m tests.fuzz.conversations --kills {given.kills}")
        given.output.write_text(json.dumps(asked | found, indent=1) + "\n", "utf-8")
    sys.exit(bool(bad))
