"""Make `circuits/fly_neurons.csv` and `circuits/fly_synapses.csv`: a small invented connectome with the columns of the public one.

    python -m benchmarks.fly_tables circuits

The 21 sugar neurons have their true identifiers (FlyWire, as in the example of philshiu/Drosophila_brain_model); the 279
others, and all synapses, are invented: 10 targets of each neuron at random, with heavy-tailed counts, a fifth inhibitory.
"""

import csv
import sys
from pathlib import Path

import numpy as np

SUGAR = [
    "720575940624963786", "720575940630233916", "720575940637568838", "720575940638202345",
    "720575940617000768", "720575940630797113", "720575940632889389", "720575940621754367",
    "720575940621502051", "720575940640649691", "720575940639332736", "720575940616885538",
    "720575940639198653", "720575940620900446", "720575940617937543", "720575940632425919",
    "720575940633143833", "720575940612670570", "720575940628853239", "720575940629176663",
    "720575940611875570",
]  # fmt: skip
SIZE, TARGETS, INHIBITORY = 300, 10, 0.2
HEADER = ["Presynaptic_ID", "Postsynaptic_ID", "Presynaptic_Index", "Postsynaptic_Index",
          "Connectivity", "Excitatory", "Excitatory x Connectivity"]  # fmt: skip


def main(folder):
    """Write both tables."""
    generator = np.random.default_rng(783)
    names = sorted(SUGAR) + [str(720575940700000000 + 7919 * k) for k in range(SIZE - len(SUGAR))]
    names.sort()
    signs = np.where(generator.random(SIZE) < INHIBITORY, -1, 1)
    signs[[names.index(name) for name in SUGAR]] = 1
    with (folder / "fly_neurons.csv").open("w", encoding="utf-8", newline="") as out:
        rows = [(name, int(name in SUGAR)) for name in names]
        csv.writer(out, lineterminator="\n").writerows([("root_id", "excited"), *rows])
    with (folder / "fly_synapses.csv").open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(HEADER)
        for pre in range(SIZE):
            others = np.delete(np.arange(SIZE), pre)
            for post in sorted(generator.choice(others, TARGETS, replace=False).tolist()):
                count, sign = int(np.ceil(4 * (1 + generator.pareto(2)))), int(signs[pre])
                count = min(count, 200)
                writer.writerow((names[pre], names[post], pre, post, count, sign, count * sign))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
