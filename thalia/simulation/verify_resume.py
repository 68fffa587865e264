"""Check that a resumed run is bit-identical to an uninterrupted one, in all that it records."""

from contextlib import suppress
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path as FilePath
from tempfile import TemporaryDirectory
from typing import Any

from thalia.backends import Progress, silent
from thalia.circuit.spec import Circuit
from thalia.compiler.options import CompilerOptions
from thalia.compiler.pipeline import compile_circuit
from thalia.compiler.plan import SECOND
from thalia.errors import fail
from thalia.recording.page_checksums import reading
from thalia.simulation.checkpoint import read_state
from thalia.simulation.diff import compare, datasets
from thalia.simulation.resume import resume
from thalia.simulation.run import run
from thalia.syntax.units import constant


@dataclass(frozen=True)
class Verdict:
    """The result of a comparison: how much was compared, and the names of what differs."""

    name: str
    backend: str
    seed: int
    duration: float
    cuts: tuple[float, ...]
    spikes: int
    weights: int
    variables: int
    bytes: int
    different: tuple[str, ...]
    threads: tuple[int, ...] = ()

    @property
    def identical(self) -> bool:
        """Whether every bit is the same."""
        return not self.different

    def text(self) -> str:
        """A sentence that can be quoted."""
        cuts = ", ".join(f"{cut:g}" for cut in self.cuts)
        subject = (
            f"{self.name} on backend {self.backend}, seed {self.seed}, "
            f"{self.duration:g} s, cut at {cuts} s"
        )
        if self.threads:
            subject += f", on {self.threads[0]} and {', '.join(map(str, self.threads[1:]))} threads"
        states = f"{self.variables} state variables ({self.bytes:,} bytes)"
        compared = f"{self.spikes:,} spikes, {self.weights:,} recorded weights, {states}"
        if self.identical:
            return f"{subject}: resumed and uninterrupted run are bit-identical: {compared}"
        return f"{subject}: DIFFERENT in {', '.join(self.different)}; compared: {compared}"


class _Interrupted(Exception):
    """A run was interrupted on purpose."""


def verify(
    circuit: Circuit,
    *,
    backend: str | None = None,
    duration: str | None = None,
    pieces: int = 3,
    threads: tuple[int, ...] = (),
    progress: Progress = silent,
) -> Verdict:
    """Compare a run with one that is interrupted and resumed after each checkpoint.

    Parameters
    ----------
    pieces : int
        Number of pieces; their length is not a round number.
    threads : numbers of threads, optional
        Of the run as a whole, then of one piece after the other, and again from the first on.

    Raises
    ------
    CircuitError
        For anything wrong with the circuit, or if there is nothing to cut.
    """
    plan = compile_circuit(circuit, CompilerOptions(duration=duration)).plan
    options: dict[str, Any] = {"backend": backend, "duration": duration}
    if not 2 <= pieces <= plan.steps:
        raise fail(f"expected from 2 pieces to {plan.steps:,}, one a step, found {pieces}")
    length = -(-plan.steps * 8 // (pieces * 8 - 1))  # the last piece is an eighth shorter
    numbers = cycle(threads or (None,))
    cuts = tuple(range(length, plan.steps, length))
    every = constant(length * plan.dt, SECOND)

    def stop_at(step: int) -> Progress:
        def report(what: str, fraction: float, detail: str = "") -> None:
            progress(what, fraction, detail)
            if what == "simulating" and step <= round(fraction * plan.steps) < plan.steps:
                raise _Interrupted

        return report

    with TemporaryDirectory() as folder:
        whole, parts = FilePath(folder) / "whole.h5", FilePath(folder) / "parts.h5"
        done = run(circuit, output=whole, **options, threads=next(numbers), progress=progress)
        with suppress(_Interrupted):
            run(
                circuit,
                output=parts,
                **options,
                checkpoint_every=every,
                threads=next(numbers),
                progress=stop_at(cuts[0]),
            )
        for cut in (*cuts[1:], plan.steps):
            with suppress(_Interrupted):
                resume(parts, checkpoint_every=every, threads=next(numbers), progress=stop_at(cut))
        different = compare(whole, parts)
        with reading(whole) as first:
            saved = read_state(first, whole)
            state = saved.variables if saved else {}
            spikes = sum(
                len(node) for name, node in datasets(first, "spikes") if name.endswith("node_ids")
            )
            weights = sum(
                node.size for name, node in datasets(first, "weights") if name.endswith("/w")
            )
    return Verdict(
        plan.name,
        str(done.attributes["backend"]),
        plan.seed,
        plan.duration,
        tuple(step * plan.dt for step in cuts),
        spikes,
        weights,
        len(state),
        sum(values.nbytes for values in state.values()),
        tuple(different),
        threads,
    )
