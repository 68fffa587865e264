"""An array that grows at its end, without ever being there twice where its length is known."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

FACTOR = 1.5  # by which it grows; memory that is not written to is not taken


class Growing:
    """Numbers that are appended; `length` is how many they will be, if that is known, else 0."""

    def __init__(self, dtype: Any, length: int = 0):
        self.values: NDArray[Any] = np.empty(length, dtype)
        self.count = 0

    def append(self, part: NDArray[Any]) -> None:
        """Add numbers at the end."""
        end = self.count + len(part)
        if end > len(self.values):
            grown = np.empty(max(end, int(FACTOR * len(self.values))), self.values.dtype)
            grown[: self.count] = self.values[: self.count]
            self.values = grown
        self.values[self.count : end] = part
        self.count = end

    def taken(self) -> NDArray[Any]:
        """The numbers, which this object no longer holds."""
        found, self.values = self.values[: self.count], self.values[:0].copy()
        return found
