"""Arrays in HDF5 files of strangers: only what is in the file itself, and of a size that it can be.

An HDF5 file can name other files: by links, as external storage of a dataset, or as the parts of a
virtual one. It can also describe an array of any size that takes no space.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from thalia.errors import fail

if TYPE_CHECKING:
    import h5py
    from numpy.typing import NDArray

EXPANSION = 1100  # bytes that deflate makes of one at most: 1032, and what surrounds them
MAX_CHUNK = 64_000_000  # bytes that are decompressed at once
ROWS = 65_536  # that are read at once


def members(group: "h5py.Group") -> dict[str, Any]:
    """What a group holds, by name, without anything that is a link to another place."""
    import h5py  # a tenth of a second, and only such files need it

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
    if data.external or data.is_virtual:
        raise fail(f"{place}: is stored in another file", "copy it, as with `h5repack`")
    if len(data) > most:
        raise fail(f"{place}: has {len(data):,} entries, and at most {most:,} are read")
    if data.chunks and data.chunks[0] * data.dtype.itemsize > MAX_CHUNK:
        raise fail(f"{place}: has chunks of more than {MAX_CHUNK / 1e6:.0f} MB")
    if data.nbytes > EXPANSION * data.id.get_storage_size():
        raise fail(f"{place}: says that it is larger than what is stored of it can be")
    return data


def blocks(*columns: "h5py.Dataset") -> "Iterator[tuple[NDArray[Any], ...]]":
    """The rows of some datasets of the same length, some thousands at a time."""
    for start in range(0, len(columns[0]), ROWS):
        yield tuple(column[start : start + ROWS] for column in columns)
