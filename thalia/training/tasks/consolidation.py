"""Systems consolidation: episodes are stored at once, replayed in sleep, and kept without CA3."""

from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from thalia.analysis.intervals import Range
from thalia.compiler.plan import Plan
from thalia.errors import Problem, did_you_mean
from thalia.syntax.fields import PositiveTime, SingleRate
from thalia.syntax.quantities import Numbers
from thalia.syntax.units import constant
from thalia.training.subject import Subject
from thalia.training.tasks import AMOUNT, SHARE, Environment, Note

type Flags = NDArray[np.bool_]
type Pair = tuple[Flags, Flags]
type Floats = NDArray[np.float64]
type Events = list[tuple[int, float]]  # episode and Jaccard index of each reactivation
GAP = 5e-3  # s, above which spikes of `a` belong to different reactivations
FEWEST = 3  # cells of `a` that fire together in a reactivation
CLEAN = 0.8  # Jaccard index from which a reactivation is that of an episode


class Consolidation(Environment):
    """Pairs of patterns in two areas, bound by cells of the hippocampus; `a` is the cue of `b`.

    Each of `episodes` is presented once. With `categories`, they are distortions of the prototype
    of their category, of whose cells they have the fraction `kept`; prototypes are never shown.
    Then follows sleep, or what `replay` says in its place: as much time awake, or the episodes that
    would have been reactivated, presented awake as often and in the same order, as they were or
    with the patterns of `b` exchanged among them, while the pathway `lesion` is silent. At last
    it is silenced for good. Recall is the Jaccard index of the cells of `b` that fire and those
    that should.

    In sleep cells of the hippocampus fire by themselves at the rate `spontaneous`. With `priority`
    those of half of the episodes do so `eager` times as often as others, with as many reactivations
    expected in all: of some at random, as if these were rewarded; of those that surprised most,
    because their cues recalled least of them when they came; or, in the second half of the sleep,
    of those that the cortex alone recalled worst after the first. `equal` favours none, and has the
    same episodes as `reward`.
    """

    STIMULI: ClassVar = ("a", "b", "index", "noise")
    READOUT: ClassVar = ("a", "b")

    trials: int = Field(40, ge=1)  # episodes that are tested, at most
    episodes: int = Field(40, ge=1)
    categories: int = Field(0, ge=0)
    kept: float = Field(0.7, ge=0, le=1)
    active: int = Field(10, ge=1)
    index: int = Field(12, ge=1)  # cells of the hippocampus of an episode
    replay: Literal["sleep", "none", "awake", "shuffled"] = "sleep"
    priority: Literal["none", "equal", "reward", "surprise", "weakness"] = "none"
    eager: float = Field(3.0, gt=0)
    spontaneous: SingleRate
    lesion: str
    rate: SingleRate
    present: PositiveTime
    respond: PositiveTime
    pause: PositiveTime
    sleep: PositiveTime

    def range_of(self, number: str) -> Range:
        """All but the number of reactivations are shares."""
        return AMOUNT if number == "replays" else SHARE

    def learn(self, subject: Subject, random: np.random.Generator, note: Note) -> dict[str, float]:
        """Store, sleep, and recall with and without the hippocampus."""
        episodes, prototypes = self._drawn(subject, random)
        cells = random.permutation(self._size(subject.plan, "index"))
        known = np.zeros(self.episodes)
        for number, (a, b) in enumerate(episodes):
            if self.priority == "surprise":
                known[number] = self._scores(subject, [(a, b)])[0]
            index = np.isin(np.arange(len(cells)), self._own(cells, number))
            self._show(subject, a=a, b=b, index=index)
        order = random.permutation(self.episodes)[: self.trials]
        tested = [episodes[k] for k in order]
        found = self._recalled(subject, "before", tested, prototypes)
        favoured = np.zeros(self.episodes, bool)
        if self.priority in ("equal", "reward"):
            favoured = _least(random.random(self.episodes))
        elif self.priority == "surprise":
            favoured = _least(known)
        if self.priority == "weakness":
            events, favoured = self._by_weakness(subject, episodes, cells)
        else:
            rates = self._rates(cells, favoured & (self.priority != "equal"))
            events = self._consolidate(subject, episodes, rates, random)
        found |= self._recalled(subject, "intact", tested, prototypes)
        self._silence(subject)
        scores = self._scores(subject, tested)
        for score in scores:
            note(jaccard=score)
        if prototypes:
            found["prototypes_lesioned"] = float(np.mean(self._scores(subject, prototypes)))
        if favoured.any():
            for name, among in (("favoured", favoured), ("others", ~favoured)):
                found[name] = float(np.mean(scores[among[order]])) if among[order].any() else 0.0
        clean = [number for number, jaccard in events if jaccard >= CLEAN]
        return {
            "lesioned": float(np.mean(scores)),
            **found,
            "replays": float(len(events)),
            "clean": len(clean) / max(1, len(events)),
            "covered": len(set(clean)) / self.episodes,
        }

    def _own(self, cells: NDArray[np.int64], number: int) -> NDArray[np.int64]:
        """The cells of the hippocampus that are those of an episode."""
        return cells[self.index * number : self.index * (number + 1)]

    def _rates(self, cells: NDArray[np.int64], favoured: Flags) -> Floats:
        """How often each cell fires by itself, relative to `spontaneous`.

        Two cells begin a reactivation, so that there are as many as the square of the rate says.
        """
        each = np.where(favoured, self.eager, 1.0)
        rates = np.ones(len(cells))
        for number, rate in enumerate(each / np.sqrt(np.mean(each**2))):
            rates[self._own(cells, number)] = rate
        return rates

    def _by_weakness(
        self, subject: Subject, episodes: list[Pair], cells: NDArray[np.int64]
    ) -> tuple[Events, Flags]:
        """Two halves of a sleep; what was reactivated, and what was favoured in the second one."""
        half = self.sleep * 0.5
        events = self._asleep(subject, episodes, np.ones(len(cells)), half)
        weights = self._silence(subject)
        favoured = _least(self._scores(subject, episodes))
        subject.set_weights(self.lesion, weights)
        return events + self._asleep(
            subject, episodes, self._rates(cells, favoured), half
        ), favoured

    def problems(self, plan: Plan) -> list[Problem]:
        """What does not fit; also a lesion of nothing, and more episodes than there are cells."""
        if found := super().problems(plan):
            return found
        pathways = [member.name for _, member in plan.pathways()]
        if self.lesion not in pathways:
            message = f"no pathway is called '{self.lesion}'"
            return [Problem(("experiment", "lesion"), message, did_you_mean(self.lesion, pathways))]
        size, needed = self._size(plan, "index"), self.index * self.episodes
        if needed > size:
            message = f"{self.episodes} episodes need {needed} cells of their own, there are {size}"
            return [Problem(("experiment", "episodes"), message, "store fewer episodes")]
        return []

    def noted_trials(self) -> int:
        """The episodes that are tested."""
        return min(self.trials, self.episodes)

    def _size(self, plan: Plan, role: str) -> int:
        return plan.population(self.stimuli[role][0])[1].size

    def _drawn(
        self, subject: Subject, random: np.random.Generator
    ) -> tuple[list[Pair], list[Pair]]:
        """The episodes, and the prototypes of their categories, if they have any."""

        def pair() -> Pair:
            a, b = (
                _some(self.active, np.arange(self._size(subject.plan, role)), random)
                for role in ("a", "b")
            )
            return a, b

        if not self.categories:
            return [pair() for _ in range(self.episodes)], []
        prototypes = [pair() for _ in range(self.categories)]
        every = (prototypes[k % self.categories] for k in range(self.episodes))
        return [
            (self._distorted(a, random), self._distorted(b, random)) for a, b in every
        ], prototypes

    def _distorted(self, pattern: Flags, random: np.random.Generator) -> Flags:
        """Some cells of a pattern, and others in place of the rest."""
        kept = round(self.kept * self.active)
        return np.asarray(
            _some(kept, np.flatnonzero(pattern), random, len(pattern))
            | _some(self.active - kept, np.flatnonzero(~pattern), random, len(pattern))
        )

    def _show(self, subject: Subject, **patterns: Flags) -> Flags:
        """Present patterns by role; the cells of `b` that fire."""
        rates = {self.stimuli[role][0]: cells * self.rate for role, cells in patterns.items()}
        subject.present(self.present, rates)
        response = subject.present(self.respond)
        subject.present(self.pause)
        return np.asarray(response.counts(self.readout["b"][0]) > 0)

    def _scores(self, subject: Subject, pairs: list[Pair]) -> Floats:
        """How well pairs are recalled, while nothing is learned, (n,)."""
        with subject.frozen():
            return np.array([jaccard_of(self._show(subject, a=a), b) for a, b in pairs])

    def _recalled(
        self, subject: Subject, name: str, episodes: list[Pair], prototypes: list[Pair]
    ) -> dict[str, float]:
        """How well episodes are recalled on average, and prototypes."""
        named = ((name, episodes), (f"prototypes_{name}", prototypes))
        return {key: float(np.mean(self._scores(subject, pairs))) for key, pairs in named if pairs}

    def _consolidate(
        self, subject: Subject, episodes: list[Pair], rates: Floats, random: np.random.Generator
    ) -> Events:
        """Sleep, or what takes its place; what was reactivated."""
        if self.replay == "none":
            subject.present(self.sleep)
            return []
        if self.replay == "sleep":
            return self._asleep(subject, episodes, rates, self.sleep)
        with subject.phase("sleep"), subject.frozen():
            events = self._reactivated(subject, episodes, rates, self.sleep)
        shown = [number for number, _ in events]
        exchanged = random.permutation(shown) if self.replay == "shuffled" else shown
        weights = self._silence(subject)
        for first, second in zip(shown, exchanged, strict=True):
            self._show(subject, a=episodes[first][0], b=episodes[second][1])
        subject.set_weights(self.lesion, weights)
        return events

    def _asleep(
        self, subject: Subject, episodes: list[Pair], rates: Floats, duration: Numbers
    ) -> Events:
        with subject.phase("sleep"):
            return self._reactivated(subject, episodes, rates, duration)

    def _silence(self, subject: Subject) -> Any:
        """Take the weights of the pathway that is lesioned, and leave none."""
        unit = constant(1.0, subject.weight_dimension(self.lesion))
        weights = subject.weights(self.lesion)
        subject.set_weights(self.lesion, np.zeros_like(weights) * unit)
        return weights * unit

    def _reactivated(
        self, subject: Subject, episodes: list[Pair], rates: Floats, duration: Numbers
    ) -> Events:
        """Sleep; the episode whose cells of `a` are most like those that fire together."""
        asleep = subject.present(duration, {self.stimuli["noise"][0]: rates * self.spontaneous})
        times, cells = asleep.spikes(self.readout["a"][0])
        patterns, events = [a for a, _ in episodes], []
        for group in np.split(cells, np.flatnonzero(np.diff(times) > GAP) + 1):
            fired = np.isin(np.arange(len(patterns[0])), group)
            if fired.sum() >= FEWEST:
                similar = [jaccard_of(fired, each) for each in patterns]
                events.append((int(np.argmax(similar)), max(similar)))
        return events


def _some(
    count: int, among: NDArray[np.int64], random: np.random.Generator, size: int | None = None
) -> Flags:
    """A random set of cells, as flags for all of them."""
    found = np.zeros(size or len(among), bool)
    found[random.choice(among, count, replace=False)] = True
    return found


def _least(numbers: Floats) -> Flags:
    """The half with the least numbers, as flags; of equal ones those that come first."""
    return np.argsort(np.argsort(numbers, kind="stable")) < len(numbers) // 2


def jaccard_of(first: Flags, second: Flags) -> float:
    """The number of cells in both sets, relative to that in either; of empty ones 0."""
    return int((first & second).sum()) / max(1, int((first | second).sum()))
