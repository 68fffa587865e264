"""Stimuli: currents and rates, which are terms of a neuron's input, and Poisson spikes."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

from thalia.circuit.part_use import Stimulus
from thalia.circuit.spec import Circuit
from thalia.compiler.drives import Drive, DriveMember, Frames
from thalia.compiler.plan import AMPERE, HERTZ, group_name, identifier
from thalia.compiler.resolve.components import Parameters, component, parameters, written
from thalia.compiler.resolve.ranges import CONDUCTANCE, check_conductance
from thalia.compiler.resolve.receptors import (
    SOMA,
    Receptor,
    ReceptorUse,
    Target,
    receptor_use,
    target_of,
)
from thalia.errors import Diagnostics, Path, shortened
from thalia.library.schema import IN_TIME, Neuron, StimulusKind
from thalia.syntax.dimensions import dimension_of
from thalia.syntax.equations import Statement, evaluate, identifiers, rename
from thalia.syntax.expressions import EquationError
from thalia.syntax.fields import expect
from thalia.syntax.formulas import AXES
from thalia.syntax.selection import as_value
from thalia.syntax.time_grid import MIDDLE
from thalia.syntax.units import METRE, Value, ValueSyntaxError, a_quantity, dimension_name

_ALWAYS = {"kind", "target", "parameters"}  # keys of every stimulus

type ActsAs = Literal["current", "rate", "spikes"]


@dataclass(frozen=True)
class ResolvedStimulus:
    """A stimulus with its kind and parameters, where it acts, and how."""

    name: str
    stimulus: Stimulus
    part: StimulusKind
    values: Parameters
    target: Target
    acts_as: ActsAs
    places: Parameters = field(default_factory=dict)  # the coordinates that it reads
    frames: Frames | None = None  # what it is given over time

    @property
    def is_bias(self) -> bool:
        """Whether it is one constant current for every neuron, at the soma."""
        constant = self.part.current.strip() in self.values
        is_whole = not self.stimulus.neurons and not self.frames
        return constant and self.target == SOMA and is_whole

    @property
    def population(self) -> str:
        """The population that it acts on."""
        return self.stimulus.target[0]

    @property
    def path(self) -> Path:
        """Where it is written."""
        return ("stimuli", self.name)

    def frames_named(self, name: str) -> Frames | None:
        """What it is given over time, under the name of a variable."""
        return replace(self.frames, name=name) if self.frames else None

    @property
    def strength(self) -> str:
        """The current or rate during a step: that at its middle."""
        return rename(self.part.current or self.part.rate, {"t": MIDDLE})


def resolve_stimuli(circuit: Circuit, diagnostics: Diagnostics) -> tuple[ResolvedStimulus, ...]:
    """The stimuli of a circuit, without prescribed spikes and those that have mistakes."""
    resolved = (
        _resolved(circuit, name, stimulus, diagnostics)
        for name, stimulus in circuit.stimuli.items()
    )
    return tuple(filter(None, resolved))


def _resolved(
    circuit: Circuit, name: str, stimulus: Stimulus, diagnostics: Diagnostics
) -> ResolvedStimulus | None:
    path: Path = ("stimuli", name)
    part = component(circuit, StimulusKind, stimulus.kind, (*path, "kind"), diagnostics)
    population = stimulus.target[0]
    if population not in circuit.populations:
        diagnostics.unknown((*path, "target"), "populations", population, circuit.populations)
        return None
    if part is None:
        return None
    if not (part.current or part.rate or part.spikes):
        message = f"'{stimulus.kind}' has neither a current nor a rate"
        hint, missing = "give it one: `rate: peak*exp(-t/tau)`", ("stimulus_kinds", stimulus.kind)
        diagnostics.error((*path, "kind"), message, hint, missing)
        return None
    reads_rates = bool(part.rate) and _takes_rates(circuit, population, diagnostics)
    _check_keys(stimulus, part, reads_rates, path, diagnostics)
    values = parameters(part, stimulus.parameters, path, diagnostics)
    target = target_of(circuit, population, stimulus.compartment, path, diagnostics)
    if values is None or target is None or part.spikes:
        return None
    if not _dimension_holds(circuit, stimulus.kind, part, values, path, diagnostics):
        return None
    places = _places(circuit, stimulus, part, path, diagnostics)
    _check_neurons(circuit, stimulus, path, diagnostics)
    before = len(diagnostics.problems)
    frames = _frames(circuit, stimulus, part, path, diagnostics)
    if places is None or len(diagnostics.problems) > before:
        return None
    if frames:
        values = {}
    if not part.current:
        acts_as: ActsAs = "rate" if reads_rates else "spikes"
        return ResolvedStimulus(name, stimulus, part, values, target, acts_as, places, frames)
    if target.dimension != AMPERE:
        message = f"'{target.name}' takes {a_quantity(target.dimension)}, and this is a current"
        hint = "remove 'compartment', or use a synapse that provides it"
        diagnostics.error((*path, "compartment"), message, hint)
        return None
    return ResolvedStimulus(name, stimulus, part, values, target, "current", places, frames)


def _places(
    circuit: Circuit, stimulus: Stimulus, part: StimulusKind, path: Path, diagnostics: Diagnostics
) -> Parameters | None:
    """The coordinates that a stimulus reads, for each neuron; None if there are no such ones."""
    target = stimulus.target[0]
    space = circuit.populations[target].space
    extent = {} if space is None else dict(zip(AXES, space.extent, strict=False))
    read = sorted(identifiers(part.current or part.rate) & {*AXES})
    for axis in read:
        if axis not in extent:
            message = f"'{stimulus.kind}' reads '{axis}', and {target} has no such coordinate"
            diagnostics.error((*path, "kind"), message, "give it `space: {extent: [1 mm, 1 mm]}`")
            return None
    return {
        axis: Value("formula", (0, side / 2, side), METRE, text=axis, expression=axis)
        for axis, side in ((axis, extent[axis].mean) for axis in read)
    }


def _frames(
    circuit: Circuit, stimulus: Stimulus, part: StimulusKind, path: Path, diagnostics: Diagnostics
) -> Frames | None:
    """The numbers that a stimulus is given over time, if any."""
    if not part.over_time or not stimulus.model_fields_set & IN_TIME:
        return None
    from thalia.compiler.resolve.series import frames_of  # late: it needs NumPy

    return frames_of(circuit, stimulus, part.over_time, path, diagnostics)


def _check_neurons(
    circuit: Circuit, stimulus: Stimulus, path: Path, diagnostics: Diagnostics
) -> None:
    target = circuit.populations[stimulus.target[0]]
    if stimulus.neurons:
        with diagnostics.catch((*path, "target", "neurons")):
            stimulus.neurons.check(target.size or 1, target.chosen_by)


def _check_keys(
    stimulus: Stimulus, part: StimulusKind, reads_rates: bool, path: Path, diagnostics: Diagnostics
) -> None:
    """Note the keys that were written and that do nothing."""
    target, used = (
        stimulus.target[0],
        ", ".join(sorted({*part.keys, *part.parameters} - {"neurons"})),
    )
    for key in sorted(stimulus.model_fields_set - _ALWAYS):
        if key not in part.keys:
            message = f"a stimulus of kind '{stimulus.kind}' does not use '{key}'"
            diagnostics.error((*path, key), message, f"remove it; used: {used}")
        elif reads_rates and key not in (IN_TIME | {"neurons"}):
            message = f"{target} reads the rate itself, and does not use '{key}'"
            hint = f"remove it, or give {target} a stimulus of its own"
            diagnostics.error((*path, key), message, hint)


def _dimension_holds(
    circuit: Circuit,
    kind: str,
    part: StimulusKind,
    values: Parameters,
    path: Path,
    diagnostics: Diagnostics,
) -> bool:
    expression, wanted = (part.current, AMPERE) if part.current else (part.rate, HERTZ)
    names = {name: value.dimension for name, value in values.items()} | dict.fromkeys(AXES, METRE)
    key = "current" if part.current else "rate"
    before = len(diagnostics.problems)
    there = written(circuit, StimulusKind, kind, path)
    with there.catch((key,), (0, 0), diagnostics):
        found = dimension_of(expression, names)
        if found != wanted:
            what = f"a {dimension_name(wanted)}, but it is a {dimension_name(found)}"
            raise EquationError(f"'{shortened(expression)}' should be {what}")
    return len(diagnostics.problems) == before


def _takes_rates(circuit: Circuit, population: str, diagnostics: Diagnostics) -> bool:
    """Whether the neurons read rates themselves, so that no spikes are drawn for them."""
    path: Path = ("populations", population, "neuron")
    name = circuit.populations[population].neuron
    neuron = component(circuit, Neuron, name, path, diagnostics)
    return neuron is not None and any(
        "input_rate" in identifiers(e.right) for e in neuron.equations if e.right
    )


def stimulus_receptors(
    circuit: Circuit, stimuli: tuple[ResolvedStimulus, ...], diagnostics: Diagnostics
) -> Iterator[ReceptorUse]:
    """The receptors of stimuli that deliver spikes, where the weight has the right dimension."""
    for each in stimuli:
        if each.acts_as != "spikes":
            continue
        weight, through = each.stimulus.weight, each.stimulus.through
        if weight is None:
            hint = "give the effect of one spike, as in `weight: 1 nS`"
            diagnostics.error(each.path, "'weight' is missing", hint)
            continue
        path = (*each.path, "synapse")
        use = receptor_use(circuit, each.path, through, path, each.target, diagnostics)
        if use is None:
            continue
        try:
            expect(weight, use.weight)
        except ValueSyntaxError as error:
            hint = f"the synapse is '{through.part}'"
            diagnostics.error((*each.path, "weight"), str(error), hint)
            continue
        if use.weight == CONDUCTANCE:
            check_conductance(weight, (*each.path, "weight"), diagnostics)
        yield use


def drives_of(
    stimuli: tuple[ResolvedStimulus, ...],
    receptors: dict[Path, Receptor],
    diagnostics: Diagnostics,
) -> tuple[Drive, ...]:
    """The drives that deliver the Poisson spikes of the stimuli."""
    drives = (
        _drive(each, receptors[each.path], diagnostics)
        for each in stimuli
        if each.acts_as == "spikes" and each.path in receptors
    )
    return tuple(filter(None, drives))


def _drive(each: ResolvedStimulus, receptor: Receptor, diagnostics: Diagnostics) -> Drive | None:
    stimulus, values, rate = each.stimulus, each.values | each.places, each.strength
    assert stimulus.weight is not None
    jump = _single_jump(receptor.arrival)
    if jump is None:
        name = receptor.input.name
        message = f"'{name}' cannot be driven by a stimulus: one spike changes several variables"
        diagnostics.error((*each.path, "synapse"), message)
        return None
    variable, amount = jump
    number, mean = stimulus.number[0][0].mean, None
    chosen = as_value(stimulus.neurons) if stimulus.neurons else None
    varies = "t" in identifiers(rate) or any(value.is_random for value in values.values())
    varies = varies or each.frames is not None
    if not varies and not chosen:
        mean = number * evaluate(rate, {key: value.mean for key, value in values.items()})
    for key in sorted(identifiers(amount) & receptor.values.keys()):
        if (value := receptor.values[key]).is_random:
            parameter = key.removeprefix(f"{receptor.input.name}_")
            message = f"a stimulus needs one number for '{parameter}', found {value}"
            hint = "or connect a population of `neuron: poisson` by a pathway"
            diagnostics.error((*each.path, "synapse"), message, hint)
    numbers = {key: value.mean for key, value in receptor.values.items()}
    factor = evaluate(amount, {**numbers, "w": 1.0})
    weight = stimulus.weight if factor == 1 else stimulus.weight.scaled(factor)
    word = f"drive_{identifier(each.name)}"
    local = {key: f"{word}_{key}" for key in values}
    renamed = {local[key]: value for key, value in values.items()}
    member = DriveMember(each.name, each.population, weight, number, mean, renamed, chosen)
    frames = each.frames_named(f"{word}_rates")
    if frames:
        local = {each.part.over_time: frames.name}
    varying = rename(rate, local) if mean is None else ""
    return Drive(word, group_name(each.population), variable, varying, (member,), frames)


def _single_jump(arrival: tuple[Statement, ...]) -> tuple[str, str] | None:
    """The variable that one spike adds to, and what it adds, as an expression."""
    if len(arrival) != 1 or arrival[0].operator != "+=":
        return None
    names = {name: name.removesuffix("_post") for name in identifiers(arrival[0].right)}
    return arrival[0].target.removesuffix("_post"), rename(arrival[0].right, names)
