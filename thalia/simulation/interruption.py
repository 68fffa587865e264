"""Ends that are asked for: Ctrl-C, and the signals with which batch systems end what they run.

They raise an exception at once, so that everything is cleaned up, but while a network is simulated
they wait until its state was saved.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

SENT_AGAIN_SECONDS = 0.01  # after which an end is asked for again that Python could not raise

type Handler = Callable[[int, FrameType | None], None]

# of a batch system, and of a terminal that is closed; Windows has not both
TERMINATING = tuple(signal.Signals[name] for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))


class Terminated(SystemExit):
    """The process was asked to end; its status is the one of a process that the signal ended."""

    def __init__(self, number: int):
        super().__init__(128 + number)
        self.number = number
        self.signal = signal.Signals(number).name

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.number,)


def end(number: int, frame: FrameType | None = None) -> None:
    """Raise what a signal stands for."""
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise Terminated(number)


@contextmanager
def terminable() -> Iterator[None]:
    """Raise `Terminated` if the process is asked to end meanwhile, so that it cleans up."""
    with _handled_by(end, TERMINATING), _sent_again():
        yield


@contextmanager
def _sent_again() -> Iterator[None]:
    """Ask again for an end that came while an object was finalised, where Python only prints it."""
    before = sys.unraisablehook

    def hook(lost: "sys.UnraisableHookArgs") -> None:
        if not isinstance(lost.exc_value, Terminated | KeyboardInterrupt):
            before(lost)
            return
        number = getattr(lost.exc_value, "number", signal.SIGINT)
        again = threading.Timer(SENT_AGAIN_SECONDS, os.kill, (os.getpid(), number))
        again.daemon = True
        again.start()

    sys.unraisablehook = hook
    try:
        yield
    finally:
        sys.unraisablehook = before


class EndRequest:
    """An end that was asked for, and waits until it is suitable."""

    def __init__(self) -> None:
        self.number = 0

    @property
    def pending(self) -> bool:
        """Whether there is one."""
        return self.number != 0

    @contextmanager
    def awaited(self) -> Iterator[None]:
        """Let an end wait meanwhile; asked for a second time, it comes at once."""
        with _handled_by(self._note, (signal.SIGINT, *TERMINATING)):
            yield
        self.grant()

    def grant(self) -> None:
        """End now, if it was asked for."""
        if self.pending:
            end(self.number)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.pending:
            end(number)
        self.number = number


@contextmanager
def _handled_by(handler: Handler, signals: tuple[signal.Signals, ...]) -> Iterator[None]:
    """Handle signals meanwhile, except those that are ignored, or that somebody else handles."""
    kept = {}
    try:
        if threading.current_thread() is threading.main_thread():
            for number in signals:
                before = signal.getsignal(number)
                if _is_usual(before):
                    kept[number] = before
                    signal.signal(number, handler)
        yield
    finally:
        for number, before in kept.items():
            signal.signal(number, before)


def _is_usual(handler: object) -> bool:
    """Whether a signal is handled as by default; Brian2 only adds that `Network.run` returns."""
    usual = (signal.SIG_DFL, signal.default_int_handler, end)
    return handler in usual or type(handler).__module__ == "brian2"
