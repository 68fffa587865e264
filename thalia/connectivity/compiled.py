"""Drawing synapses and putting them into order, compiled: `wiring.cpp` on all cores."""

import ctypes
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path as FilePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thalia.connectivity import laws, step_tables
from thalia.connectivity.laws import Law
from thalia.connectivity.reference import (
    Columns,
    Connected,
    Ints,
    Longs,
    Numbers,
    NumpyKernels,
    Pairs,
    Path,
    Steps,
)
from thalia.connectivity.streams import Stream
from thalia.errors import CircuitError, NotCompiled
from thalia.toolchain.compiler import CompileError, find_compiler, library
from thalia.toolchain.locks import Hold

SOURCE = FilePath(__file__).with_name("wiring.cpp")
KINDS = ("constant", "uniform", "normal", "lognormal")
TASK = 1 << 18  # synapses, or words, that a thread takes at a time
_Long, _Double, _Pointer = ctypes.c_int64, ctypes.c_double, ctypes.c_void_p


class _Stream(ctypes.Structure):
    _fields_ = [("key", ctypes.c_uint64 * 2)]


class _Steps(ctypes.Structure):
    _fields_ = [
        ("thresholds", _Pointer), ("guide", _Pointer), ("given", _Pointer), ("stream", _Stream),
        ("count", _Long), ("first", _Long),
    ]  # fmt: skip


class _Numbers(ctypes.Structure):
    _fields_ = [
        ("given", _Pointer), ("stream", _Stream), ("kind", _Long), ("mirrored", _Long),
        ("location", _Double), ("scale", _Double), ("base", _Double), ("width", _Double),
        ("low", _Double), ("high", _Double),
    ]  # fmt: skip


class _Path(ctypes.Structure):
    _fields_ = [
        ("starts", _Pointer), ("targets", _Pointer), ("stream", _Stream), ("width", _Long),
        ("skips_own", _Long), ("first_target", _Long), ("number", _Long), ("axonal", _Steps),
        ("dendritic", _Steps), ("numbers", _Pointer),
    ]  # fmt: skip


class _Columns(ctypes.Structure):
    _fields_ = [
        ("starts", _Pointer), ("post", _Pointer), ("axonal", _Pointer), ("dendritic", _Pointer),
        ("owner", _Pointer), ("axonal_bytes", _Long), ("dendritic_bytes", _Long),
        ("owner_bytes", _Long), ("variables", _Pointer), ("variable_count", _Long),
        ("post_bits", _Long), ("delay_bits", _Long),
    ]  # fmt: skip


@dataclass(frozen=True)
class Library:
    """The compiled functions, and what keeps them in the cache while they are in use."""

    functions: ctypes.CDLL
    hold: Hold


@cache
def compiled_library() -> Library | None:
    """The functions of `wiring.cpp`, compiled once per machine; None if that does not work here.

    Why a compiler fails is told in a warning, once: the same network comes out of NumPy, later.
    """
    texts = {SOURCE.name: SOURCE.read_text("utf-8"), "coefficients.h": _coefficients()}
    try:
        if not find_compiler():
            return None  # which is told where the backend is chosen
        file, hold = library("wiring", texts)
        functions = ctypes.CDLL(str(file))
    except (CompileError, CircuitError, OSError) as error:
        warnings.warn(
            f"synapses are drawn by NumPy, which takes about ten times as long: {error}",
            NotCompiled,
            stacklevel=2,
        )
        return None
    functions.draw_pairs.restype = _Long
    return Library(functions, hold)


def _coefficients() -> str:
    """The numbers that both implementations compute with, as C++."""
    polynomials = {"LOGARITHM": laws.LOGARITHM, "EXPONENTIAL": laws.EXPONENTIAL}
    for name in ("MIDDLE", "TAIL", "FAR"):
        above, below = getattr(laws, name)
        polynomials |= {f"{name}_ABOVE": above, f"{name}_BELOW": below}
    lines = [
        f"constexpr double {name}[] = {{{', '.join(map(float.hex, numbers))}}};"
        for name, numbers in polynomials.items()
    ]
    numbers = {
        "LN2_HIGH": laws.LN2_HIGH, "LN2_LOW": laws.LN2_LOW, "LARGEST": laws.LARGEST,
        "SQUARE_ROOT_OF_2": 2**0.5,
    }  # fmt: skip
    lines += [f"constexpr double {name} = {float.hex(x)};" for name, x in numbers.items()]
    lines += [
        f"constexpr int {name} = {getattr(step_tables, name)};"
        for name in ("WORD_BITS", "GUIDE_BITS")
    ]
    return "\n".join(["#pragma once", *lines, ""])


class CompiledKernels(NumpyKernels):
    """The steps of wiring that handle every synapse, on some threads."""

    def __init__(self, compiled: Library, threads: int):
        self.call = compiled.functions
        self.threads = threads

    def _all(self, job: Callable[[int, int], Any], ends: Sequence[int]) -> list[Any]:
        """The results of a job for each range between two ends, in their order."""
        with ThreadPoolExecutor(self.threads) as pool:
            return list(pool.map(job, ends[:-1], ends[1:]))

    def histogram(self, stream: Stream, count: int, size: int) -> Longs:
        """How many of `count` words stand for each of `size` numbers."""

        def job(first: int, end: int) -> Longs:
            counts = np.zeros(size, np.int64)
            self.call.count_below(
                _stream(stream), _Long(first), _Long(end), _Long(size), _at(counts)
            )
            return counts

        parts = self._all(job, _shares(count, self.threads))
        return np.sum(parts, axis=0, dtype=np.int64) if parts else np.zeros(size, np.int64)

    def partners(
        self, stream: Stream, neurons: int, degree: int, width: int, skips_own: bool
    ) -> Ints:
        """`degree` partners of each neuron, drawn from `width` others with replacement."""
        return self._of_each(self.call.draw_partners, stream, neurons, degree, width, skips_own)

    def distinct(
        self, stream: Stream, neurons: int, degree: int, width: int, skips_own: bool
    ) -> Ints:
        """The same without replacement, sorted."""
        return self._of_each(self.call.draw_distinct, stream, neurons, degree, width, skips_own)

    def _of_each(
        self, draw: Any, stream: Stream, neurons: int, degree: int, width: int, skips_own: bool
    ) -> Ints:
        found = np.empty(neurons * degree, np.int32)

        def job(first: int, end: int) -> None:
            numbers = (_Long(each) for each in (first, end, degree, width, skips_own))
            draw(_stream(stream), *numbers, _at(found[first * degree :]))

        self._all(job, _parts(neurons, max(1, TASK // max(1, degree))))
        return found

    def _blocks_of_pairs(self, wanted: Pairs) -> Iterator[tuple[Longs, Ints]]:
        with ThreadPoolExecutor(self.threads) as pool:
            yield from pool.map(lambda block: self._block_of_pairs(wanted, *block), wanted.blocks())

    def _block_of_pairs(
        self, wanted: Pairs, first: int, end: int, word: int, room: int
    ) -> tuple[Longs, Ints]:
        counts, targets = np.empty(end - first, np.int64), np.empty(room, np.int32)
        made = self.call.draw_pairs(
            _stream(wanted.stream), _Long(word), _Double(wanted.inverse_log), _Long(first),
            _Long(end), _Long(wanted.n_post), _Long(wanted.skips_own), _Long(room), _at(counts),
            _at(targets),
        )  # fmt: skip
        if made < 0:
            raise RuntimeError("more pairs were drawn than is possible")
        return counts, targets[:made].copy()

    def by_source(self, partners: Ints, degree: int, n_pre: int) -> tuple[Longs, Ints]:
        """Synapses that are listed target by target, source by source."""
        neurons = len(partners) // max(1, degree)
        ends = _shares(neurons, self.threads)

        def count(first: int, end: int) -> Longs:
            counts, here = np.zeros(n_pre, np.int64), partners[first * degree : end * degree]
            self.call.count_sources(_at(here), _Long(len(here)), _at(counts))
            return counts

        parts = np.array([np.zeros(n_pre, np.int64), *self._all(count, ends)])
        total = parts.sum(axis=0)
        places = np.cumsum(parts[:-1], axis=0) + (np.cumsum(total) - total)
        targets = np.empty(len(partners), np.int32)

        def place(first: int, end: int) -> None:
            self.call.by_source(
                _at(partners[first * degree :]), _Long(first), _Long(end), _Long(degree),
                _at(places[ends.index(first)]), _at(targets),
            )  # fmt: skip

        self._all(place, ends)
        return total, targets

    def rows(self, paths: Sequence[Path], columns: Columns) -> None:
        """Draw the synapses of a source population along all its pathways, in order."""
        most = int(np.diff(columns.starts).max(initial=1))
        if columns.post_bits + columns.delay_bits + max(most, 1 << 13).bit_length() > 64:
            super().rows(paths, columns)
            return
        kept: list[Any] = []  # what the structures point to
        all_paths = (_Path * len(paths))(*(_path(path, kept) for path in paths))
        pointers = (_Pointer * len(columns.variables))(*(_at(each) for each in columns.variables))
        sides = columns.axonal, columns.dendritic
        where = _Columns(
            _at(columns.starts), _at(columns.post), *map(_at, sides), _at(columns.owner),
            *(0 if each is None else each.itemsize for each in (*sides, columns.owner)),
            ctypes.cast(pointers, _Pointer), len(pointers), columns.post_bits, columns.delay_bits,
        )  # fmt: skip

        def job(first: int, end: int) -> None:
            self.call.draw_rows(
                all_paths, _Long(len(paths)), ctypes.byref(where), _Long(first), _Long(end)
            )

        total = int(columns.starts[-1])
        cuts = np.searchsorted(columns.starts, np.arange(TASK, total, TASK))
        neurons = len(columns.starts) - 1
        self._all(job, sorted({0, *cuts[cuts < neurons].tolist(), neurons}))


def _at(array: NDArray[Any] | None) -> ctypes.c_void_p:
    assert array is None or array.flags.c_contiguous
    return _Pointer(None if array is None else array.ctypes.data)


def _stream(stream: Stream) -> Any:
    return ctypes.byref(_Stream((ctypes.c_uint64 * 2)(*stream.key)))


def _key(stream: Stream) -> _Stream:
    return _Stream((ctypes.c_uint64 * 2)(*stream.key))


def _path(path: Path, kept: list[Any]) -> _Path:
    connected: Connected = path.connected
    numbers = (_Numbers * len(path.variables))(*map(_numbers, path.variables))
    kept += [path, numbers]
    return _Path(
        _at(connected.starts), _at(connected.targets), _key(connected.stream), connected.width,
        connected.skips_own, path.first_target, path.number, _steps(path.axonal),
        _steps(path.dendritic), ctypes.cast(numbers, _Pointer),
    )  # fmt: skip


def _steps(steps: Steps) -> _Steps:
    table, key = steps.table, _key(steps.stream)
    if table is None:
        return _Steps(None, None, _at(steps.given), key, 0, 0)
    return _Steps(
        _at(table.thresholds), _at(table.guide), None, key, len(table.thresholds), table.first
    )


def _numbers(numbers: Numbers) -> _Numbers:
    return _Numbers(_at(numbers.given), _key(numbers.stream), *_law(numbers.law))


def _law(law: Law) -> tuple[int | float, ...]:
    """The fields of a law, in their order in C++."""
    limits = law.base, law.width, law.low, law.high
    return KINDS.index(law.kind), law.mirrored, law.location, law.scale, *limits


def _parts(count: int, size: int) -> list[int]:
    """The ends of parts of a size."""
    return [*range(0, count, size), count]


def _shares(count: int, parts: int) -> list[int]:
    """The ends of as many parts of about the same size."""
    return [count * k // parts for k in range(parts + 1)]
