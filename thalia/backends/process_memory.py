"""Copying arrays into and out of the memory of a program that this process has started.

One copy, on all cores, where the pipe would take two and a switch of processes for each megabyte.
Only Linux can; a container may forbid it.
"""

import ctypes
import mmap
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

from numpy.typing import NDArray

from thalia.compiler.machine import available_processors

LEAST = 1 << 20  # bytes of an array that is not sent through the pipe
PIECE = 1 << 26  # bytes that one call copies


class _Range(ctypes.Structure):
    _fields_ = [("address", ctypes.c_void_p), ("bytes", ctypes.c_size_t)]


def copy_into(process: int, address: int, array: NDArray[Any], gives_up: bool = False) -> bool:
    """Copy an array to an address of a process; False if that is not possible here.

    `gives_up` says that nobody reads the array any more: its memory goes as it is copied.
    """
    done = _give_up if gives_up else _keep
    return _copy("process_vm_writev", process, address, array, done)


def copy_from(process: int, address: int, array: NDArray[Any]) -> bool:
    """Fill an array with what stands at an address; False if that is not possible here."""
    return _copy("process_vm_readv", process, address, array, _keep)


def _keep(address: int, size: int) -> None:
    """Do nothing with memory whose content was copied."""


def _give_up(address: int, size: int) -> None:
    """Return whole pages of private memory to the system, which makes them zeros."""
    advise = _system_call("madvise")
    first = -(-address // mmap.PAGESIZE) * mmap.PAGESIZE
    stop = (address + size) // mmap.PAGESIZE * mmap.PAGESIZE
    if advise is not None and stop > first:
        advise(ctypes.c_void_p(first), ctypes.c_size_t(stop - first), mmap.MADV_DONTNEED)


@cache
def _system_call(name: str) -> Callable[..., int] | None:
    try:
        call = getattr(ctypes.CDLL(None, use_errno=True), name)
    except (OSError, AttributeError, TypeError):  # TypeError: Windows has no such library
        return None
    call.restype = ctypes.c_ssize_t
    found: Callable[..., int] = call
    return found


def _copy(
    name: str, process: int, address: int, array: NDArray[Any], then: Callable[[int, int], None]
) -> bool:
    if (call := _system_call(name)) is None:
        return False
    assert array.flags.c_contiguous
    one = ctypes.c_ulong(1)

    def piece(start: int) -> bool:
        done, end = start, min(start + PIECE, array.nbytes)
        while done < end:
            ranges = (_Range(at + done, end - done) for at in (array.ctypes.data, address))
            here, there = map(ctypes.byref, ranges)
            copied = call(process, here, one, there, one, ctypes.c_ulong(0))
            if copied <= 0:
                return False
            done += copied
        then(array.ctypes.data + start, end - start)
        return True

    starts = range(0, array.nbytes, PIECE)
    if len(starts) == 1:  # threads cost more than a small copy
        return piece(0)
    with ThreadPoolExecutor(available_processors()) as pool:
        return all(pool.map(piece, starts))
