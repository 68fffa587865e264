"""The learning curve of an experiment of the library, with its controls.

python plots/learning.py bandit [-o plots/bandit.png] [--logs experiments/bandit/…] [--seeds 5]
"""

import argparse
from pathlib import Path

import thalia

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("experiment")
    parser.add_argument("-o", "--output", type=Path)
    parser.add_argument("--logs", type=Path, help="folder of an earlier run, which is completed")
    parser.add_argument("--controls", nargs="*", help="which of them; all by default")
    parser.add_argument("--seeds", type=int, help="fewer or more than the experiment says")
    parser.add_argument("--base-seed", type=int, default=700, help="the first; these tuned nothing")
    parser.add_argument("--trials", type=int)
    parser.add_argument("--workers", type=int)
    options = parser.parse_args()
    outcome = thalia.learn(
        options.experiment,
        output=options.logs,
        controls=options.controls,
        seeds=options.seeds,
        base_seed=options.base_seed,
        trials=options.trials,
        workers=options.workers,
    )
    thalia.figures.save(
        thalia.figures.learning_curve(outcome),
        options.output or Path(__file__).with_name(f"{options.experiment}.png"),
    )
