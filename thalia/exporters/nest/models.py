"""Cells of the library as models of NEST: names, parameters, receptors and initial values.

Which ones are alike was found by the same currents and spikes into both (tests/reference).
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thalia.compiler.plan import Group, Input, Member
from thalia.errors import Problem
from thalia.exporters.nest.izhikevich import Number, in_nest
from thalia.exporters.nest.nestml_text import size_of
from thalia.syntax.units import UNITS, Dimension

MV, MS, PF, NS, PA = 1e-3, 1e-3, 1e-12, 1e-9, 1e-12  # units of NEST in SI


@dataclass(frozen=True)
class Cell:
    """A population as NEST creates it.

    `parameters` are numbers, or arrays with one for each neuron, in units of NEST; `ports` says for
    each receptor to which port its synapses go and with which sign, in units of what weight.
    One that is `described` is of a model of NESTML; spikes of one that is `early` come a step
    before they do in Thalia, for which its synapses and its recording make up.
    """

    population: str
    size: int
    model: str
    parameters: dict[str, Number]
    ports: dict[str, "Port"] = field(default_factory=dict)
    rate: float | None = None  # of a generator for each neuron, in Hz
    plays: bool = False
    described: bool = False
    early: bool = False


@dataclass(frozen=True)
class Port:
    """Where spikes of a synapse arrive: a receptor of NEST, with the sign that reaches it."""

    receptor: int = 0
    sign: int = 1
    unit: float = PA


@dataclass(frozen=True)
class Model:
    """A cell of the library and its counterpart; of each parameter its name there, and the unit."""

    parameters: Mapping[str, tuple[str, float]]
    initial: Mapping[str, tuple[str, float]]
    remark: str = ""


_LEAKY = {
    "c_m": ("C_m", PF),
    "e_l": ("E_L", MV),
    "v_reset": ("V_reset", MV),
    "t_ref": ("t_ref", MS),
}
_FIRING = {**_LEAKY, "v_th": ("V_th", MV)}
MODELS = {
    "lif_current": Model({**_FIRING, "tau_m": ("tau_m", MS)}, {"v": ("V_m", MV)}),
    "lif_conductance": Model({**_FIRING, "g_l": ("g_L", NS)}, {"v": ("V_m", MV)}),
    "adex": Model(
        {
            **_LEAKY,
            "g_l": ("g_L", NS),
            "v_t": ("V_th", MV),
            "delta_t": ("Delta_T", MV),
            "tau_w": ("tau_w", MS),
            "a": ("a", NS),
            "b": ("b", PA),
            "v_peak": ("V_peak", MV),
        },
        {"v": ("V_m", MV), "adaptation": ("w", PA)},
        remark="aeif_cond_exp chooses its steps, so that spikes may be some steps apart",
    ),
    "hodgkin_huxley": Model(
        {
            "c_m": ("C_m", PF),
            "g_l": ("g_L", NS),
            "e_l": ("E_L", MV),
            "g_na": ("g_Na", NS),
            "e_na": ("E_Na", MV),
            "g_k": ("g_K", NS),
            "e_k": ("E_K", MV),
            "v_t": ("V_T", MV),
            "t_ref": ("t_ref", MS),
        },
        {
            "v": ("V_m", MV),
            "m": ("Act_m", 1.0),
            "h": ("Inact_h", 1.0),
            "n": ("Act_n", 1.0),
        },
        remark="hh_cond_exp_traub chooses its steps; the time of a spike is its peak, not v_spike",
    ),
}
JUMPING = "iaf_psc_delta"
IZHIKEVICH = "izhikevich"
BY_CURRENT = {"current_exp": "iaf_psc_exp", "current_alpha": "iaf_psc_alpha"}
BY_CONDUCTANCE = {
    "lif_conductance": "iaf_cond_exp",
    "adex": "aeif_cond_exp",
    "hodgkin_huxley": "hh_cond_exp_traub",
}
BIAS = "bias"  # all constant currents into a neuron, with what a smaller network lacks
CONDUCTANCES = ("ampa", "gaba_a")
CONDUCTANCE_OF = {1: "g_ex", -1: "g_in"}  # by the sign of its weights
SYNAPSES = ("delta", *BY_CURRENT, *CONDUCTANCES)


def native(part: str) -> bool:
    """Whether a cell of the library has a counterpart."""
    return part in (*MODELS, IZHIKEVICH, "poisson", "spike_source")


def cell_of(
    group: Group,
    member: Member,
    arrays: Mapping[str, NDArray[np.float64]],
    dt: float,
    arriving: Collection[str],
) -> Cell | list[Problem]:
    """A population with its parameters, or why NEST has none like it.

    Parameters
    ----------
    dt : float
        In SI.
    arriving : names of the inputs of the group at which spikes arrive in this population
    """
    path = ("populations", member.name)

    def number(name: str) -> Number:
        values = arrays[name]
        mine = values if len(values) == 1 else values[member.start : member.stop]
        return float(mine[0]) if len(np.unique(mine)) == 1 else np.array(mine)

    if group.plays_spikes:
        return Cell(member.name, member.size, "parrot_neuron", {}, plays=True)
    if group.part == "poisson":
        rate = number("rate")
        if not isinstance(rate, float):
            return [Problem(path, "rates that differ from neuron to neuron", "one population each")]
        return Cell(member.name, member.size, "parrot_neuron", {}, rate=rate)
    if group.part == IZHIKEVICH:
        return _izhikevich(member, group.all_parameters(), arrays, number, arriving)
    model = MODELS[group.part]
    receptors = [
        each
        for each in group.inputs
        if not each.is_state
        and each.equations
        and (each.name in arriving or any(np.any(number(v)) for v in _held(each, arrays)))
    ]
    found = _ports(group.part, receptors, number, "delta" in arriving)
    if isinstance(found, str):
        return [Problem(path, found, "")]
    name, ports, more = found
    parameters = {theirs: number(mine) / unit for mine, (theirs, unit) in model.parameters.items()}
    initial = {
        theirs: number(mine) / unit
        for mine, (theirs, unit) in model.initial.items()
        if mine in arrays
    }
    for variable in (name for each in receptors for name in _held(each, arrays)):
        if np.any(number(variable)):
            if part_of := CONDUCTANCE_OF.get(_ending(variable, ports)):
                more[part_of] = number(variable) / NS
            else:
                told = f"{variable}: NEST begins with none of it"
                return [Problem((*path, "initial"), told, "leave it out")]
    if BIAS in arrays:
        more["I_e"] = number(BIAS) / PA
    cell = Cell(member.name, member.size, name, {**parameters, **initial, **more}, ports)
    return _jumping(cell, dt / MS) if name == JUMPING else cell


def _izhikevich(
    member: Member,
    dimensions: Mapping[str, Dimension],
    arrays: Mapping[str, NDArray[np.float64]],
    number: Callable[[str], Number],
    arriving: Collection[str],
) -> Cell | list[Problem]:
    """A population as NEST's cell of Izhikevich, or why it is none."""
    path = ("populations", member.name)
    if others := sorted({*arriving} - {"delta"}):
        return [
            Problem(
                path,
                f"{IZHIKEVICH} with {', '.join(others)}: the potential of NEST's only jumps",
                "--nestml",
            )
        ]
    known = {**dimensions, "v": UNITS["mV"][1], "u": UNITS["pA"][1]}
    given = {name: number(name) / size_of(each) for name, each in known.items() if name in arrays}
    found = in_nest({"v": given.get("v_r", 0.0), "u": 0.0, BIAS: 0.0, **given})
    if isinstance(found, str):
        return [Problem(path, found, "--nestml")]
    return Cell(member.name, member.size, IZHIKEVICH, found, {"delta": Port(unit=MV)})


def _jumping(cell: Cell, dt: float) -> Cell:
    """A cell whose potential jumps, which NEST compares with the threshold at once.

    Thalia does in the next step, when the potential has decayed: that is the threshold from which
    it is still above the cell's own then, passed a step before, and left a step later.
    """
    p = cell.parameters
    decay = np.exp(-dt / p["tau_m"])
    rest = p["E_L"] + p.get("I_e", 0.0) * p["tau_m"] / p["C_m"]
    later = {"V_th": rest + (p["V_th"] - rest) / decay, "t_ref": p["t_ref"] + dt}
    plain = {name: float(v) if np.ndim(v) == 0 else v for name, v in later.items()}
    return replace(cell, parameters={**p, **plain}, early=True)


def _held(receptor: Input, arrays: Mapping[str, NDArray[np.float64]]) -> list[str]:
    """The variables of a receptor that are given initial values."""
    return [each.name for each in receptor.equations if each.name in arrays]


def _ending(variable: str, ports: Mapping[str, Port]) -> int:
    """The sign of the conductance that a variable is; 0 if it is none."""
    port = ports.get(variable.removesuffix("_g"))
    return port.sign if port and port.unit == NS and variable.endswith("_g") else 0


def _ports(
    part: str, receptors: list[Input], number: Any, jumps: bool
) -> tuple[str, dict[str, Port], dict[str, Any]] | str:
    """The model with these receptors, their ports, and the parameters of these, or why none has."""
    kinds = {*(_kind(each) for each in receptors), *(["delta"] if jumps else [])}
    if part == "lif_current":
        if not receptors:  # of synapses that step the potential, or none
            return JUMPING, {"delta": Port(unit=MV)}, {}
        if len(kinds) > 1 or not kinds <= {*BY_CURRENT}:
            return f"receptors of several kinds in one neuron ({', '.join(sorted(kinds))})"
        (kind,) = kinds
        taus = [number(f"{each.name}_tau") / MS for each in receptors]
        if len(receptors) == 1:
            ports = {receptors[0].name: Port()}
            return BY_CURRENT[kind], ports, {"tau_syn_ex": taus[0], "tau_syn_in": taus[0]}
        ports = {each.name: Port(place + 1) for place, each in enumerate(receptors)}
        return f"{BY_CURRENT[kind]}_multisynapse", ports, {"tau_syn": taus}
    if not kinds <= {*CONDUCTANCES} or len(receptors) > 2:
        names = [*(["delta"] if jumps else []), *(each.name for each in receptors)]
        return (
            f"receptors {', '.join(names)}: {BY_CONDUCTANCE[part]} has two, with instantaneous rise"
        )
    ports, more = {}, dict[str, Any]()
    for each, (ending, sign) in zip(_in_order(receptors), (("ex", 1), ("in", -1)), strict=False):
        ports[each.name] = Port(0, sign, NS)
        more[f"E_{ending}"] = number(f"{each.name}_e_rev") / MV
        more[f"tau_syn_{ending}"] = number(f"{each.name}_tau") / MS
    return BY_CONDUCTANCE[part], ports, more


def _kind(receptor: Input) -> str:
    """The synapse of the library that a receptor belongs to; several of a kind are numbered."""
    return next(
        (kind for kind in SYNAPSES if receptor.name.rstrip("_0123456789") == kind), receptor.name
    )


def _in_order(receptors: list[Input]) -> Iterator[Input]:
    yield from sorted(receptors, key=lambda each: _kind(each) == "gaba_a")
