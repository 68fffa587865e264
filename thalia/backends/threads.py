"""On how many threads a compiled circuit computes. Its results do not depend on it."""

import os

from thalia.compiler.machine import available_processors
from thalia.errors import fail

VARIABLE = "THALIA_THREADS"
MOST = 1024


def check_threads(number: int, backend: str) -> None:
    """Refuse a number of threads that cannot be.

    Raises
    ------
    CircuitError
        If it is not from 1 to 1024, or the backend has no threads.
    """
    if not 1 <= number <= MOST:
        raise fail(
            f"--threads: expected a number from 1 to {MOST}, found {number}",
            f"there are {available_processors()} processors; without --threads, the program "
            "chooses the fastest number",
        )
    if backend != "cpp":
        reason = {"cuda": "its threads are those of the GPU", "runtime": "NumPy computes on one"}
        raise fail(
            f"--threads: the backend '{backend}' has no choice of threads: {reason[backend]}",
            "use --backend cpp, or leave --threads out",
        )


def threads_available() -> int:
    """The number of threads that a program may use: `THALIA_THREADS`, or the processors.

    Raises
    ------
    CircuitError
        If the variable is no such number.
    """
    text = os.environ.get(VARIABLE, "")
    if not text:
        return min(available_processors(), MOST)
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= MOST:
        raise fail(
            f"the environment variable {VARIABLE}: expected a number from 1 to {MOST}, found "
            f"'{text}'",
            f"unset {VARIABLE}, or set it to the number of threads that a run may use",
        )
    return int(text)
