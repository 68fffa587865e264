"""Datasets that grow during a run, each with a checksum of its contents."""

from typing import Any
from zlib import crc32

import h5py
import numpy as np
from numpy.typing import NDArray

_GROWING: dict[str, Any] = {"maxshape": (None,), "chunks": (65536,)}


class Appending:
    """Collects rows until `flush`, since HDF5 takes as long for a few numbers as for many."""

    def __init__(self, h5: h5py.File):
        self.h5 = h5
        self.rows: dict[str, list[NDArray[Any]]] = {}

    def declare(self, group: Any, name: str, dtype: str, units: str = "") -> None:
        """Create an empty dataset to append to."""
        data = group.create_dataset(name, (0,), dtype, **_GROWING)
        data.attrs["crc32"] = 0
        if units:
            data.attrs["units"] = units

    def append(self, name: str, rows: NDArray[Any]) -> None:
        """Append rows to a dataset, at the next `flush`."""
        self.rows.setdefault(name, []).append(rows)

    def length(self, name: str) -> int:
        """Rows of a dataset, including those not flushed yet."""
        return len(self.h5[name]) + sum(map(len, self.rows.get(name, [])))

    @property
    def held(self) -> int:
        """Bytes in memory until the next `flush`."""
        return sum(each.nbytes for rows in self.rows.values() for each in rows)

    def flush(self) -> None:
        """Write all rows, with one operation per dataset."""
        for name, rows in self.rows.items():
            data, values = self.h5[name], np.concatenate(rows)
            if "crc32" in data.attrs:
                values = np.ascontiguousarray(values, data.dtype)
                data.attrs["crc32"] = crc32(values.tobytes(), int(data.attrs["crc32"]))
            data.resize(len(data) + len(values), axis=0)
            data[len(data) - len(values) :] = values
        self.rows.clear()
