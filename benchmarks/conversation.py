"""What a turn of a conversation takes, by the number of words that the network has neurons for.

    uv run python -m benchmarks.conversation --words 71,200,800 --turns 20

Turns of the thirty templates, drawn at random, are each asked, answered, taught and kept, as in `thalia converse FILE --teacher
scripted` with `/practice`, on one thread. Seconds are of wall-clock time. `keep_s` of these is spent on replacing the file, twice a
turn. Memory is what is resident of this process and of the program that simulates, when the turns are over.
"""

import argparse
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.rendering import RESULTS
from benchmarks.speed import memory_in_use, processor_seconds, write
from plots.conditions import provenance
from thalia.training.dialogue import every_turn
from thalia.training.partner import Partner, conversation_in

KEPT = RESULTS / "speed" / "conversation.json"
DIGITS = 3
COLUMNS = {
    "neurons": "neurons",
    "synapses": "synapses",
    "start_s": "before the first turn, s",
    "model_s": "model time of a turn, s",
    "answer_s": "until the answer, s",
    "learn_s": "until it has learned, s",
    "keep_s": "of both, for the file, s",
    "file_mb": "file, MB",
    "program_mb": "program, MB",
    "commands_mb": "commands, MB",
}


def timed_saves(partner: Partner) -> list[float]:
    """The seconds of each time that the file is replaced, from now on."""
    taken: list[float] = []
    save = partner.save

    def measured() -> None:
        begin = perf_counter()
        save()
        taken.append(perf_counter() - begin)

    partner.save = measured  # type: ignore[method-assign]
    return taken


def talk(partner: Partner, turns: int, seed: int) -> dict[str, list[float]]:
    """The seconds of each turn, by what they went to, and those of model time."""
    drawn = np.random.default_rng(seed).permutation(len(every_turn()))[:turns]
    dt, saves = float(partner.subject.plan.dt), timed_saves(partner)
    found: dict[str, list[float]] = {
        name: [] for name in ("answer_s", "learn_s", "keep_s", "model_s")
    }
    for place in drawn:
        turn, begin, step = every_turn()[int(place)], perf_counter(), partner.subject.done
        saves.clear()
        partner.hear(turn.prompt)
        answered = perf_counter()
        partner.learn(turn.reply, "scripted")
        found["answer_s"].append(answered - begin)
        found["learn_s"].append(perf_counter() - answered)
        found["keep_s"].append(sum(saves))
        found["model_s"].append((partner.subject.done - step) * dt)
    return found


def measured(words: int, turns: int, seed: int) -> dict[str, Any]:
    """A row: sizes, what comes before the first turn, and medians over turns."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "conversation.h5"
        begin, used = perf_counter(), processor_seconds()
        with conversation_in(file, words, seed, "cpp") as partner:
            started, of_start = perf_counter() - begin, processor_seconds() - used
            plan, arrays = partner.subject.plan, partner.subject.arrays
            found = talk(partner, turns, seed)
            program, commands = memory_in_use()
            row = {
                "neurons": sum(member.size for _, member in plan.populations()),
                "synapses": sum(map(len, arrays.synapses.values())),
                "start_s": started,
                "start_processor_s": of_start,
                **{name: median(values) for name, values in found.items()},
                "file_mb": file.stat().st_size / 1e6,
                "program_mb": program,
                "commands_mb": commands,
            }
    return {k: float(f"{v:.{DIGITS}g}") if isinstance(v, float) else v for k, v in row.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--words", default="71,200,800", help="numbers of words, with commas")
    parser.add_argument("--turns", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", type=Path, default=KEPT)
    options = parser.parse_args()
    rows = {}
    for words in options.words.split(","):
        rows[words] = measured(int(words), options.turns, options.seed)
        print(words, rows[words], flush=True)
        command = (
            f"python -m benchmarks.conversation --words {options.words} --turns {options.turns} "
            f"--seed {options.seed}"
        )
        write(
            options.output,
            {
                **provenance(),
                "command": command,
                "side": "words",
                "columns": COLUMNS,
                "sides": rows,
            },
        )


if __name__ == "__main__":
    main()
