"""Arrays in HDF5 files of strangers: only what is in the file itself, and of a size that it can be.

An HDF5 file can name other files: by links, as external storage of a dataset, or as the parts of a
virtual one. It can also describe an array of any size that takes no space.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from thalia.errors import fail

if TYPE_CHECKING:
    import h5py
    from numpy.typing import NDArray

EXPANSION = 1100  # bytes that deflate makes of one at most: 1032, and what surrounds them
MAX_CHUNK = 64_000_000  # bytes that are decompressed at once
ROWS = 65_536  # that are read at once
MOST_ITEM_BYTES = 100_000  # of one text in an array of texts of one length
HELD = 500_000_000  # bytes of texts that are read before it is known how long they are
FEWEST = 16  # texts that are read at once from files larger than that


def members(group: Any) -> dict[str, Any]:
    """What a group holds by name, without links to other places; nothing if it is no group."""
    import h5py  # a tenth of a second, and only such files need it

    if not isinstance(group, h5py.Group):
        return {}
    return {
        name: group[name]
        for name in group
        if isinstance(group.get(name, getlink=True), h5py.HardLink)
    }


def numbers(data: Any, place: str, kinds: str, most: int) -> "h5py.Dataset":
    """A dataset, checked: numbers of some kinds (as NumPy codes them) in one dimension.

    `place` is what messages call it, and `most` the length from which on it is refused.

    Raises
    ------
    CircuitError
        If it is anything else, or is stored in another file.
    """
    import h5py

    if not isinstance(data, h5py.Dataset) or data.ndim != 1 or data.dtype.kind not in kinds:
        wanted = "numbers" if "f" in kinds else "whole numbers"
        raise fail(f"{place}: expected {wanted} in one dimension")
    check_stored(data, place, most)
    return data


def check_stored(data: "h5py.Dataset", place: str, most: int) -> None:
    """Check that a dataset is in its file, not longer than `most`, and as large as it says.

    Raises
    ------
    CircuitError
        If it is not.
    """
    if data.external or data.is_virtual:
        raise fail(f"{place}: is stored in another file", "copy it, as with `h5repack`")
    if len(data) > most:
        raise fail(f"{place}: has {len(data):,} entries, and at most {most:,} are read")
    if data.chunks and data.chunks[0] * data.dtype.itemsize > MAX_CHUNK:
        raise fail(f"{place}: has chunks of more than {MAX_CHUNK / 1e6:.0f} MB")
    if data.nbytes > EXPANSION * data.id.get_storage_size():
        raise fail(f"{place}: says that it is larger than what is stored of it can be")


def texts(data: Any, place: str, low: int = 0, high: int | None = None) -> "NDArray[Any]":
    """Some rows of a dataset of texts in one dimension, or all of them, (high - low,).

    Texts of any length stand elsewhere in the file. In a file that was made for it all of them may
    be the same long one, so few are read at once, and no more than the file can hold.

    Raises
    ------
    CircuitError
        If it is anything else, or they are longer than the file, or not as long as they say.
    """
    import h5py

    is_text = isinstance(data, h5py.Dataset) and h5py.check_string_dtype(data.dtype) is not None
    if not is_text or data.ndim != 1:
        raise fail(f"{place}: expected texts in one dimension")
    high = len(data) if high is None else high
    size, held = data.file.id.get_filesize(), 0
    if data.dtype.kind == "S" and data.dtype.itemsize > MOST_ITEM_BYTES:
        raise fail(f"{place}: has texts of {data.dtype.itemsize:,} bytes")
    check_stored(data, place, len(data))
    longest = data.dtype.itemsize if data.dtype.kind == "S" else size
    step = max(FEWEST, min(ROWS, HELD // longest))
    found = [np.empty(0, object)]
    for start in range(low, high, step):
        part = data.asstr(errors="replace")[start : min(start + step, high)]
        held += sum(map(len, part))
        if held > size * (EXPANSION if data.dtype.kind == "S" else 1):
            raise fail(f"{place}: has texts that are longer than the file")
        found.append(part)
    return np.concatenate(found)


def blocks(*columns: "h5py.Dataset") -> "Iterator[tuple[NDArray[Any], ...]]":
    """The rows of some datasets of the same length, some thousands at a time."""
    for start in range(0, len(columns[0]), ROWS):
        yield tuple(column[start : start + ROWS] for column in columns)
