"""How well counts predict the next symbol of a sequence, and how well any prediction does."""

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

type Floats = NDArray[np.float64]
type Ints = NDArray[np.int64]

SMOOTHINGS = np.geomspace(1e-3, 100, 51)  # of which one is chosen, in spikes


def cross_entropy(predicted: Floats, symbols: Ints) -> float:
    """The mean negative logarithm of the probabilities of the symbols that came, in nat.

    Parameters
    ----------
    predicted : (n, n_symbols)
        Probabilities, each row adding up to one.
    symbols : (n,)
    """
    return -float(np.mean(np.log(predicted[np.arange(len(symbols)), symbols])))


def probabilities(counts: NDArray[np.int64], smoothing: float) -> Floats:
    """Counts of spikes, (n, n_symbols), as probabilities: each has so much added first."""
    raised = counts + smoothing
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def fitted_smoothing(counts: NDArray[np.int64], symbols: Ints) -> float:
    """The constant that predicts symbols best from their counts, the only one that is fitted."""
    found = [cross_entropy(probabilities(counts, each), symbols) for each in SMOOTHINGS]
    return float(SMOOTHINGS[int(np.argmin(found))])


def ngram(
    order: int, learned: Ints, asked: Ints, first: int, alphabet: int, apart: int = 0
) -> Floats:
    """Probabilities of the symbols asked from place `first` on, (n_asked - first, n_symbols).

    Each depends on the `order - 1` symbols before it, and the counts of all shorter contexts are
    interpolated as by Witten & Bell (1991, IEEE Trans Inf Theory 37:1085): a context that was seen
    N times, with T different successors, has the weight N/(N + T) against the next shorter one. The
    shortest of all is the uniform distribution. With `apart`, nothing is known of what came before
    each sequence of so many symbols.
    """
    found = np.full((len(asked) - first, alphabet), 1 / alphabet)
    for length in range(order):
        table: dict[bytes, Floats] = defaultdict(lambda: np.zeros(alphabet))
        for place in range(length, len(learned)):
            table[learned[place - length : place].tobytes()][learned[place]] += 1
        for row, place in enumerate(range(first, len(asked))):
            if length > (place % apart if apart else place):
                continue
            context = asked[place - length : place].tobytes()
            if context in table:
                seen = table[context]
                kinds = np.count_nonzero(seen)
                found[row] = (seen + kinds * found[row]) / (seen.sum() + kinds)
    return found
