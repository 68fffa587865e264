"""The learning curve of an experiment of the library, with its controls.

python plots/learning.py bandit [-o plots/bandit.png] [--logs experiments/bandit/…]
"""

import argparse
from pathlib import Path

from thalia.figures import activity
from thalia.figures.training import learning_curve
from thalia.training import results
from thalia.training.experiment import learn

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("experiment")
    parser.add_argument("-o", "--output", type=Path)
    parser.add_argument(
        "--logs", type=Path, help="those of a run that is done, in place of a new one"
    )
    options = parser.parse_args()
    outcome = results.read(options.logs) if options.logs else learn(options.experiment)
    activity.save(
        learning_curve(outcome),
        options.output or Path(__file__).with_name(f"{options.experiment}.png"),
    )
