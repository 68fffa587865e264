"""Currents and rates over time from files: npy, npz and csv, a row for each time.

Only numbers are read: objects, which could run code, are refused before anything is loaded, and so
is what would not fit.
"""

import csv
from base64 import b64encode
from io import BytesIO, StringIO
from pathlib import Path as FilePath
from typing import IO

import numpy as np
from numpy.typing import NDArray

from thalia.data.files import decoded
from thalia.data.numpy_files import Archive, Header, read_header, read_numbers
from thalia.errors import fail
from thalia.syntax.folder import Folder, opened, read_text

MOST_NUMBERS = 20_000_000  # 160 MB
MAX_BYTES = 500_000_000  # of a text
STORED = ".npy.base64"  # what the names of series end with that are stored as text
_HINT = "save numbers by time, or by time and neuron, with `numpy.save`"


def read_series(folder: Folder, name: str, array: str | None) -> NDArray[np.float64]:
    """The numbers of a file, (n_times,) or (n_times, n_traces), as they stand there.

    Parameters
    ----------
    array : str or None
        Which array of an npz file; by default its only one.

    Raises
    ------
    CircuitError
        If it cannot be read, holds anything but finite numbers, or too many.
    """
    if name.endswith(STORED):
        return _alone(BytesIO(decoded(folder.text(name), name)), name)
    file, ending = folder.file(name), FilePath(name).suffix.lower()
    name = folder.named(name)
    if ending == ".csv":
        return _finite(_text(read_text(file, name, MAX_BYTES), name), name)
    if ending not in (".npy", ".npz"):
        raise fail(f"{name}: expected a file that ends with .npy, .npz or .csv", _HINT)
    with opened(file, name) as raw:
        found = _alone(raw, name) if ending == ".npy" else _packed(raw, name, array)
    return _finite(found, name)


def as_text(numbers: NDArray[np.float64]) -> str:
    """Numbers as text, which `read_series` reads from a name that ends with `STORED`."""
    held = BytesIO()
    np.save(held, numbers)
    return b64encode(held.getvalue()).decode()


def _alone(raw: IO[bytes], name: str) -> NDArray[np.float64]:
    return _array(read_header(raw, name), raw, name)


def _packed(raw: IO[bytes], name: str, array: str | None) -> NDArray[np.float64]:
    archive = Archive(raw, name)
    known = list(archive.members)
    if array is None and len(known) != 1:
        listed = ", ".join(known[:8])
        raise fail(f"{name}: holds {len(known)} arrays", f"say `array:`, one of {listed}")
    chosen = array or known[0]
    with archive.array(chosen) as (header, stream):
        return _array(header, stream, f"{name}: '{chosen}'")


def _array(header: Header, raw: IO[bytes], name: str) -> NDArray[np.float64]:
    shape, dtype = header.shape, header.dtype
    if dtype.kind not in "biuf" or len(shape) not in (1, 2) or 0 in shape:
        found = f"{dtype} of the shape {shape}"
        raise fail(f"{name}: expected numbers by time, or by time and neuron, found {found}")
    _check_count(header.count, name)
    flat = read_numbers(raw, dtype, header.count, name)
    order = flat.reshape(shape[::-1]).T if header.by_columns else flat.reshape(shape)
    return order.astype(np.float64)


def _text(text: str, name: str) -> NDArray[np.float64]:
    """Rows of numbers; lines that begin with # and a first row of names are left out."""
    rows: list[list[float]] = []
    count, lines = 0, csv.reader(StringIO(text))
    try:
        for row in lines:
            if not row or row[0].lstrip().startswith("#"):
                continue
            if not rows and not count and all(not _is_number(each) for each in row):
                continue
            rows.append([float(each) for each in row])
            count += len(row)
            _check_count(count, name)
            if len(row) != len(rows[0]):
                wanted = f"expected {len(rows[0])} columns, as in the first row"
                raise fail(f"{name}:{lines.line_num}: {wanted}, found {len(row)}")
    except (ValueError, csv.Error):
        raise fail(f"{name}:{lines.line_num}: expected numbers between commas") from None
    if not rows:
        raise fail(f"{name}: holds no numbers")
    return np.array(rows)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _check_count(count: int, name: str) -> None:
    if count > MOST_NUMBERS:
        raise fail(
            f"{name}: has more than {MOST_NUMBERS:,} numbers, the most that are read",
            "use a longer dt, or fewer neurons",
        )


def _finite(numbers: NDArray[np.float64], name: str) -> NDArray[np.float64]:
    wrong = np.argwhere(~np.isfinite(numbers))
    if len(wrong):
        place = ", ".join(str(index) for index in wrong[0].tolist())
        found = numbers[tuple(wrong[0])]
        raise fail(f"{name}: expected finite numbers, found {found} at [{place}]")
    return numbers
