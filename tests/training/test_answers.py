"""An experiment that is killed in the middle of a seed goes on from its last checkpoint, with the same numbers."""

import json
import os
import signal
from pathlib import Path
from zlib import compress

import numpy as np
import pytest
from brian2 import hertz

import thalia
from tests.helpers import thalia as command
from tests.training.test_subject import SLOW, outcome
from thalia.errors import CircuitError
from thalia.simulation import checkpoint
from thalia.training import answers
from thalia.training.answers import Checkpoint
from thalia.training.subject import subject_of

PHASES = """
experiment:
  {task: bandit, result: a, curve: a, phases: {sleep: {plasticity: off, modulators: {dopamine: {tonic: 0.9}}, stimuli: {source: 5 Hz}}}}
"""
CALLS = 12


class KilledError(Exception):
    """Stands for a signal."""


def learn(subject, die_at=None):
    """A task that asks for all there is, and whose further course depends on every answer."""
    random = np.random.default_rng(5)
    told = []
    for trial in range(CALLS):
        if trial == die_at:
            os.kill(os.getpid(), signal.SIGKILL)
        rates = random.uniform(0, 60, 60) * hertz
        counts = subject.present("40 ms", {"source": rates}).counts("cells")
        subject.release("dopamine", counts.sum() / 10)
        drive = 1 + 100 * subject.weights("p").mean() + abs(subject.read("cells", "v").mean())
        drive += sum(subject.gauges().values())
        if trial % 4 == 1:
            with subject.frozen():
                counts = subject.play(
                    "10 ms", {"source": [drive, 2 * drive] * hertz}, "5 ms"
                ).counts("cells")
        if trial % 4 == 2:
            with subject.phase("sleep"):
                subject.present("30 ms")
        if trial == 3:
            early = subject.remember()
        if trial == 6:
            subject.forget()
        if trial == 9:
            subject.restore(early)
        told.append((drive, counts.tolist()))
    return told


def steps_simulated(subject):
    """The steps that a subject simulates from now on."""
    simulated = []
    advance, play = subject.session.advance, subject.session.play
    subject.session.advance = lambda steps: simulated.append(steps) or advance(steps)
    subject.session.play = lambda pieces: play((c, simulated.append(n) or n) for c, n in pieces)
    return simulated


@pytest.fixture
def always(monkeypatch):
    """A state is saved at every opportunity."""
    monkeypatch.setattr(checkpoint, "SHARE", 0)


def killed_at(trial, kept, backend):
    """What a process leaves that is killed at the beginning of a trial."""
    if (child := os.fork()) == 0:
        try:
            learn(subject_of(thalia.loads(SLOW + PHASES), backend, checkpoint=kept), trial)
        finally:
            os._exit(1)
    return os.waitpid(child, 0)[1]


@pytest.mark.parametrize("kills", [[1], [4], [7], [2, 5, 6, 11]])
def test_a_killed_task_goes_on_with_the_same_answers(tmp_path, always, kills):
    """At the last answer that was kept, wherever it was: within a test or a phase, after something was forgotten."""
    with subject_of(thalia.loads(SLOW + PHASES), "runtime") as subject:
        whole = steps_simulated(subject)
        expected = learn(subject), outcome(subject)

    kept = Checkpoint(tmp_path / "kept.h5", "this")
    for trial in kills:
        assert killed_at(trial, kept, "runtime") == signal.SIGKILL
    with subject_of(thalia.loads(SLOW + PHASES), "runtime", checkpoint=kept) as subject:
        simulated = steps_simulated(subject)
        found = learn(subject), outcome(subject)

    assert found == expected
    assert sum(simulated) <= sum(whole) - 40 * (kills[-1] - 1)
    assert [*tmp_path.iterdir()] == []


def test_on_the_compiled_backend_too(tmp_path, always):
    with subject_of(thalia.loads(SLOW + PHASES), "cpp") as subject:
        expected = learn(subject), outcome(subject)
    kept = Checkpoint(tmp_path / "kept.h5", "this")
    assert killed_at(9, kept, "cpp") == signal.SIGKILL
    with subject_of(thalia.loads(SLOW + PHASES), "cpp", checkpoint=kept) as subject:
        found = learn(subject), outcome(subject)

    assert found == expected


def test_a_checkpoint_of_another_job_is_not_gone_on_from(tmp_path, always):
    assert killed_at(5, Checkpoint(tmp_path / "kept.h5", "this"), "runtime") == signal.SIGKILL
    other = Checkpoint(tmp_path / "kept.h5", "other")
    with subject_of(thalia.loads(SLOW + PHASES), "runtime", checkpoint=other) as subject:
        simulated = steps_simulated(subject)
        subject.present("40 ms")

    assert sum(simulated) == 40


def test_a_task_that_takes_another_course_is_told(tmp_path, always):
    kept = Checkpoint(tmp_path / "kept.h5", "this")
    assert killed_at(5, kept, "runtime") == signal.SIGKILL
    with (
        pytest.raises(CircuitError, match="asks for the spikes until step 50, and before it was interrupted for the spikes until step 40"),
        subject_of(thalia.loads(SLOW + PHASES), "runtime", checkpoint=kept) as subject,
    ):  # fmt: skip
        subject.present("50 ms")

    assert kept.file.exists()


def test_of_an_experiment_that_is_too_long_nothing_is_kept(tmp_path, always, monkeypatch):
    monkeypatch.setattr(answers, "MOST_BYTES", 2000)
    kept = Checkpoint(tmp_path / "kept.h5", "this")
    with subject_of(thalia.loads(SLOW + PHASES), "runtime", checkpoint=kept) as subject:
        subject.present("40 ms")
        subject.present("40 ms")
        short = kept.file.exists()
        learn(subject)

        assert (short, kept.file.exists()) == (True, False)


TASK = '''
import os
import signal
from pathlib import Path

from thalia.simulation import checkpoint
from thalia.training.tasks import Environment

checkpoint.SHARE = 0


class Deadly(Environment):
    """Presents, and kills its process once in the middle, as a batch system might."""

    trials: int = 6
    mark: str

    def learn(self, subject, random, note):
        for trial in range(self.trials):
            if trial == 4 and self.mark and not Path(self.mark).exists():
                Path(self.mark).touch()
                os.kill(os.getpid(), signal.SIGKILL)
            note(spikes=subject.present("100 ms", {"source": f"{60 * random.random()!r} Hz"}).total("cells"))
        return {"weight": subject.weights("p").mean()}
'''
SECTION = """
experiment: {task: ./deadly.py, seeds: 2, result: weight, curve: spikes, mark: ""}
"""


@pytest.mark.slow
def test_the_log_of_an_experiment_whose_workers_were_killed_is_the_same(tmp_path):
    (tmp_path / "deadly.py").write_text(TASK)
    (tmp_path / "deadly.yaml").write_text(SLOW + SECTION)
    common = ("learn", "deadly.yaml", "--backend", "runtime", "--workers", "1")
    whole = command(*common, "-o", "whole", folder=tmp_path)
    killed = command(*common, "-o", "killed", "--set", "experiment.mark=mark", folder=tmp_path)
    logs = [
        json.loads((tmp_path / name / "learning.json").read_text()) for name in ("whole", "killed")
    ]

    assert (whole.returncode, killed.returncode) == (0, 0), killed.stderr
    assert (tmp_path / "mark").exists()
    assert logs[0]["runs"] == logs[1]["runs"]
    assert [each["presentations"] for each in logs[1]["costs"]] == [6, 6]
    assert [*(tmp_path / "killed" / "unfinished").iterdir()] == []


def block(content):
    packed = compress(content)
    return len(packed).to_bytes(answers.LENGTH, "little") + packed


@pytest.mark.parametrize(
    "stored",
    [
        b"nothing of the kind",
        block(b"neither"),
        block((4).to_bytes(answers.LENGTH, "little") + b'"a" '),
        block((20).to_bytes(answers.LENGTH, "little") + b'["q",[["a","|O",8]]]' + b"x" * 8),
        block(bytes(2000)),
    ],
)
def test_answers_that_are_none_are_told(stored, monkeypatch):
    """They may be a stranger's, who wrote their checksums as well, or a bomb."""
    monkeypatch.setattr(answers, "MOST_AT_ONCE", 1000)

    with pytest.raises(CircuitError, match=r"x\.h5: holds no answers of an experiment"):
        list(answers._records(stored, Path("x.h5")))
