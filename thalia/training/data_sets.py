"""The data that tasks show: sets that come with scikit-learn, and users' own."""

from functools import lru_cache
from typing import Any

import numpy as np

from thalia.data.files import data_file
from thalia.data.labelled import Labelled, read_labelled
from thalia.errors import fail
from thalia.syntax.folder import Folder

BUILT_IN = ("digits", "iris", "wine", "breast_cancer")


def data_set(
    data: str, folder: Folder, side: int | None = None, inverted: bool = False
) -> Labelled:
    """Examples with values between 0 and 1: a set of scikit-learn, or a file or folder of data.

    Raises
    ------
    CircuitError
        If there is none of this name, it cannot be read, or scikit-learn is not installed.
    """
    if data in BUILT_IN:
        if side or inverted:
            raise fail(f"'{data}' is shown as it is, without `side` and `inverted`")
        return _built_in(data)
    if not folder.has(data):
        hint = f"a file, a folder, or one of {', '.join(BUILT_IN)}"
        raise fail(f"there is no data set '{folder.named(data)}'", hint)
    return read_labelled(data_file(folder, data, folders=True), side, inverted)


@lru_cache(maxsize=4)
def _built_in(data: str) -> Labelled:
    try:
        from sklearn import datasets
    except ImportError:
        raise fail(
            f"the data set '{data}' needs scikit-learn, which is not installed",
            "pip install 'thalia[learn]'",
        ) from None
    found = getattr(datasets, f"load_{data}")()
    values, low, high = found.data, found.data.min(axis=0), found.data.max(axis=0)
    scaled: Any = values / values.max() if data == "digits" else (values - low) / (high - low)
    classes = tuple(map(str, found.target_names))
    shape = (8, 8) if data == "digits" else values.shape[1:]
    return Labelled(data, scaled, found.target.astype(np.int64), classes, shape)
