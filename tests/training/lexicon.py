"""Which words the learned lexicon of `conversation` takes as function words.

    python -m tests.training.lexicon --base-seed 700 --seeds 10 --workers 4

In `learned_lexicon` a word is held until the end of the turn, and has conjunctions of its own, only if it is frequent or comes at
its usual place. After learning, prompts with combinations that were never heard are heard once more, and a word is taken as a
function word if it is held at more than half of the times at which it is heard. The templates say which words are (`FUNCTION_WORDS`).
"""

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.rendering import RESULTS
from plots.conditions import provenance
from thalia.compiler.options import with_options
from thalia.compiler.plan import SECOND
from thalia.connectivity.streams import stream
from thalia.syntax.units import Quantities
from thalia.training.dialogue import CONTENT_WORDS, FUNCTION_WORDS, SILENCE, WORDS, Turn
from thalia.training.experiment import checked_task, conditions_of
from thalia.training.speech import HEARD, Speech
from thalia.training.subject import subject_of

KEPT = RESULTS / "lexicon.json"
CONDITION, HELD = "learned_lexicon", "held"
PROMPTS = 100  # that are heard once more


def learned(seed: int, trials: int | None = None) -> dict[str, Any]:
    """The words that a seed takes, and all that were heard; nothing else is tested."""
    numbers = {"held_out": PROMPTS, "removed": []} | ({} if trials is None else {"trials": trials})
    condition = conditions_of("conversation", None, [CONDITION], {}, numbers)[-1]
    circuit = with_options(condition.circuit, seed)
    task = checked_task(circuit, condition.numbers, circuit.folder)
    with subject_of(circuit) as subject:
        task.learn(subject, stream(seed, "experiment"), lambda **_: None)
        data = task.draw(subject.plan, stream(seed, "experiment"))
        speech = task.speech(subject, stream(seed, "dreams"))
        with subject.phase("answering"):
            share = shares(speech, data.held_out)
    return {"taken": [word for word, each in share.items() if each > 0.5], "heard": [*share]}


def shares(speech: Speech, turns: Sequence[Turn]) -> dict[str, float]:
    """In which share of the prompts with a word that word is held."""
    heard, held = Counter[str](), Counter[str]()
    timing, name = speech.timing, speech.names[HEARD]
    for turn in turns:
        places = [WORDS.index(word) for word in (SILENCE, *turn.prompt)]
        shown = np.zeros((2 * len(places), len(WORDS)))
        shown[2 * np.arange(len(places)), places] = 1
        times = np.tile([timing.show.mean, timing.pause.mean], len(places))
        played = speech.subject.play(Quantities(times, SECOND), {name: shown * timing.rate})
        spikes = played.counts(HELD).sum(axis=0)
        speech.end()
        heard.update({*turn.prompt})
        held.update(word for word in {*turn.prompt} if spikes[WORDS.index(word)])
    return {word: held[word] / heard[word] for word in WORDS if heard[word]}


def summary(found: dict[int, dict[str, Any]]) -> dict[str, Any]:
    """How many of both kinds of words each seed takes, and by how many seeds each word is taken."""
    kinds = {"function": {*FUNCTION_WORDS}, "content": {*CONTENT_WORDS}}
    counts = {
        kind: {
            "taken": float(np.mean([len(words & {*each["taken"]}) for each in found.values()])),
            "heard": float(np.mean([len(words & {*each["heard"]}) for each in found.values()])),
        }
        for kind, words in kinds.items()
    }
    taken = Counter(word for each in found.values() for word in each["taken"])
    always = [word for word in WORDS if taken[word] == len(found)]
    return {
        **counts,
        "always": {
            kind: " ".join(w for w in always if w in words) for kind, words in kinds.items()
        },
        "taken_by": {word: taken[word] for word in WORDS if taken[word]},
        "seeds": {str(seed): each for seed, each in found.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base-seed", type=int, default=700)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--trials", type=int, help="in place of all turns, to try it")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("-o", "--output", type=Path, default=KEPT)
    given = parser.parse_args()
    seeds = range(given.base_seed, given.base_seed + given.seeds)
    about = provenance(
        f"python -m tests.training.lexicon --base-seed {given.base_seed} --seeds {given.seeds}"
    )
    found: dict[int, dict[str, Any]] = {}
    with ProcessPoolExecutor(given.workers, get_context("spawn")) as pool:
        for seed, each in zip(
            seeds, pool.map(learned, seeds, [given.trials] * len(seeds)), strict=True
        ):
            found[seed] = each
            given.output.write_text(json.dumps(about | summary(found), indent=1) + "\n", "utf-8")
            print(seed, *each["taken"], flush=True)


if __name__ == "__main__":
    main()
