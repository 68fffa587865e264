"""Odours of the fly: which of two was punished, its extinction and reversal, and generalisation."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from thalia.analysis.intervals import Range
from thalia.compiler.plan import HERTZ, Plan
from thalia.errors import CircuitError, Problem
from thalia.syntax.fields import PositiveTime, SingleRate
from thalia.syntax.units import Quantities
from thalia.training.baselines import Baseline
from thalia.training.odours import receptor_rates, smelled
from thalia.training.subject import Subject
from thalia.training.tasks import ANY, SHARE, Environment, Note
from thalia.training.tasks.separation import overlap_of

type Flags = NDArray[np.bool_]
type Floats = NDArray[np.float64]

QUARTERS = 4  # of the novel odours, by their overlap with the punished one
DIRECTIONS = (0, 1)  # the odour of a pair that is punished: each of them, by a naive animal


@dataclass(frozen=True)
class Design:
    """What is drawn: novel odours for each pair, and which presentations the shuffled control has.

    `punished` is (n_pairs, 2 directions, trials, 2 odours): as many as are paired, at random.
    """

    probes: list[list[str]]
    punished: Flags


class Odours(Environment):
    """Differential conditioning of pairs of odours, each odour once with an outcome, once without.

    A naive animal is trained with either odour of a pair, as in Tully & Quinn (1985), so that no
    innate preference counts. A trial: the odour with the outcome, and the other one without, the
    other one first in every second trial, since what comes first changes what follows; with
    the outcome `unpaired` in a pause of its own, `backward` the time `gap` before the odour, or
    `shuffled` over the presentations of both. A test: `choices` between both, for the one that
    makes `avoidance` fire less; nothing is learned in it. Then, of what was learned, `extinction`
    trials with that odour alone, and separately `reversal` trials with the other one punished. How
    much both odours are avoided is measured before all trials, after them, and after extinction. Of
    `probes` novel odours the avoidance is measured before and after one odour was punished alone,
    in an animal that learned nothing else, such as which odour is safe.
    """

    STIMULI: ClassVar = ("odour", "punishment", "reward")
    READOUT: ClassVar = ("code", "avoidance")
    RETURNS: ClassVar = True

    trials: int = Field(15, ge=1)
    pairs: tuple[tuple[str, str], ...] = Field(min_length=1)
    protocol: Literal["paired", "unpaired", "backward", "shuffled"] = "paired"
    outcome: Literal["punishment", "reward"] = "punishment"
    choices: int = Field(10, ge=1)
    extinction: int = Field(15, ge=0)
    reversal: int = Field(15, ge=0)
    probes: int = Field(8, ge=0)
    sniffs: int = Field(3, ge=1)  # presentations of each novel odour
    outcome_rate: SingleRate
    smell: PositiveTime
    pause: PositiveTime
    gap: PositiveTime
    between: PositiveTime  # odours of a test

    def range_of(self, number: str) -> Range:
        """Shares of choices; changes of avoidance, and a correlation, may be negative."""
        if number == "generalisation":
            return (-1.0, 1.0)
        return ANY if number.startswith(("change_", "avoidance_")) else SHARE

    def problems(self, plan: Plan) -> list[Problem]:
        """What does not fit; also odours that were not measured, and cells that are too few."""
        found = super().problems(plan)
        for index, pair in enumerate(self.pairs):
            for name in pair:
                try:
                    smelled(name)
                except CircuitError as error:
                    told = error.problems
                    found += [p.under("experiment", "pairs", index) for p in told]
        if found:
            return found
        name, receptors = self.stimuli["odour"][0], len(next(iter(receptor_rates().values())))
        size = plan.population(name)[1].size
        if size % receptors:
            message = f"'{name}' has {size} cells for {receptors} receptors, expected a multiple"
            found.append(Problem(("populations", name, "size"), message))
        if self.probes > (most := len(receptor_rates()) - 2):
            message = f"there are {most} other odours, found {self.probes}"
            found.append(Problem(("experiment", "probes"), message))
        return found

    def noted_trials(self) -> int:
        """The trials of acquisition, of all pairs in both directions."""
        return self.trials * len(self.pairs) * len(DIRECTIONS)

    def draw(self, plan: Plan, random: np.random.Generator) -> Design:
        """The novel odours, and the presentations that are punished where these are shuffled."""
        known = [*receptor_rates()]
        probes = [
            [str(each) for each in random.permutation([k for k in known if k not in pair])]
            for pair in self.pairs
        ]
        shape = (len(self.pairs), len(DIRECTIONS), self.trials, 2)
        punished = np.zeros(shape, bool)
        punished[..., 0] = True
        flat = punished.reshape(*shape[:2], -1)
        shuffled = random.permuted(flat, axis=-1).reshape(shape)
        return Design([each[: self.probes] for each in probes], shuffled)

    def learn(self, subject: Subject, random: np.random.Generator, note: Note) -> dict[str, float]:
        """Train naive animals with each pair in both directions; the shares of right choices."""
        design = self.draw(subject.plan, random)
        results: list[dict[str, float]] = []
        effects: list[tuple[Floats, Floats]] = []
        own: list[float] = []
        for index, pair in enumerate(self.pairs):
            for direction in DIRECTIONS:
                self._naive(subject)
                trained, other = pair[direction], pair[1 - direction]
                naive = self._avoided(subject, trained, other, "naive")
                shuffled = design.punished[index, direction]
                results.append(self._train(subject, trained, other, shuffled, note))
                results[-1] |= naive | self._changed(subject, trained, other)
            if self.probes:
                self._naive(subject)
                overlaps, changes = self._punished_alone(subject, pair[0], design.probes[index])
                effects.append((overlaps, changes[1:]))
                own.append(float(changes[0]))
        return {**_summary(results, len(self.pairs)), **_generalised(effects, own)}

    def baselines(
        self, plan: Plan, data: Design, random: np.random.Generator
    ) -> Mapping[str, Baseline]:
        """Whether the spikes of projection neurons tell the odours of a pair apart at all."""
        size = plan.population(self.stimuli["odour"][0])[1].size
        shares = []
        for pair in self.pairs:
            rates = np.array([self._rates(name, size) for name in pair]) * self.smell.mean
            counts = random.poisson(rates, (self.choices, *rates.shape))
            distances = np.linalg.norm(counts[:, :, None] - rates, axis=-1)
            shares.append(float((distances.argmin(axis=-1) == [0, 1]).mean()))
        says = "the nearest of both mean patterns of projection neurons, from one presentation"
        found = {f"accuracy_{1 + k}": share for k, share in enumerate(shares)}
        return {"nearest": Baseline(says, {"accuracy": float(np.mean(shares)), **found})}

    def _naive(self, subject: Subject) -> None:
        """An animal that has learned nothing."""
        subject.forget()
        subject.present(self.pause)

    def _punished_alone(
        self, subject: Subject, trained: str, novel: list[str]
    ) -> tuple[Floats, Floats]:
        """The overlaps of novel odours' codes with that of a punished one, (n_novel,).

        And how much more each is avoided after it was punished, (1 + n_novel,), itself first.
        """
        codes, before = self._sniffed(subject, [trained, *novel])
        for _ in range(self.trials):
            self._present(subject, trained, True)
        return _overlaps(codes), self._sniffed(subject, [trained, *novel])[1] - before

    def _train(
        self, subject: Subject, trained: str, other: str, shuffled: Flags, note: Note
    ) -> dict[str, float]:
        """All trials of acquisition, and the test."""
        names, avoided = (trained, other), [0.0, 0.0]
        for trial in range(self.trials):
            is_shuffled = self.protocol == "shuffled"
            with_it = shuffled[trial] if is_shuffled else (self.protocol == "paired", False)
            for which in (0, 1) if trial % 2 == 0 else (1, 0):
                if which == 0 and self.protocol == "backward":
                    self._outcome(subject, self.gap)
                avoided[which] = self._present(subject, names[which], bool(with_it[which]))
            if self.protocol == "unpaired":
                self._outcome(subject, self.pause)
            note(right=self._is_right(*avoided))
        return {"accuracy": self._tested(subject, trained, other)}

    def _changed(self, subject: Subject, trained: str, other: str) -> dict[str, float]:
        """Extinction and reversal, each from what was learned."""
        learned, found = subject.remember(), self._avoided(subject, trained, other, "trained")
        for name, trials in (("extinction", self.extinction), ("reversal", self.reversal)):
            if not trials:
                continue
            for _ in range(trials):
                self._present(subject, trained, False)
                if name == "reversal":
                    self._present(subject, other, True)
            right = (other, trained) if name == "reversal" else (trained, other)
            if name == "extinction":
                found |= self._avoided(subject, trained, other, "extinguished")
            found[f"after_{name}"] = self._tested(subject, *right)
            subject.restore(learned)
        return found

    def _avoided(self, subject: Subject, trained: str, other: str, when: str) -> dict[str, float]:
        """How much the odour with the outcome is avoided, and the other one, in spikes."""
        avoided = self._sniffed(subject, [trained, other])[1]
        names = (f"avoidance_{when}", f"avoidance_other_{when}")
        return dict(zip(names, map(float, avoided), strict=True))

    def _rates(self, name: str, size: int) -> Floats:
        """The rate of each cell of the input, of which each receptor has as many."""
        rates = smelled(name)
        return np.repeat(rates, size // len(rates))

    def _stimulus(self, subject: Subject, names: list[str]) -> dict[str, Quantities]:
        """Odours as rates of the input's cells, (n_odours, n_cells)."""
        population = self.stimuli["odour"][0]
        size = subject.plan.population(population)[1].size
        rates = np.array([self._rates(name, size) for name in names])
        return {population: Quantities(rates, HERTZ)}

    def _present(self, subject: Subject, name: str, punished: bool) -> float:
        """An odour, with the outcome or without, and the pause; how much it is avoided."""
        rates = self._stimulus(subject, [name])
        shown = {k: Quantities(each.numbers[0], HERTZ) for k, each in rates.items()}
        outcome = {self.stimuli[self.outcome][0]: self.outcome_rate} if punished else {}
        response = subject.present(self.smell, {**shown, **outcome})
        subject.present(self.pause)
        return float(response.counts(self.readout["avoidance"][0]).mean())

    def _outcome(self, subject: Subject, then: PositiveTime) -> None:
        """The outcome alone, and a pause after it."""
        subject.present(self.smell, {self.stimuli[self.outcome][0]: self.outcome_rate})
        subject.present(then)

    def _sniffed(self, subject: Subject, names: list[str]) -> tuple[Flags, Floats]:
        """The codes of odours, (n_odours, n_cells), and how much these are avoided, (n_odours,)."""
        repeated = [name for name in names for _ in range(self.sniffs)]
        with subject.frozen():
            rates = self._stimulus(subject, repeated)
            responses = subject.play(self.smell, rates, pause=self.between)
        code, avoidance = (
            responses.counts(self.readout[role][0]).reshape(len(names), self.sniffs, -1)
            for role in self.READOUT
        )
        return code.sum(axis=1) > 0, avoidance.mean(axis=(1, 2))

    def _tested(self, subject: Subject, trained: str, other: str) -> float:
        """The share of choices against the trained odour, or for it if it was rewarded."""
        with subject.frozen():
            rates = self._stimulus(subject, self.choices * [trained, other])
            responses = subject.play(self.smell, rates, pause=self.between)
        avoided = responses.counts(self.readout["avoidance"][0]).sum(axis=1)
        pairs = avoided.reshape(self.choices, 2).tolist()
        return float(np.mean([self._is_right(first, second) for first, second in pairs]))

    def _is_right(self, trained: float, other: float) -> float:
        """Whether the odour that is avoided less is the right one; a tie is half right."""
        better = trained - other if self.outcome == "punishment" else other - trained
        return 0.5 + 0.5 * float(np.sign(better))


def _overlaps(codes: Flags) -> Floats:
    """The overlap of every code with the first one."""
    return np.array([overlap_of(codes[0], each) for each in codes[1:]])


def _summary(results: list[dict[str, float]], pairs: int) -> dict[str, float]:
    """Means over all, and of each pair."""
    found = {name: float(np.mean([each[name] for each in results])) for name in results[0]}
    each = np.array([result["accuracy"] for result in results]).reshape(pairs, -1).mean(axis=1)
    return {**found, **{f"accuracy_{1 + k}": float(share) for k, share in enumerate(each)}}


def _generalised(effects: list[tuple[Floats, Floats]], own: list[float]) -> dict[str, float]:
    """How the avoidance of novel odours depends on the overlap of their codes.

    `generalisation` is the correlation over all of these. `change_trained` are the spikes of an
    output neuron by which the trained odour is avoided more, `change_1` to `change_4` those of the
    quarters of the novel odours, from the least overlap to the most, and `overlap_1` to `overlap_4`
    their overlaps. `less_similar` is the share of pairs of novel odours of an animal of which the
    one with more overlap has become the more avoided one, so that the other would be chosen.
    """
    if not effects:
        return {}
    overlaps, changes = (np.concatenate(each) for each in zip(*effects, strict=True))
    varies = min(overlaps.std(), changes.std()) > 0
    found = {
        "generalisation": float(np.corrcoef(overlaps, changes)[0, 1]) if varies else 0.0,
        "change_trained": float(np.mean(own)),
    }
    if len(agree := np.concatenate([_concordant(*each) for each in effects])):
        found["less_similar"] = float(agree.mean())
    order = np.argsort(overlaps, kind="stable")
    for place, part in enumerate(np.array_split(order, min(QUARTERS, len(order))), start=1):
        found[f"overlap_{place}"] = float(overlaps[part].mean())
        found[f"change_{place}"] = float(changes[part].mean())
    return found


def _concordant(overlaps: Floats, changes: Floats) -> Floats:
    """Of each pair, whether more overlap goes with more change, (n_pairs,); a tie is a half."""
    first, second = np.triu_indices(len(overlaps), 1)
    signs = np.sign(overlaps[first] - overlaps[second]) * np.sign(changes[first] - changes[second])
    return np.asarray(0.5 + 0.5 * signs)
