"""Odours as the fly smells them: rates measured of receptors, and those of projection neurons.

`tables/hallem_carlson_2006.csv` has the responses of 24 receptors to 110 odours, in spikes per
second above the spontaneous rate, which is its last row: Hallem & Carlson (2006) Cell 125:143,
doi:10.1016/j.cell.2006.01.050. It is the file of the package drosolf 0.1.3 (T. O'Connell, GPL-3).
"""

import csv
from functools import lru_cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from thalia.errors import did_you_mean, fail

type Floats = NDArray[np.float64]

TABLE = "hallem_carlson_2006.csv"
# of the fit to projection neurons, Olsen, Bhandawat & Wilson (2010) Neuron 66:287,
# doi:10.1016/j.neuron.2010.04.009; the numbers are those of drosolf, from memory of the paper
MOST, HALF, EXPONENT = 165.0, 12.0, 1.5  # Hz, Hz, and the power of the rate of a receptor
LATERAL = 10.63 / 190  # inhibition per summed rate of all receptors


@lru_cache(maxsize=1)
def receptor_rates() -> dict[str, Floats]:
    """The rate of each receptor in Hz while an odour is smelled, (24,), by the odour's name.

    Spontaneous rates are in it; a response below zero is silence.
    """
    text = (files("thalia.training") / "tables" / TABLE).read_text("utf-8")
    _, names, *rows = csv.reader(text.splitlines())
    receptors = slice(1, len(names) - 1)  # the last column is the number of the substance
    numbers = {row[0]: np.array(row[receptors], float) for row in rows}
    spontaneous = numbers.popitem()[1]
    return {name: np.clip(each + spontaneous, 0, None) for name, each in numbers.items()}


def projection_rates(receptors: Floats) -> Floats:
    """The rates of the projection neurons of each receptor's glomerulus, in Hz.

    Those of a receptor saturate, and are divided by what all others do: lateral inhibition of the
    antennal lobe, as in Olsen, Bhandawat & Wilson (2010) Neuron 66:287.

    Parameters
    ----------
    receptors : (..., n_receptors) Hz
    """
    own = receptors**EXPONENT
    lateral = LATERAL * receptors.sum(axis=-1, keepdims=True)
    return np.asarray(MOST * own / (own + HALF**EXPONENT + lateral**EXPONENT))


def smelled(name: str) -> Floats:
    """The rates of projection neurons to which an odour leads, (24,) Hz.

    Raises
    ------
    CircuitError
        If it was not measured.
    """
    known = receptor_rates()
    if name not in known:
        raise fail(f"'{name}' is not among the {len(known)} odours", did_you_mean(name, known))
    return projection_rates(known[name])
