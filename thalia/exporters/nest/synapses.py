"""Plastic synapses of the library as models of NEST, and what cells need for them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from thalia.circuit.part_use import RuleUse, SynapseUse
from thalia.circuit.spec import Circuit
from thalia.errors import Path, Problem
from thalia.exporters.nest.models import MS
from thalia.library.schema import Layer

PAIR, SHORT_TERM = "stdp_pair", "tsodyks_markram"
ALL, NEAREST = "all_to_all", "stdp_nn"
Values = Mapping[str, float]


@dataclass(frozen=True)
class Plastic:
    """A plastic synapse of NEST, with its parameters; times in ms, weights in the unit of the port.

    `rates` are those of its parameters that are 0 in phases in which it does not learn; `traces`
    are parameters of the postsynaptic cell.
    """

    model: str
    parameters: dict[str, float]
    rates: tuple[str, ...] = ()
    traces: dict[str, float] | None = None
    learns: tuple[bool, ...] = ()


@dataclass(frozen=True)
class Rule:
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


RULES = {
    PAIR: Rule(
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
    "stdp_triplet": Rule(
        {ALL: "stdp_triplet_synapse"},
        _triplet,
        {"tau_minus": "tau_minus", "tau_minus_triplet": "tau_y"},
        ("Aplus", "Aplus_triplet", "Aminus", "Aminus_triplet"),
    ),
    "stdp_inhibitory": Rule(
        {ALL: "vogels_sprekeler_synapse"}, _inhibitory, {"tau_minus": "tau"}, ("eta",)
    ),
}


def against_rules(uses: Sequence[RuleUse], path: Path) -> Iterator[Problem]:
    """What of the rules of a pathway NEST has no counterpart for."""
    if len(uses) > 1:
        yield Problem(path, "several rules of one pathway", "one rule each")
    for use in uses:
        if use.modulator or use.eligibility:
            yield Problem(path, "a rule that a modulator scales, or that waits for one", "")
        elif use.rule not in RULES:
            yield Problem(
                path,
                f"{use.rule or use.window}: no plastic synapse of NEST is like it here",
                f"those that have one: {', '.join(RULES)}",
            )
        elif use.pairing and use.pairing not in RULES[use.rule].models:
            yield Problem(path, f"{use.rule}: NEST does not pair spikes by {use.pairing}", "")


def learning(circuit: Circuit, use: RuleUse, w_max: float, learns: tuple[bool, ...]) -> Plastic:
    """The synapse of NEST with the same rule; `w_max` is the bound in the unit of the port."""
    rule, values = RULES[use.rule], _values(circuit, "plasticity", use.rule, use)
    return Plastic(
        rule.models[use.pairing or ALL],
        rule.translated(values, w_max),
        rule.rates,
        {theirs: values[mine] / MS for theirs, mine in rule.traces.items()},
        learns,
    )


def short_term(circuit: Circuit, use: SynapseUse) -> Plastic:
    """Short-term plasticity; without spikes nothing is facilitated and everything recovered."""
    values = _values(circuit, "synapses", use.part, use)
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


def _values(circuit: Circuit, kind: str, name: str, use: RuleUse | SynapseUse) -> Values:
    """All parameters of a part in SI, as they are used."""
    part = circuit.part(kind, name)
    assert isinstance(part, Layer)
    preset = part.presets[use.preset].parameters if use.preset else {}
    defaults = {name: parameter.default for name, parameter in part.parameters.items()}
    return {name: value.mean for name, value in {**defaults, **preset, **use.parameters}.items()}
