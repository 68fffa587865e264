"""What a turn of a conversation takes, by the number of words that the network has neurons for.

    uv run python -m benchmarks.conversation --words 71,200,800 --turns 20

`thalia converse` is talked to from outside: in each turn its script asks, the network answers, is taught, and all of it is kept in the
file, which is replaced before the answer is shown and after it was learned from. Seconds are of wall-clock time, on one thread, medians
over turns. Memory is what is resident of the command and of the program that simulates, after the last turn.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import thalia
from benchmarks.rendering import RESULTS
from benchmarks.speed import children, resident, write
from plots.conditions import provenance

KEPT = RESULTS / "speed" / "conversation.json"
COLUMNS = {
    "neurons": "neurons",
    "start_s": "before the first turn, s",
    "model_s": "model time of a turn, s",
    "answer_s": "until the answer, s",
    "learn_s": "from then until it has learned, s",
    "file_mb": "file, MB",
    "program_mb": "program, MB",
    "command_mb": "command, MB",
}


def until(talk: subprocess.Popen[str], begins: str) -> float:
    """The seconds until a line that begins so is shown."""
    begin, told = perf_counter(), talk.stdout
    assert told
    for line in told:
        if line.startswith(begins):
            return perf_counter() - begin
    raise SystemExit(f"the conversation ended before '{begins}'")


def measured(words: int, turns: int, seed: int) -> dict[str, Any]:
    """A row: what comes before the first turn, and medians over turns."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "conversation.h5"
        options = ["--teacher", "scripted", "--words", str(words), "--seed", str(seed)]
        command = [sys.executable, "-m", "thalia", "converse", str(file), *options]
        one = {"OMP_NUM_THREADS": "1", "THALIA_THREADS": "1"}
        with subprocess.Popen(
            command,
            env=os.environ | one,
            encoding="utf-8",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as talk:
            assert talk.stdin
            start = until(talk, "  a new network")
            answers, lessons = [], []
            for _ in range(turns):
                talk.stdin.write("/practice 1\n")
                talk.stdin.flush()
                answers.append(until(talk, "< "))
                lessons.append(until(talk, "  attention"))
            program = max(map(resident, children(talk.pid)), default=0.0)
            row = {"start_s": start, "answer_s": median(answers), "learn_s": median(lessons)}
            row |= {"program_mb": program, "command_mb": resident(talk.pid)}
            talk.stdin.close()
        run = thalia.Run(file)
        row |= {"model_s": run.duration / turns, "file_mb": file.stat().st_size / 1e6}
        rounded = {name: float(f"{value:.3g}") for name, value in row.items()}
        return {"neurons": sum(run.sizes.values()), **rounded}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--words", default="71,200,800", help="numbers of words, with commas")
    parser.add_argument("--turns", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", type=Path, default=KEPT)
    options = parser.parse_args()
    asked = f"--words {options.words} --turns {options.turns} --seed {options.seed}"
    about = {
        **provenance(f"python -m benchmarks.conversation {asked}"),
        "seeds": [options.seed],
        "side": "words",
        "columns": COLUMNS,
    }
    rows = {}
    for words in options.words.split(","):
        rows[words] = measured(int(words), options.turns, options.seed)
        print(words, rows[words], flush=True)
        write(options.output, about | {"sides": rows})


if __name__ == "__main__":
    main()
