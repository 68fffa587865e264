"""Make `circuits/worm_neurons.csv` and `circuits/worm_synapses.csv` from the data that the package cect ships.

    pip download --no-deps cect==0.3.5 && unzip cect-0.3.5-py3-none-any.whl 'cect/data/*'
    python -m benchmarks.worm_tables cect/data circuits      (needs openpyxl)

Synapses are those of the hermaphrodite (Cook et al. 2019 Nature 571:63, `herm_full_edgelist.csv`), between neurons, with
the number of sections of electron micrographs as their count. A gap junction is listed there in both directions, which
differ in 26 of 1,346 pairs and are one in six: the larger of the two counts is taken, and each pair is written once.
Those of a neuron on itself carry no current, and are left out. Transmitters are those of Wang et al. (2024) eLife
13:RP95402, supplementary file 2, the first that is named there. The threshold of a neuron is the potential at which the
network of `circuits/worm.yaml` rests, with every synapse half open (Kunert et al. 2014 Phys Rev E 89:052805).
"""

import csv
import re
import sys
from pathlib import Path

import numpy as np

TRANSMITTERS = {"ach": "acetylcholine", "glu": "glutamate", "gaba": "gaba", "da": "dopamine", "5-ht": "serotonin",
                "octopamine": "octopamine", "tyramine": "tyramine", "betaine": "betaine"}  # fmt: skip
# of Kunert et al. (2014), in pS and mV: leak, synapse, gap junction; rest, and where synapses reverse
LEAK, SYNAPSE, JUNCTION, REST, EXCITED, INHIBITED = 10.0, 100.0, 100.0, -35.0, 0.0, -48.0
RISE, DECAY = 1 / 1.5, 5 / 1.5  # per second


def neurons(folder):
    """Name, type and transmitter of the 302 neurons."""
    from openpyxl import load_workbook

    with (folder / "all_cell_info.csv").open(encoding="utf-8") as file:
        kinds = {row["Cell name"].strip(): row["Type"] for row in csv.DictReader(file)}
    sheet = load_workbook(folder / "elife-95402-supp2-v1.xlsx")["Supp File 2"]
    found = {}
    for row in range(5, 307):
        written = sheet.cell(row=row, column=3).value
        if not written:
            continue
        name = {"DB1/3": "DB1", "DB3/1": "DB3"}.get(written.strip(), written.strip())
        said = str(sheet.cell(row=row, column=21).value or "").lower().strip("* ")
        word = re.split(r"[ (]", said)[0]
        found[name] = (kinds.get(name, ""), TRANSMITTERS.get(word, "unknown"))
    return found


def kind_of(text):
    """Sensory, inter- or motor neuron, or of the pharynx."""
    text = text.lower()
    if "pharyngeal" in text or "pharynx" in text:
        return "pharynx"
    if "motor" in text:
        return "motor"
    return "inter" if "interneuron" in text or "canal" in text else "sensory"


def plain(name):
    """`VA01` is VA1 in the other tables."""
    return re.sub(r"^([A-Z]+)0(\d)$", r"\1\2", name.strip())


def synapses(folder, known):
    """Chemical synapses by (pre, post), and gap junctions by pair."""
    chemical, electrical = {}, {}
    with (folder / "herm_full_edgelist.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            pre, post, count = plain(row["Source"]), plain(row["Target"]), int(row["Weight"])
            if pre not in known or post not in known:
                continue
            if row["Type"].strip() == "chemical":
                chemical[pre, post] = count
            elif pre != post:
                pair = tuple(sorted((pre, post)))
                electrical[pair] = max(count, electrical.get(pair, 0))
    return chemical, electrical


def thresholds(cells, chemical, electrical):
    """The potential in mV at which each neuron rests."""
    place = {name: k for k, name in enumerate(cells)}
    open_share = RISE / (RISE + 2 * DECAY)
    matrix, right = np.diag(np.full(len(cells), LEAK)), np.full(len(cells), LEAK * REST)
    for (pre, post), count in chemical.items():
        conductance = SYNAPSE * count * open_share
        matrix[place[post], place[post]] += conductance
        right[place[post]] += conductance * (INHIBITED if cells[pre][1] == "gaba" else EXCITED)
    for pair, count in electrical.items():
        first, second = (place[name] for name in pair)
        for here, there in ((first, second), (second, first)):
            matrix[here, here] += JUNCTION * count
            matrix[here, there] -= JUNCTION * count
    return dict(zip(cells, np.linalg.solve(matrix, right), strict=True))


def write(file, header, rows):
    """A table, each line ended by a newline alone."""
    with file.open("w", encoding="utf-8", newline="") as out:
        csv.writer(out, lineterminator="\n").writerows([header, *rows])


def main(data, circuits):
    """Write both tables."""
    cells = neurons(data)
    chemical, electrical = synapses(data, cells)
    rest = thresholds(cells, chemical, electrical)
    rows = [
        (n, kind_of(text), transmitter, f"{rest[n]:.9g}")
        for n, (text, transmitter) in sorted(cells.items())
    ]
    write(circuits / "worm_neurons.csv", ["name", "kind", "transmitter", "threshold"], rows)
    listed = [
        (*ends, "chemical", count, cells[ends[0]][1]) for ends, count in sorted(chemical.items())
    ]
    listed += [(*ends, "electrical", count, "") for ends, count in sorted(electrical.items())]
    write(circuits / "worm_synapses.csv", ["pre", "post", "kind", "count", "transmitter"], listed)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
