"""Pass 2c: Circuit → Scaled. A smaller circuit with the same mean and variance of input.

Van Albada, Helias & Diesmann (2015) PLoS Comput Biol 11:e1004490, doi:10.1371/journal.pcbi.1004490:
with a fraction s of the synapses per neuron, weights grow by 1/sqrt(s), which keeps the variance,
and a constant current makes up for the mean that is lost, computed from the rates of the full
circuit. Where no current does, as through a conductance, a stimulus keeps all of its sources, which
cost nothing, and with them mean and variance. The fraction is that which a pathway is left with, as
its numbers are whole.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import sqrt

from thalia.circuit.part_use import Stimulus
from thalia.circuit.spec import Circuit, Pathway, Population, Scale
from thalia.compiler.connect_limits import check_numbers
from thalia.compiler.lost_input import Loss, losses
from thalia.compiler.options import CompilerOptions
from thalia.compiler.synaptic_input import in_degree_of, sizes_of, total_number
from thalia.errors import Diagnostics, Path, counted
from thalia.syntax.units import UNITS, Value, constant

_AMPERE = UNITS["A"][1]
_NAMED = 4  # pathways that a note names, before it counts the others
_ROUNDING = 0.01  # part by which a fraction may differ untold


@dataclass(frozen=True)
class ScaleReport:
    """What down-scaling kept, and what it did not."""

    preserved: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """Both, one a line, as a plan shows them."""
        kept = (f"kept: {text}" for text in self.preserved)
        return (*kept, *(f"not kept: {text}" for text in self.lost))


@dataclass(frozen=True)
class Scaled:
    """A circuit as large as it will be, and what its scale preserves."""

    circuit: Circuit
    report: ScaleReport


def downscale(circuit: Circuit, options: CompilerOptions, diagnostics: Diagnostics) -> Scaled:
    """The circuit at its scale; numbers of synapses are settled here even at full scale.

    The sum of what each population lost becomes an ordinary stimulus `compensation.<population>`,
    so that the plan shows it. Connectivity that cannot be, before or after, is noted.
    """
    scale, sizes = circuit.scale, sizes_of(circuit)
    if scale != Scale():
        _refuse_data(circuit, diagnostics)
    populations = {
        name: _scaled_population(population, scale.neurons.mean)
        for name, population in circuit.populations.items()
    }
    pathways = {name: _thinned(p, sizes, scale) for name, p in circuit.pathways.items()}
    smaller = circuit.with_(scale=Scale(), populations=populations, pathways=pathways)
    check_numbers(circuit, smaller, diagnostics)
    if scale == Scale():
        return Scaled(smaller, ScaleReport())
    fractions = _fractions(circuit, smaller)
    lost = losses(circuit, sizes, fractions)
    whole = [each.path for each in lost if each.unknown and each.path[0] == "stimuli"]
    fractions |= dict.fromkeys(whole, 1.0)
    lost = tuple(each for each in lost if each.path not in whole)
    boosted = {name: _boosted(p, fractions["pathways", name]) for name, p in pathways.items()}
    stimuli = {
        name: _scaled_stimulus(stimulus, fractions.get(("stimuli", name), 1))
        for name, stimulus in circuit.stimuli.items()
    }
    scaled = smaller.with_(pathways=boosted, stimuli=stimuli | _compensation(lost))
    return Scaled(scaled, _report(circuit, smaller, fractions, lost, whole))


def _refuse_data(circuit: Circuit, diagnostics: Diagnostics) -> None:
    """Note that what data list, neuron by neuron, is not made smaller."""
    listed = [name for name, population in circuit.populations.items() if population.nodes]
    listed += [name for name, pathway in circuit.pathways.items() if pathway.connect.edges]
    if listed:
        message = f"{listed[0]} is from data, which are not made smaller"
        diagnostics.error(("scale",), message, "choose rows of the table with `where:`")


def _scaled_population(population: Population, factor: float) -> Population:
    return population.with_(size=max(1, round((population.size or 1) * factor)))


def _thinned(pathway: Pathway, sizes: Mapping[str, int], scale: Scale) -> Pathway:
    """The pathway with its share of synapses, at least one where there were some."""
    connect, neurons, synapses = pathway.connect, scale.neurons.mean, scale.synapses.mean
    changes: dict[str, tuple[tuple[Value, ...], ...] | Value | None] = {
        key: _fewer(chance, synapses / neurons)
        for key in ("within", "between")
        if (chance := getattr(connect, key)) is not None
    }
    if connect.rule == "fixed_total_number":
        total = total_number(connect, sizes.get(pathway.pre[0], 1), sizes.get(pathway.post[0], 1))
        changes["number"] = _cell(_whole(total, neurons * synapses))
        changes["probability"] = None
    elif connect.number is not None:
        changes["number"] = _cell(_whole(connect.number[0][0].mean, synapses))
    elif connect.probability is not None:
        changes["probability"] = ((_fewer(connect.probability[0][0], synapses / neurons),),)
    return pathway.with_(connect=connect.with_(**changes))


def _fewer(probability: Value, factor: float) -> Value:
    """A probability times a factor, which stays a probability."""
    if not probability.is_formula:
        return constant(min(1.0, probability.mean * factor))
    scaled = probability.scaled(factor)
    if scaled.arguments[2] <= 1:
        return scaled
    arguments = tuple(min(1.0, each) for each in scaled.arguments)
    return replace(scaled, arguments=arguments, expression=f"clip({scaled.expression}, 0, 1)")


def _whole(number: float, fraction: float) -> int:
    """A fraction of a number of synapses, which is never none of some."""
    return max(round(number * fraction), min(1, round(number)))


def _cell(number: float) -> tuple[tuple[Value, ...], ...]:
    return ((constant(number),),)


def _fractions(circuit: Circuit, smaller: Circuit) -> dict[Path, float]:
    """The fraction of its synapses per neuron that each pathway and each stimulus is left with."""
    sizes, left, synapses = sizes_of(circuit), sizes_of(smaller), circuit.scale.synapses.mean
    fractions: dict[Path, float] = {
        ("stimuli", name): synapses
        for name, stimulus in circuit.stimuli.items()
        if stimulus.weight is not None and stimulus.number[0][0].mean > 1
    }
    for name, pathway in circuit.pathways.items():
        before, after = in_degree_of(pathway, sizes), in_degree_of(smaller.pathways[name], left)
        wanted = before * left.get(pathway.post[0], 1) * synapses
        if pathway.connect.rule == "fixed_total_number" and round(wanted):
            # in-degrees are random, and their spread is far above what rounding the total changes
            fractions["pathways", name] = synapses
        else:
            fractions["pathways", name] = after / before if before and after else 1.0
    return fractions


def _boosted(pathway: Pathway, fraction: float) -> Pathway:
    """With stronger synapses, and their bounds too, so that a weight keeps its part of them."""
    if fraction == 1:
        return pathway
    factor = 1 / sqrt(fraction)
    bounds = {
        key: bound.scaled(factor)
        for key in ("w_min", "w_max")
        if (bound := getattr(pathway, key)) is not None
    }
    return pathway.with_(weight=((pathway.weight[0][0].scaled(factor),),), **bounds)


def _scaled_stimulus(stimulus: Stimulus, fraction: float) -> Stimulus:
    if fraction == 1 or stimulus.weight is None:
        return stimulus
    number = _cell(stimulus.number[0][0].mean * fraction)
    return stimulus.with_(number=number, weight=stimulus.weight.scaled(1 / sqrt(fraction)))


def _compensation(lost: tuple[Loss, ...]) -> dict[str, Stimulus]:
    """The constant current at each place that makes up for the mean input which is lost there."""
    currents: dict[tuple[str, str], float] = {}
    for each in lost:
        currents[each.place] = currents.get(each.place, 0.0) + each.current
    return {
        ".".join(filter(None, ("compensation", *place))): Stimulus(
            kind="current",
            target=(place[0],),
            compartment=place[1],
            parameters={"amplitude": constant(current, _AMPERE)},
        )
        for place, current in currents.items()
        if current
    }


def _report(
    circuit: Circuit,
    smaller: Circuit,
    fractions: Mapping[Path, float],
    lost: tuple[Loss, ...],
    whole: Sequence[Path],
) -> ScaleReport:
    """What was kept and lost, derived from what was done."""
    kept, synapses = [], circuit.scale.synapses.mean
    if any(fraction != 1 for fraction in fractions.values()):
        kept.append(
            "variance of the synaptic input at the same rates "
            "(weights divided by the root of the fraction of synapses)"
        )
    unknown = {each.place[0] for each in lost if each.unknown}
    made_up = {each.place[0] for each in lost if each.current} - unknown
    if made_up:
        through = [e.path for e in lost if e.current and e.place[0] in made_up]
        plastic = any(p[0] == "pathways" and circuit.pathways[str(p[1])].rules for p in through)
        kept.append(
            f"mean of the synaptic input of {counted(len(made_up), 'population')} (constant current"
            f"{' for the weights at the start' if plastic else ''}; van Albada 2015)"
        )
    if whole:
        names = ", ".join(str(name) for _, name in whole)
        kept.append(f"all sources of {names}, for whose mean no constant current makes up")
    left_out = [f"mean input through {e.path[1]}: {e.unknown}" for e in lost if e.unknown]
    if uneven := _uneven(circuit, smaller, fractions):
        left_out.append(f"one fraction of synapses per neuron, {synapses:g}: {uneven}")
    left_out.append(
        "numbers of neurons and synapses, and with them the correlations, which grow as 1/N"
        if synapses != 1
        else "the number of neurons, and with it sparseness: correlations grow"
    )
    return ScaleReport(tuple(kept), tuple(left_out))


def _uneven(circuit: Circuit, smaller: Circuit, fractions: Mapping[Path, float]) -> str:
    """The in-degrees of pathways that are left with another fraction of their synapses."""
    sizes, left, synapses = sizes_of(circuit), sizes_of(smaller), circuit.scale.synapses.mean
    told = [
        f"{in_degree_of(smaller.pathways[name], left):.3g} of "
        f"{in_degree_of(pathway, sizes):.3g} in {name}"
        for name, pathway in circuit.pathways.items()
        if abs(fractions["pathways", name] / synapses - 1) > _ROUNDING
    ]
    more = len(told) - _NAMED
    shown = ", ".join(told[:_NAMED])
    return f"{shown}, and {counted(more, 'other pathway')}" if more > 0 else shown
