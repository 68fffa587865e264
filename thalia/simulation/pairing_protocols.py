"""Pairing protocols: spike trains for a rule in the real pipeline, one synapse per condition.

A presynaptic time is when the spike reaches the synapse; a postsynaptic time is when the neuron
fires, and its spike reaches the synapse after the dendritic delay. Weights and changes are
fractions of w_max.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path as FilePath
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thalia.circuit.spec import Circuit
from thalia.errors import CircuitError, Problem, fail
from thalia.library.lookup import find, neurons_with
from thalia.library.protocol_schema import Protocol
from thalia.library.schema import Rule
from thalia.recording.run_file import Run
from thalia.simulation.run import run
from thalia.syntax.folder import Folder
from thalia.syntax.validation import parse
from thalia.syntax.yaml_reader import Source

Floats = NDArray[np.float64]
DT, FORCED = 0.1, 0.2  # ms; a postsynaptic spike comes two steps after the spike that forces it
TAIL = 300.0  # ms of silence at the end, in which traces that outlive the last spike still act
SLOW_TAIL = 3000.0  # the same for eligibility


@dataclass(frozen=True)
class Outcome:
    """Weights of a protocol's synapses: final, (synapses,), and over time, (times, synapses)."""

    weight: Floats
    times: Floats
    history: Floats


@dataclass(frozen=True)
class PairingSetup:
    """The synapses and cells that spike trains are paired on.

    Parameters
    ----------
    weight : float
        Weight at the start, as a fraction of w_max.
    settings : mapping
        Parameters of the rule, and its `preset` or `pairing`.
    dendritic : float
        Delay from a postsynaptic spike to the synapse, in ms.
    every : float, optional
        Interval of the history in ms; by default only start and end.
    neuron : mapping
        Parameters of the postsynaptic neurons, for rules that depend on more than their spikes.
    modulators : mapping
        Modulators as in a circuit; a rule that needs one and is given none has one that is always
        at 1.
    before : sequence
        Rules that act before it, as in a circuit, for one that only follows what others change.
    tail : float, optional
        Time after the last spike in ms, in which traces still act; by default `TAIL`, or
        `SLOW_TAIL` with a modulator.
    folder : path
        Where the files of rules are.
    """

    weight: float = 0.5
    settings: Mapping[str, Any] | None = None
    dendritic: float = 0.0
    every: float | None = None
    neuron: Mapping[str, str] | None = None
    modulators: Mapping[str, Any] | None = None
    before: Sequence[str | Mapping[str, Any]] = ()
    tail: float | None = None
    folder: FilePath = FilePath(".")

    @property
    def files(self) -> Folder:
        """Where files are looked for; the user has named them, wherever they are."""
        return Folder(self.folder, anywhere=True)

    @classmethod
    def split(cls, options: Mapping[str, Any]) -> "tuple[PairingSetup, dict[str, Any]]":
        """The setup that some options describe, and the rest, which are those of `run`."""
        own = {each.name for each in fields(cls)}
        setup = cls(**{name: value for name, value in options.items() if name in own})
        return setup, {name: value for name, value in options.items() if name not in own}


def outcome(
    rule: str, pre: Sequence[Sequence[float]], post: Sequence[Sequence[float]], **options: Any
) -> Outcome:
    """Put spike trains, one pair of them for each synapse, through a rule.

    Parameters
    ----------
    rule : str
        A rule of the library, or the path of a rule's file.
    pre, post : sequences of trains
        Times in ms, from `FORCED` on, on a grid of `DT`.
    **options
        Fields of `PairingSetup`, such as `weight` and `settings`, and options of `run`, such as
        `backend` and `lower`.

    Raises
    ------
    CircuitError
        If there is no such rule, a setting is wrong, or a time is too early.
    """
    setup, run_options = PairingSetup.split(options)
    early = [t for train in (*pre, *post) for t in train if t < FORCED]
    if early:
        raise fail(f"a spike at {early[0]:g} ms is too early", f"the first can be at {FORCED:g} ms")
    if not 0 <= setup.weight <= 1:
        raise fail(
            f"expected a weight between 0 and 1, as a fraction of w_max, found {setup.weight:g}"
        )
    last = max((t for train in (*pre, *post) for t in train), default=0.0)
    with TemporaryDirectory() as scratch:
        data = circuit_data(rule, len(pre), setup)
        default = SLOW_TAIL if "modulators" in data else TAIL
        data["duration"] = f"{last + (default if setup.tail is None else setup.tail)} ms"
        data["stimuli"] = {
            "pre": {"kind": "spikes", "target": "pre", "times": _spike_times(pre, DT)},
            "trigger": {"kind": "spikes", "target": "trigger", "times": _spike_times(post, FORCED)},
        }
        result = _run(data, setup.files, FilePath(scratch) / "protocol.h5", run_options)
        weights = result.weights["plastic"]
        return Outcome(np.array(weights.w[-1]), np.array(weights.time) * 1e3, np.array(weights.w))


def circuit_data(rule: str, size: int, setup: PairingSetup) -> dict[str, Any]:
    """A circuit of one-to-one synapses whose postsynaptic neurons spike when forced to.

    Its duration is not set.
    """
    part = find("plasticity", rule, setup.files)[0]
    assert isinstance(part, Rule)
    neuron = _neuron_for(part, rule)
    use = (
        {"rule": rule}
        | ({"modulator": "signal"} if part.is_gated else {})
        | {**(setup.settings or {})}
    )
    use |= {"instructed_by": "force"} if part.on_instruction else {}
    modulators = setup.modulators
    if part.is_gated and not modulators:
        modulators = {"signal": {"kind": "first_order", "tonic": 1, "baseline": 0}}
    record: dict[str, Any] = {"pathways": ["plastic"]} | (
        {"every": f"{setup.every} ms"} if setup.every else {}
    )
    one_to_one = {"rule": "one_to_one"}
    return ({"modulators": dict(modulators)} if modulators else {}) | {
        "name": "protocol",
        "dt": f"{DT} ms",
        "populations": {
            "pre": {"neuron": "spike_source", "size": size},
            "trigger": {"neuron": "spike_source", "size": size},
            "post": {
                "neuron": neuron,
                "size": size,
                "parameters": ({"t_ref": "0 ms"} if neuron == "lif_current" else {})
                | dict(setup.neuron or {}),
            },
        },
        "pathways": {
            "plastic": {
                "pre": "pre",
                "post": "post",
                "connect": one_to_one,
                "synapse": "current_exp",
                "weight": f"{setup.weight!r} pA",
                "w_max": "1 pA",
                "plasticity": [*setup.before, use],
                "delay": {"axonal": f"{DT} ms", "dendritic": f"{setup.dendritic} ms"},
            },
            "force": {
                "pre": "trigger",
                "post": "post",
                "connect": one_to_one,
                "synapse": "delta",
                "weight": "100 mV",
                "delay": f"{DT} ms",
            },
        },
        "record": {"weights": record},
    }


def _run(data: dict[str, Any], folder: Folder, output: FilePath, options: Mapping[str, Any]) -> Run:
    """Run the circuit; its problems are reported as those of the rule, all that a user gave."""
    try:
        circuit = parse(Circuit, data, Source(folder=folder)).at(Source(folder=folder))
        return run(circuit, output=output, progress=False, **options)
    except CircuitError as error:
        raise CircuitError(
            dict.fromkeys(_problem_of_rule(problem) for problem in error.problems)
        ) from None


def _problem_of_rule(problem: Problem) -> Problem:
    start = 4 if problem.path[:1] == ("pathways",) else 0  # pathways, its name, plasticity, 0
    return Problem(problem.path[start:], problem.message, problem.hint, problem.place)


def _neuron_for(part: Rule, name: str) -> str:
    """The plainest neuron that has the variables which a rule reads."""
    needed = part.reads_of_the_neuron()
    having = neurons_with(needed)
    if not having:
        raise fail(f"{name} needs {', '.join(sorted(needed))}, which no neuron of the library has")
    return "lif_current" if "lif_current" in having else having[0]


def _spike_times(trains: Sequence[Sequence[float]], early: float) -> dict[int, list[str]]:
    return {index: [f"{t - early:.6f} ms" for t in train] for index, train in enumerate(trains)}


# protocols


@dataclass(frozen=True)
class Curve:
    """One line of a protocol's figure: what the rule did, and what was measured where it was."""

    name: str
    x: tuple[float, ...]
    change: tuple[float, ...]
    published: tuple[float | None, ...] = ()
    error: tuple[float | None, ...] = ()


@dataclass(frozen=True)
class Result:
    """What a protocol did to a rule."""

    rule: str
    title: str
    x_label: str
    source: str
    curves: tuple[Curve, ...]


def window(
    rule: str,
    intervals: Sequence[float] | None = None,
    pairs: int = 1,
    frequency: float = 1.0,
    weight: float = 0.5,
    settings: Mapping[str, Any] | None = None,
    **options: Any,
) -> tuple[Floats, Floats]:
    """The weight change for pairs of spikes, by the interval from pre to post in ms.

    Parameters
    ----------
    rule : str
        A rule of the library, or the path of a file with one.
    intervals : (n_intervals,) floats, optional
        Post minus pre in ms; by default from -100 to 100 ms, denser around zero.
    pairs : int
        Number of pairs at each interval, with this `frequency` in Hz.
    weight : float
        Initial weight, as a fraction of w_max.
    settings : mapping, optional
        Parameters of the rule, its `preset` or its `pairing`.
    **options
        `dendritic` (delay in ms), parameters of the postsynaptic `neuron`, `modulators`, and
        options of `run` such as `backend` and `seed`.

    Returns
    -------
    interval_ms, change : (n_intervals,)
        Post minus pre in ms, and the change as a fraction of w_max.

    Raises
    ------
    CircuitError
        If there is no such rule, or it cannot have these settings.
    """
    listed = np.array(INTERVALS if intervals is None else intervals, dtype=float)
    if pairs < 1 or frequency <= 0:
        raise fail(
            f"expected at least one pair, at a frequency above 0, found {pairs} at {frequency:g} Hz"
        )
    start = max(100.0, float(np.ceil(max(0.0, -listed.min(initial=0)))) + 10)
    pre = [[start + k * 1e3 / frequency for k in range(pairs)] for _ in listed]
    post = [[t + interval for t in train] for train, interval in zip(pre, listed, strict=True)]
    end = outcome(rule, pre, post, weight=weight, settings=settings, **options).weight
    return listed, end - weight


INTERVALS = (*range(-100, -20, 4), *range(-20, 21), *range(24, 101, 4))


def protocol(
    name: str,
    rule: str,
    folder: FilePath = FilePath("."),
    weight: float | None = None,
    settings: Mapping[str, Any] | None = None,
    **options: Any,
) -> Result:
    """The effect of a protocol on a rule, with what was measured in experiments where it was.

    Parameters
    ----------
    name : str
        A protocol of the library, or the path of a file with one.
    rule : str
        A rule of the library, or the path of a file with one.
    folder : path
        The folder in which files are looked for.
    weight : float, optional
        Initial weight, as a fraction of w_max; by default the protocol's own.
    settings : mapping, optional
        Parameters of the rule, its `preset` or its `pairing`.
    **options
        `dendritic` (delay in ms), parameters of the postsynaptic `neuron`, `modulators`, and
        options of `run` such as `backend` and `seed`.

    Returns
    -------
    Result
        Its `curves`, each with `x` in the unit of `x_label`, and `change` as a fraction of w_max.

    Raises
    ------
    CircuitError
        If there is no such protocol or rule, or the rule cannot have these settings.
    """
    part = find("protocols", name, PairingSetup(folder=folder).files)[0]
    assert isinstance(part, Protocol)
    measure = _rates if part.rates else _motifs
    curves = measure(part, rule, folder=folder, weight=weight, settings=settings, **options)
    return Result(rule, part.summary, part.x_label, part.source, curves)


def _motifs(part: Protocol, rule: str, **options: Any) -> tuple[Curve, ...]:
    """Each condition's motif of spikes, again and again, on a synapse of its own."""
    conditions = part.conditions
    given = options.pop("weight", None)
    change = np.empty(len(conditions))
    for weight in dict.fromkeys(c.weight if given is None else given for c in conditions):
        mine = [
            index for index, c in enumerate(conditions) if given is not None or c.weight == weight
        ]
        pre, post = (
            [
                _repeated(getattr(conditions[i], side), conditions[i].repeat, conditions[i].every)
                for i in mine
            ]
            for side in ("pre", "post")
        )
        change[mine] = outcome(rule, pre, post, weight=weight, **options).weight - weight
    curves = []
    for series in dict.fromkeys(c.series for c in conditions):
        mine = [index for index, c in enumerate(conditions) if c.series == series]
        curves.append(
            Curve(
                series,
                tuple(conditions[i].x for i in mine),
                tuple(float(change[i]) for i in mine),
                tuple(conditions[i].change for i in mine),
                tuple(conditions[i].error for i in mine),
            )
        )
    return tuple(curves)


def _repeated(motif: Sequence[float], repeat: int, every: float) -> list[float]:
    start = 150.0
    return [start + k * every + t for k in range(repeat) for t in motif]


def _rates(part: Protocol, rule: str, **options: Any) -> tuple[Curve, ...]:
    """The mean rate of weight change with Poisson trains, for each postsynaptic rate."""
    seconds, copies = part.seconds, part.copies
    setup, run_options = PairingSetup.split(options)
    given = options.get("weight")
    setup = replace(setup, weight=part.weight if given is None else given)
    data = circuit_data(rule, copies, setup)
    data["phases"] = [
        {"name": "settle", "duration": f"{part.settle} s", "plasticity": "off"},
        {"name": "learn", "duration": f"{seconds} s"},
    ]
    trigger, post, plastic, force = (
        data["populations"].pop("trigger"),
        data["populations"].pop("post"),
        data["pathways"].pop("plastic"),
        data["pathways"].pop("force"),
    )
    data["populations"]["pre"] = {
        "neuron": "poisson",
        "size": copies,
        "parameters": {"rate": f"{part.pre_rate} Hz"},
    }
    for index, rate in enumerate(part.rates):
        here = f"at_{index}"
        data["populations"][f"trigger_{here}"] = {
            **trigger,
            "neuron": "poisson",
            "parameters": {"rate": f"{rate} Hz"},
        }
        data["populations"][f"post_{here}"] = post
        use = plastic["plasticity"][0]
        use = {**use, "instructed_by": f"force_{here}"} if "instructed_by" in use else use
        data["pathways"][f"plastic_{here}"] = {
            **plastic,
            "post": f"post_{here}",
            "plasticity": [use],
        }
        data["pathways"][f"force_{here}"] = {
            **force,
            "pre": f"trigger_{here}",
            "post": f"post_{here}",
        }
    data["record"] = {
        "weights": {"pathways": [f"plastic_at_{index}" for index in range(len(part.rates))]}
    }
    with TemporaryDirectory() as scratch:
        result = _run(data, setup.files, FilePath(scratch) / "rates.h5", run_options)
        means = [
            float(result.weights[f"plastic_at_{index}"].w[-1].mean())
            for index in range(len(part.rates))
        ]
    speed = tuple((mean - setup.weight) / seconds for mean in means)
    return (Curve(f"pre {part.pre_rate:g} Hz", tuple(part.rates), speed),)


def parsed_train(text: str, option: str) -> list[float]:
    """A spike train as it is written on the command line: times in ms, separated by commas.

    Raises
    ------
    CircuitError
        If something in it is not a number.
    """
    words = [word for word in re.split(r"[,\s]+", text.strip()) if word]
    try:
        return sorted(float(word) for word in words)
    except ValueError:
        raise fail(f"{option}: expected times in ms such as 10,50,60, found '{text}'") from None
