"""Plastic synapses of the library as models of NEST, and what cells need for them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from thalia.circuit.part_use import Modulator, RuleUse, SynapseUse
from thalia.circuit.spec import Circuit
from thalia.errors import Path, Problem
from thalia.exporters.nest.models import MS
from thalia.library.protocol_schema import Window
from thalia.library.schema import Layer, ModulatorKind, Rule
from thalia.syntax.units import Value

PAIR, SHORT_TERM = "stdp_pair", "tsodyks_markram"
ALL, NEAREST = "all_to_all", "stdp_nn"
DOPAMINE, TRANSMITTER = "dopamine_stdp", "first_order"
Values = Mapping[str, float]


@dataclass(frozen=True)
class Plastic:
    """A plastic synapse of NEST, with its parameters; times in ms, weights in the unit of the port.

    `rates` are those of its parameters that are 0 in phases in which it does not learn; `traces`
    are parameters of the postsynaptic cell. `transmitter` names the modulator that it waits for;
    one that is `described` is of a model of NESTML, and may go through all `steps`.
    """

    model: str
    parameters: dict[str, float]
    rates: tuple[str, ...] = ()
    traces: dict[str, float] | None = None
    learns: tuple[bool, ...] = ()
    transmitter: str = ""
    described: bool = False
    steps: bool = False


@dataclass(frozen=True)
class Counterpart:
    """A rule of the library and its counterpart, for each pairing.

    `translated` gives its parameters from those here in SI and from the bound of the weight.
    """

    models: dict[str, str]
    translated: Callable[[Values, float], dict[str, float]]
    traces: dict[str, str]
    rates: tuple[str, ...]
    remark: str = ""


def _pair(values: Values, w_max: float) -> dict[str, float]:
    return {
        "tau_plus": values["tau_plus"] / MS,
        "lambda": values["a_plus"],
        "alpha": values["a_minus"] / values["a_plus"],
        "mu_plus": values["mu_plus"],
        "mu_minus": values["mu_minus"],
        "Wmax": w_max,
    }


def _triplet(values: Values, w_max: float) -> dict[str, float]:
    return {
        "tau_plus": values["tau_plus"] / MS,
        "tau_plus_triplet": values["tau_x"] / MS,
        "Aplus": values["a2_plus"] * w_max,
        "Aplus_triplet": values["a3_plus"] * w_max,
        "Aminus": values["a2_minus"] * w_max,
        "Aminus_triplet": values["a3_minus"] * w_max,
        "Wmax": w_max,
    }


def _inhibitory(values: Values, w_max: float) -> dict[str, float]:
    return {
        "tau": values["tau"] / MS,
        "eta": values["eta"] * abs(w_max),
        "alpha": values["alpha"],
        "Wmax": w_max,
    }


def _power_law(values: Values, w_max: float) -> dict[str, float]:
    rate = values["rate"] * (values["reference"] * w_max) ** (1 - values["mu"])
    return {
        "tau_plus": values["tau_plus"] / MS,
        "lambda": rate,
        "alpha": values["rate"] * values["alpha"] / rate,
        "mu": values["mu"],
    }


def _dopamine(values: Values, w_max: float) -> dict[str, float]:
    """Without the modulator, which `_released` adds: what one unit of its signal does in 1 ms."""
    size = values["rate"] * MS * w_max
    return {
        "tau_plus": values["tau_plus"] / MS,
        "tau_c": values["tau_eligibility"] / MS,
        "A_plus": values["a_plus"] * size,
        "A_minus": values["a_minus"] * size,
        "Wmin": 0.0,
        "Wmax": w_max,
    }


RULES = {
    PAIR: Counterpart(
        {
            ALL: "stdp_synapse",
            "nearest_symmetric": f"{NEAREST}_symm_synapse",
            "nearest_pre_centred": f"{NEAREST}_pre_centered_synapse",
            "nearest_restricted": f"{NEAREST}_restr_synapse",
        },
        _pair,
        {"tau_minus": "tau_minus"},
        ("lambda",),
    ),
    "stdp_triplet": Counterpart(
        {ALL: "stdp_triplet_synapse"},
        _triplet,
        {"tau_minus": "tau_minus", "tau_minus_triplet": "tau_y"},
        ("Aplus", "Aplus_triplet", "Aminus", "Aminus_triplet"),
    ),
    "stdp_inhibitory": Counterpart(
        {ALL: "vogels_sprekeler_synapse"}, _inhibitory, {"tau_minus": "tau"}, ("eta",)
    ),
    "stdp_power_law": Counterpart(
        {ALL: "stdp_pl_synapse_hom"}, _power_law, {"tau_minus": "tau_minus"}, ("lambda",)
    ),
    DOPAMINE: Counterpart(
        {ALL: "stdp_dopamine_synapse"}, _dopamine, {"tau_minus": "tau_minus"}, ("A_plus", "A_minus")
    ),
}
UNBOUNDED = "stdp_pl_synapse_hom"


def is_native(circuit: Circuit, uses: Sequence[RuleUse]) -> bool:
    """Whether NEST has a plastic synapse of the rules of a pathway, with pairing and modulator."""
    return len(uses) == 1 and not _lacking(circuit, uses[0])


def _lacking(circuit: Circuit, use: RuleUse) -> tuple[str, str] | None:
    """What NEST has no plastic synapse for, and those for which it has one; None if it has one."""
    rule, pairing = rule_of(circuit, use)
    if use.eligibility or (use.modulator and rule != DOPAMINE):
        return (
            "a rule that a modulator scales, or that waits for one",
            f"the one that does: {DOPAMINE}",
        )
    if rule not in RULES:
        having = f"those that have one: {', '.join(RULES)}"
        return f"{rule}: no plastic synapse of NEST is like it here", having
    if pairing not in RULES[rule].models:
        return f"{rule}: NEST does not pair spikes by {pairing}", ""
    if rule == DOPAMINE and use.modulator not in circuit.modulators:
        return f"{rule} with an expression of modulators: NEST's has one that spikes release", ""
    if rule == DOPAMINE and (kind := circuit.modulators[use.modulator].kind) != TRANSMITTER:
        return f"{rule} with a modulator of the kind {kind}: NEST's decays exponentially", ""
    return None


def against_rules(
    circuit: Circuit, uses: Sequence[RuleUse], path: Path, why: str | None
) -> Iterator[Problem]:
    """What of the rules of a pathway NEST has no counterpart for.

    `why` is what keeps NESTML from describing those that NEST has not: nothing if it is empty, and
    None if it was not asked.
    """
    if why and not is_native(circuit, uses):
        yield Problem(path, f"{why}, for which NESTML has no synapse here", "")
    if why is not None:
        return
    if len(uses) > 1:
        yield Problem(path, "several rules of one pathway", "--nestml, or one rule each")
    for use in uses:
        if lacking := _lacking(circuit, use):
            told, having = lacking
            yield Problem(path, told, "; ".join(filter(None, ("--nestml", having))))


def _window(circuit: Circuit, use: RuleUse) -> Window:
    window = circuit.part("windows", use.window)
    assert isinstance(window, Window)
    return window


def rule_of(circuit: Circuit, use: RuleUse) -> tuple[str, str]:
    """The rule and the pairing of a use: its own, or those of its window or preset."""
    window = _window(circuit, use) if use.window else None
    name = window.rule if window else use.rule
    part = circuit.part("plasticity", name)
    assert isinstance(part, Rule)
    published = part.published(window.preset).pairing if window else ""
    own = use.pairing or (window.pairing if window else "")
    return name, own or published or part.published(use.preset).pairing or ALL


def against_modulators(circuit: Circuit, nestml: bool) -> Iterator[Problem]:
    """Modulators that no volume transmitter of NEST stands for, and other uses of the others.

    A transmitter counts spikes. NEST's synapse that waits for it lets each decay exponentially;
    those that NESTML describes do with it what they like.
    """
    for name, each in circuit.modulators.items():
        path = ("modulators", name)
        driven = each.input or each.weight_change_of or each.schedule or each.predicted_by
        if driven or each.from_task or not each.released_by:
            yield Problem(
                path,
                "not a modulator of NEST, in which spikes are all that releases one",
                "`released_by` alone has a counterpart",
            )
        elif each.kind != TRANSMITTER and not nestml:
            yield Problem(
                path,
                f"{each.kind}: not a modulator of NEST, whose own decay exponentially",
                f"--nestml; the kind that has a counterpart: {TRANSMITTER}",
            )
        elif len({circuit.populations[population].size for population in each.released_by}) > 1:
            yield Problem(
                path, "released by populations of several sizes", "in NEST all spikes count alike"
            )
    for index, phase in enumerate(circuit.phases):
        if phase.modulators:
            yield Problem(("phases", index, "modulators"), "parameters that change in phases", "")
    for name, population in circuit.populations.items():
        if population.modulation:
            yield Problem(("populations", name, "modulation"), "NEST has no modulated cells", "")
    for name, pathway in circuit.pathways.items():
        if pathway.release:
            yield Problem(("pathways", name, "release"), "NEST has no modulated release", "")


def learning(circuit: Circuit, use: RuleUse, w_max: float, learns: tuple[bool, ...]) -> Plastic:
    """The synapse of NEST with the same rule; `w_max` is the bound in the unit of the port."""
    name, pairing = rule_of(circuit, use)
    rule, values = RULES[name], values_of(circuit, "plasticity", name, use)
    parameters = rule.translated(values, w_max)
    if use.modulator:
        parameters = _released(parameters, _level(circuit, circuit.modulators[use.modulator]))
    return Plastic(
        rule.models[pairing],
        parameters,
        rule.rates,
        {theirs: values[mine] / MS for theirs, mine in rule.traces.items()},
        learns,
        use.modulator,
    )


def _released(parameters: dict[str, float], level: Values) -> dict[str, float]:
    """A rule with its modulator: a spike adds 1/tau_n per ms to that of NEST, which is above b."""
    tau = level["tau"] / MS
    per_spike = level["amplitude"] * tau
    return {
        **parameters,
        "A_plus": parameters["A_plus"] * per_spike,
        "A_minus": parameters["A_minus"] * per_spike,
        "tau_n": tau,
        "b": (level["baseline"] - level["tonic"]) / per_spike,
    }


def _level(circuit: Circuit, modulator: Modulator) -> Values:
    """The parameters of a modulator in SI; `amplitude` is what one spike adds to its level."""
    part = circuit.part("modulators", modulator.kind)
    assert isinstance(part, ModulatorKind)
    defaults = {name: parameter.default.mean for name, parameter in part.parameters.items()}
    given = {name: value.mean for name, value in modulator.parameters.items()}
    values = {**defaults, **given}
    assert modulator.released_by
    neurons = circuit.populations[modulator.released_by[0]].size or 1
    return {
        **values,
        "baseline": given.get("baseline", values["tonic"]),
        "amplitude": values["amplitude"] / neurons,
    }


def short_term(circuit: Circuit, use: SynapseUse) -> Plastic:
    """Short-term plasticity; without spikes nothing is facilitated and everything recovered."""
    values = values_of(circuit, "synapses", use.part, use)
    return Plastic(
        "tsodyks2_synapse",
        {
            "U": values["baseline"],
            "u": values["baseline"],  # what the first spike uses
            "x": 1.0,
            "tau_rec": values["tau_rec"] / MS,
            "tau_fac": values["tau_fac"] / MS,
        },
    )


def values_of(circuit: Circuit, kind: str, name: str, use: RuleUse | SynapseUse) -> Values:
    """All parameters of a part in SI, as they are used."""
    part = circuit.part(kind, name)
    assert isinstance(part, Layer)
    published: Mapping[str, Value] = {}
    if isinstance(use, RuleUse) and use.window:
        window = _window(circuit, use)
        published = {**part.published(window.preset).parameters, **window.values}
    given = part.overlaid(use.parameters, use.preset, published)
    return {name: value.mean for name, value in given.items()}
