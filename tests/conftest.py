"""What many tests need: circuits as text, pairing protocols, and the counting of what was not run."""

import gc
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings

import thalia
from thalia.recording.run_file import Run

BY_HAND = ("slow", "reference", "peer", "gpu")
# of properties that simulate; the same examples each time, so that a failure is that of the change
settings.register_profile("few", max_examples=5, derandomize=True, deadline=None)
settings.register_profile("many", max_examples=50, deadline=None)
settings.load_profile("few")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="write the expected texts of errors and plans anew",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Slow tests run only when their mark is asked for; the summary counts the others."""
    wanted = config.option.markexpr
    skipped = [
        item
        for item in items
        if not wanted and any(item.get_closest_marker(mark) for mark in BY_HAND)
    ]
    config.stash[NOT_RUN] = counts = {
        mark: sum(item.get_closest_marker(mark) is not None for item in skipped) for mark in BY_HAND
    }
    if hasattr(config, "workeroutput"):
        config.workeroutput["not_run"] = counts
    items[:] = [item for item in items if item not in skipped]
    config.hook.pytest_deselected(items=skipped)


NOT_RUN = pytest.StashKey[dict[str, int]]()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Every process of a run in parallel collects the same tests, and tells what it left out."""
    node.config.stash[NOT_RUN] = getattr(node, "workeroutput", {}).get("not_run", {})


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    """Keep imported modules out of the collections of garbage, one of which Brian2 asks for before every run."""
    imported = len(sys.modules)
    if "brian2" in sys.modules and item.config.stash.get(FROZEN, 0) < imported:
        gc.collect()
        gc.freeze()
        item.config.stash[FROZEN] = imported


FROZEN = pytest.StashKey[int]()


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    counts = {mark: count for mark, count in config.stash.get(NOT_RUN, {}).items() if count}
    if counts:
        listed = ", ".join(f"{count} with -m {mark}" for mark, count in counts.items())
        terminalreporter.write_line(f"not run here, by hand only: {listed}")


@pytest.fixture(scope="session", autouse=True)
def compiled_programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One cache of compiled programs for all processes of a test run, empty at its start, instead of the user's."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("THALIA_CACHE", str(folder / "programs"))
        yield


@pytest.fixture(scope="session", autouse=True)
def no_waiting_for_disks() -> Iterator[None]:
    """Files of tests need not outlast the machine: ten waits for a disk per run are a fifth of a small one's time.

    Processes that are killed run for themselves, with `fsync`.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


@pytest.fixture
def simulate(tmp_path: Path) -> Callable[..., Run]:
    """Run circuit text on the NumPy runtime (or another backend) and give the run."""
    count = iter(range(1000))

    def run(text: str, **options: object) -> Run:
        options = {"backend": "runtime", "output": tmp_path / f"{next(count)}.h5", **options}
        return thalia.run(thalia.loads(text, folder=tmp_path), **options)

    return run


@pytest.fixture
def final_weights(simulate: Callable[..., Run]) -> Callable[..., np.ndarray]:
    """Final weights of one-to-one synapses whose two cells fire at given times (ms), as the synapse sees them.

    Presynaptic spikes are played 0.1 ms early for the axonal delay, postsynaptic ones are forced by a strong
    input, which takes 0.2 ms, and reach the synapse after the dendritic delay.
    """

    def run(
        rule: str, pre: Sequence[Sequence[float]], post: Sequence[Sequence[float]], *, w: float, w_max: float = 1.0,
        dendritic: float = 0.0, **options: object,
    ) -> np.ndarray:  # fmt: skip
        last = max(t for train in (*pre, *post) for t in train)
        text = _PROTOCOL.format(
            size=len(pre), rule=rule, w=w, w_max=w_max, dendritic=dendritic, duration=last + 5,
            pre=_times(pre, 0.1), post=_times(post, 0.2),
        )  # fmt: skip
        return simulate(text, **options).weights["plastic"].w[-1]

    return run


def _times(trains: Sequence[Sequence[float]], early: float) -> str:
    listed = (
        "{}: [{}]".format(i, ", ".join(f"{t - early:.6f} ms" for t in train))
        for i, train in enumerate(trains)
    )
    return "{" + ", ".join(listed) + "}"


_PROTOCOL = """
thalia: 1
name: protocol
duration: {duration} ms
populations:
  pre: {{neuron: spike_source, size: {size}}}
  trigger: {{neuron: spike_source, size: {size}}}
  post: {{neuron: lif_current, size: {size}, parameters: {{t_ref: 0.5 ms}}}}
pathways:
  plastic:
    pre: pre
    post: post
    connect: {{rule: one_to_one}}
    synapse: current_exp
    weight: {w} pA
    delay: {{axonal: 0.1 ms, dendritic: {dendritic} ms}}
    w_max: {w_max} pA
    plasticity: [{rule}]
  force:
    pre: trigger
    post: post
    connect: {{rule: one_to_one}}
    synapse: delta
    weight: 100 mV
    delay: 0.1 ms
stimuli:
  pre: {{kind: spikes, target: pre, times: {pre}}}
  post: {{kind: spikes, target: trigger, times: {post}}}
"""
