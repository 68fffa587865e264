"""Pattern generation (Bellec et al. 2020): a curve over a second from fixed input spikes."""

from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from thalia.analysis.intervals import Range
from thalia.compiler.plan import HERTZ, SECOND, Plan
from thalia.errors import Problem, did_you_mean
from thalia.syntax.fields import PositiveTime
from thalia.syntax.time_grid import interval_steps
from thalia.syntax.units import Quantities, constant
from thalia.training.subject import Subject
from thalia.training.tasks import AMOUNT, Environment, Note

type Floats = NDArray[np.float64]


class PatternGeneration(Environment):
    """A target of four sines of random amplitude and phase, and input spikes, fixed by the seed.

    In every step the inputs that spike get as much rate as fires them at once, and the readout its
    target. Between trials nothing is taught for a while. With `spikes: new` the input is another in
    every trial, and says nothing of the time. `mirrors` names feedback pathways that begin as the
    mirror image of a readout pathway, times `mirror_scale`.
    """

    STIMULI: ClassVar = ("input",)
    READOUT: ClassVar = ("value",)

    trials: int = Field(200, ge=1)
    periods: tuple[int, ...] = (1, 2, 3, 5)  # of the sines, in one trial
    share: float = Field(0.05, gt=0, lt=1)  # of the inputs that spike in a step
    spikes: Literal["kept", "new"] = "kept"
    mirrors: dict[str, str] = {}
    mirror_scale: float = 1.0
    show: PositiveTime
    pause: PositiveTime

    def problems(self, plan: Plan) -> list[Problem]:
        """What does not fit between the task and a circuit."""
        known = [member.name for _, member in plan.pathways()]
        found = super().problems(plan)
        for feedback, readout in self.mirrors.items():
            for name in {feedback, readout} - {*known}:
                where = ("experiment", "mirrors", feedback)
                found.append(
                    Problem(where, f"no pathway is called '{name}'", did_you_mean(name, known))
                )
        return found

    def range_of(self, number: str) -> Range:
        """All are squared errors."""
        return AMOUNT

    def learn(self, subject: Subject, random: np.random.Generator, note: Note) -> dict[str, float]:
        """Train, then test without learning; squared errors are relative to the target's square."""
        steps = interval_steps(self.show.mean, subject.plan.dt)
        target, spikes = self._target(steps, random), self._spikes(subject, steps, random)
        for feedback, readout in self.mirrors.items():
            _mirror(subject, readout, feedback, self.mirror_scale)
        with subject.frozen():
            untrained = self._error(subject, spikes, target)
        for _ in range(self.trials):
            shown = spikes if self.spikes == "kept" else self._spikes(subject, steps, random)
            note(error=self._error(subject, shown, target))
        with subject.frozen():
            trained = self._error(subject, spikes, target)
        return {"error": trained, "untrained": untrained}

    def _target(self, steps: int, random: np.random.Generator) -> Floats:
        time = np.arange(steps) / steps
        shape = (len(self.periods), 1)
        amplitudes, phases = random.uniform(0.5, 2, shape), random.uniform(0, 2 * np.pi, shape)
        total = (amplitudes * np.sin(phases + 2 * np.pi * np.outer(self.periods, time))).sum(axis=0)
        total -= total[0]
        return np.asarray(total / np.abs(total).max())

    def _spikes(
        self, subject: Subject, steps: int, random: np.random.Generator
    ) -> NDArray[np.bool_]:
        size = subject.plan.population(self.stimuli["input"][0])[1].size
        return random.random((steps, size)) < self.share

    def _error(self, subject: Subject, spikes: NDArray[np.bool_], target: Floats) -> float:
        """Go through a trial."""
        stimulus, readout = self.stimuli["input"][0], self.readout["value"][0]
        dt, once = constant(subject.plan.dt, SECOND), constant(1 / subject.plan.dt, HERTZ)
        subject.set(readout, "taught", 0)
        subject.present(self.pause)
        subject.set(readout, "taught", 1)
        values = np.empty(len(target))
        for step, wanted in enumerate(target):
            subject.set(readout, "target", wanted)
            subject.present(dt, {stimulus: spikes[step] * once})
            values[step] = subject.read(readout, "v")[0]
        rest = subject.plan.group(subject.plan.population(readout)[0].name).shared("e_l")
        values = (values - (rest.mean if rest else 0.0)) * 1e3
        return float(((values - target) ** 2).sum() / (target**2).sum())


def _mirror(subject: Subject, readout: str, feedback: str, scale: float) -> None:
    """Give a feedback pathway the weights of a readout, from the other side."""
    pre, post = subject.ends(readout)
    image = {
        (int(a), int(b)): w for a, b, w in zip(pre, post, subject.weights(readout), strict=True)
    }
    pre, post = subject.ends(feedback)
    subject.set_weights(
        feedback,
        Quantities(
            [scale * image.get((int(b), int(a)), 0.0) for a, b in zip(pre, post, strict=True)],
            subject.weight_dimension(feedback),
        ),
    )
