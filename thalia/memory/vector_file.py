"""Vectors in files of NumPy, of which nothing runs."""

from pathlib import Path as FilePath

import numpy as np

from thalia.data.numpy_files import read_header, read_numbers
from thalia.errors import fail
from thalia.memory.encoder import Floats
from thalia.syntax.folder import opened

MOST = 100_000_000  # numbers in a file


def read_vectors(file: FilePath) -> Floats:
    """The vectors in a file: one in each row, or a single one.

    Raises
    ------
    CircuitError
        If it is no array of numbers in one or two dimensions, or ends early.
    """
    place = str(file)
    with opened(file, place) as raw:
        header = read_header(raw, place)
        if header.dtype.kind not in "biuf" or len(header.shape) not in (1, 2):
            shape = " x ".join(map(str, header.shape)) or "no shape"
            raise fail(f"{place}: expected rows of numbers, found {header.dtype} of {shape}")
        if header.count > MOST:
            raise fail(f"{place}: has more than {MOST:,} numbers", "store it in parts")
        numbers = read_numbers(raw, header.dtype, header.count, place)
    numbers = numbers.astype(np.float64)
    if len(header.shape) == 1:
        return numbers[None]
    rows, columns = header.shape
    return numbers.reshape(columns, rows).T if header.by_columns else numbers.reshape(rows, columns)
