"""Pattern generation (Bellec et al. 2020): a curve over a second from fixed input spikes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
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
from thalia.training.baselines import Baseline
from thalia.training.subject import Subject
from thalia.training.tasks import AMOUNT, Environment, Note

type Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """A target, (steps,), and the input spikes of a trial, (steps, n_inputs)."""

    target: Floats
    spikes: NDArray[np.bool_]


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
        curve = self.draw(subject.plan, random)
        for feedback, readout in self.mirrors.items():
            _mirror(subject, readout, feedback, self.mirror_scale)
        with subject.frozen():
            untrained = self._error(subject, curve)
        for _ in range(self.trials):
            shown = curve
            if self.spikes == "new":
                shown = replace(curve, spikes=self._spikes(subject.plan, random))
            note(error=self._error(subject, shown))
        with subject.frozen():
            trained = self._error(subject, curve)
        return {"error": trained, "untrained": untrained}

    def draw(self, plan: Plan, random: np.random.Generator) -> "Curve":
        """The target and the input that is kept."""
        target = self._target(interval_steps(self.show.mean, plan.dt), random)
        return Curve(target, self._spikes(plan, random))

    def baselines(
        self, plan: Plan, data: "Curve", random: np.random.Generator
    ) -> Mapping[str, Baseline]:
        """No curve at all, and the best readout of the inputs, without a recurrent network."""
        found = {"zero": Baseline("a value of zero", {"error": 1.0})}
        if tau := _common(plan, self.readout["value"][0], "tau_m"):
            filtered = _filtered(data.spikes, plan.dt / tau)
            weights, *_ = np.linalg.lstsq(filtered, data.target, rcond=None)
            says = "a readout of the input spikes with the same time constant, by least squares"
            error = _error(filtered @ weights, data.target)
            found["inputs"] = Baseline(says, {"error": error})
        return found

    def _target(self, steps: int, random: np.random.Generator) -> Floats:
        time = np.arange(steps) / steps
        shape = (len(self.periods), 1)
        amplitudes, phases = random.uniform(0.5, 2, shape), random.uniform(0, 2 * np.pi, shape)
        total = (amplitudes * np.sin(phases + 2 * np.pi * np.outer(self.periods, time))).sum(axis=0)
        total -= total[0]
        return np.asarray(total / np.abs(total).max())

    def _spikes(self, plan: Plan, random: np.random.Generator) -> NDArray[np.bool_]:
        size = plan.population(self.stimuli["input"][0])[1].size
        return random.random((interval_steps(self.show.mean, plan.dt), size)) < self.share

    def _error(self, subject: Subject, curve: "Curve") -> float:
        """Go through a trial."""
        stimulus, readout = self.stimuli["input"][0], self.readout["value"][0]
        dt, once = constant(subject.plan.dt, SECOND), constant(1 / subject.plan.dt, HERTZ)
        subject.set(readout, "taught", 0)
        subject.present(self.pause)
        subject.set(readout, "taught", 1)
        values = np.empty(len(curve.target))
        for step, wanted in enumerate(curve.target):
            subject.set(readout, "target", wanted)
            subject.present(dt, {stimulus: curve.spikes[step] * once})
            values[step] = subject.read(readout, "v")[0]
        values = (values - resting_potential(subject, readout)) * 1e3
        return _error(values, curve.target)


def _error(values: Floats, target: Floats) -> float:
    """The squared error relative to the target's square."""
    return float(((values - target) ** 2).sum() / (target**2).sum())


def _filtered(spikes: NDArray[np.bool_], share: float) -> Floats:
    """Traces of spikes that decay with a time constant of 1/share steps, in every step."""
    found = np.zeros(spikes.shape)
    found[0] = spikes[0]
    for step in range(1, len(spikes)):
        found[step] = np.exp(-share) * found[step - 1] + spikes[step]
    return found


def resting_potential(subject: Subject, readout: str) -> float:
    """The potential in volts at which the value of a readout is 0."""
    return _common(subject.plan, readout, "e_l") or 0.0


def _common(plan: Plan, population: str, parameter: str) -> float | None:
    """A parameter that all neurons of a population's model share, in SI, if there is one."""
    group, _ = plan.population(population)
    value = group.shared(parameter) if parameter in group.parameters else None
    return value.mean if value else None


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
