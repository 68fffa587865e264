"""What other methods reach on the data of an experiment, split as the network gets it."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from hashlib import sha256
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thalia.errors import Problem

type Floats = NDArray[np.float64]
type Ints = NDArray[np.int64]

PENALTIES = np.logspace(-3, 3, 13)  # from which the ridge regression chooses, leaving one out


@dataclass(frozen=True)
class Baseline:
    """A method that is no network: what it does, and its final numbers, by the task's measures."""

    says: str
    final: Mapping[str, float]


@dataclass(frozen=True)
class Split:
    """Examples to learn from, (n, n_values), and held-out ones, with their classes, (n,)."""

    values: Floats
    labels: Ints
    held: Floats
    held_labels: Ints


def digest_of(data: Any) -> str:
    """A fingerprint of arrays, numbers, and sequences or dataclasses of these."""
    found = sha256()
    _digest(data, found)
    return found.hexdigest()


def _digest(data: Any, found: Any) -> None:
    if is_dataclass(data):
        data = [getattr(data, each.name) for each in fields(data)]
    if isinstance(data, list | tuple):
        found.update(f"{len(data)} of".encode())
        for each in data:
            _digest(each, found)
    else:
        array = np.ascontiguousarray(data)
        found.update(f"{array.dtype.str} {array.shape}".encode() + array.tobytes())


def missing_library(what: str) -> list[Problem]:
    """The problem that baselines cannot be computed, if scikit-learn is not installed."""
    if find_spec("sklearn"):
        return []
    message = f"the baselines of {what} need scikit-learn, which is not installed"
    return [Problem(("experiment", "task"), message, "pip install 'thalia[learn]'")]


def nearest(values: Floats, labels: NDArray[Any], asked: Floats) -> NDArray[Any]:
    """The label of the nearest example, (n_asked,)."""
    from sklearn.neighbors import NearestNeighbors

    fitted = NearestNeighbors(n_neighbors=1).fit(values)
    return np.asarray(labels[fitted.kneighbors(asked, return_distance=False)[:, 0]])


def nearest_mean(values: Floats, labels: Ints, asked: Floats) -> Ints:
    """The class whose mean is the nearest, (n_asked,)."""
    classes = np.unique(labels)
    means = np.array([values[labels == each].mean(axis=0) for each in classes])
    return nearest(means, classes, asked)


def classifiers(
    split: Split, size: int, random: np.random.Generator
) -> dict[str, tuple[str, Ints]]:
    """What each method does, and the classes that it gives the held-out examples.

    Parameters
    ----------
    size : int
        Neurons of the network's layer: as many clusters, and as many prototypes.
    """
    values, labels, held = split.values, split.labels, split.held
    some = random.permutation(len(values))[:size]
    found = {
        "nearest_neighbour": (
            "the class of the nearest of all training examples",
            nearest(values, labels, held),
        ),
        "class_means": ("the class with the nearest mean", nearest_mean(values, labels, held)),
        "k_means": (
            f"{size} clusters, as many as neurons, each with its most frequent class",
            _clusters(split, size, random),
        ),
        "random_prototypes": (
            f"the class of the nearest of {len(some)} training examples drawn at random",
            nearest(values[some], labels[some], held),
        ),
    }
    if len(np.unique(labels)) > 1:
        answers = logistic_regression(values, labels, held)
        found["logistic_regression"] = ("logistic regression of standardised values", answers)
    return found


def logistic_regression(values: Floats, labels: Ints, asked: Floats) -> Ints:
    """The most likely class, (n_asked,), by logistic regression of standardised values, C = 1."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    fitted = make_pipeline(StandardScaler(), LogisticRegression(max_iter=5000))
    return np.asarray(fitted.fit(values, labels).predict(asked))


def _clusters(split: Split, size: int, random: np.random.Generator) -> Ints:
    """The class of each held-out example's cluster."""
    from sklearn.cluster import KMeans

    most = min(size, len(np.unique(split.values, axis=0)))
    fitted = KMeans(most, n_init=10, random_state=int(random.integers(2**31))).fit(split.values)
    classes = int(split.labels.max()) + 1
    counts = np.zeros((most, classes))
    np.add.at(counts, (fitted.labels_, split.labels), 1)
    return np.asarray(counts.argmax(axis=1)[fitted.predict(split.held)])


def regressions(values: Floats, wanted: Floats, asked: Floats) -> dict[str, Floats]:
    """The answers of each method to the points asked, (n_asked,)."""
    from sklearn.linear_model import LinearRegression, RidgeCV

    return {
        "mean": np.full(len(asked), wanted.mean()),
        "least_squares": LinearRegression().fit(values, wanted).predict(asked),
        "ridge": RidgeCV(PENALTIES).fit(values, wanted).predict(asked),
        "nearest_neighbour": nearest(values, wanted, asked),
    }


REGRESSIONS = {
    "mean": "the mean of the values that are taught",
    "least_squares": "a linear function with a constant, by least squares",
    "ridge": "the same with a penalty on its weights, chosen by leaving one out",
    "nearest_neighbour": "the value of the nearest point that is taught",
}
