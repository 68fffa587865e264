"""What numbers can be: conductances and times are never negative, a delay is at least a step.

A distribution is refused if more than a negligible share of it is out of range: what is drawn out
of range would be changed, or would act with the wrong sign.
"""

from thalia.circuit.part_use import SynapseUse
from thalia.circuit.spec import Circuit
from thalia.errors import Diagnostics, Path
from thalia.library.equation_checks import MAGNITUDES, divisors, why_no_divisor
from thalia.library.schema import Part, Synapse
from thalia.syntax.distributions import percent
from thalia.syntax.units import UNITS, Value, constant

CONDUCTANCE = UNITS["S"][1]
# the tail of a normal distribution beyond five standard deviations is 2.9e-7
NEGLIGIBLE = 3e-7


def check_delay(delay: Value, dt: Value, name: str, path: Path, diagnostics: Diagnostics) -> None:
    """Note a delay that is, or may be, shorter than a time step."""
    if delay.kind == "given":
        return  # it was checked where its line is known
    short = delay.share(high=dt.mean * (1 - 1e-9))
    if short <= NEGLIGIBLE:
        return
    if delay.is_formula:
        least = constant(delay.arguments[0], delay.dimension)
        message = f"the {name} falls to {least:.4g}, below the time step of {dt}, found {delay}"
        hint = f"add a constant, as in `{dt} + distance/(0.3 m/s)`"
        diagnostics.error(path, message, hint)
        return
    if short > 0.5 or delay.kind == "spread":
        message = f"the {name} is below the time step of {dt}, found {delay}"
        hint = f"use at least {dt}: a spike takes effect at a later time step"
    else:
        message = f"{percent(short)} of the {name} is below the time step of {dt}, found {delay}"
        hint = f"write {delay.bounded(low=dt.mean):.4g}: a spike takes effect at a later time step"
    diagnostics.error(path, message, hint)


def check_conductance(weight: Value, path: Path, diagnostics: Diagnostics) -> None:
    """Note a weight that is a negative conductance, or may be one."""
    if weight.kind == "given":
        return  # it was checked where its line is known
    negative = weight.share(high=0) if weight.is_random or weight.mean else 0
    if negative <= NEGLIGIBLE:
        return
    if negative > 0.5 or weight.kind in ("spread", "formula"):
        message = f"a conductance cannot be negative, found {weight}"
        hint = (
            "an inhibitory conductance is positive and has a low reversal potential: gaba_a, gaba_b"
        )
    else:
        message = f"a conductance cannot be negative, but {percent(negative)} of {weight:.4g} is"
        hint = f"write {weight.bounded(low=0):.4g}, or a lognormal"
    diagnostics.error(path, message, hint)


def check_limits(
    circuit: Circuit, use: SynapseUse, weight: Value, path: Path, diagnostics: Diagnostics
) -> None:
    """Note a weight that is, or may be, beyond the limits of its synapse."""
    part = circuit.part("synapses", use.part)
    if not isinstance(part, Synapse) or part.limits is None:
        return
    low, high = part.limits
    if weight.share(low, high) < 1 - NEGLIGIBLE:
        dimension = weight.dimension
        between = f"{constant(low, dimension):g} and {constant(high, dimension):g}"
        message = f"a weight of '{use.part}' is between {between}, found {weight}"
        diagnostics.error(path, message, part.summary)


def parameter_hint(part: Part, name: str) -> str:
    """What a parameter is, and its default."""
    parameter = part.parameters[name]
    return f"{name} is the {parameter.meaning}; the default is {parameter.default}"


def check_sign(part: Part, name: str, value: Value, path: Path, diagnostics: Diagnostics) -> None:
    """Note a parameter that is zero or negative, or may be, where it cannot."""
    hint = parameter_hint(part, name)
    negative = value.share(high=0)
    if name in divisors(vars(part)):
        is_spread = value.kind == "spread"
        if message := why_no_divisor(value):
            diagnostics.error(path, message, hint)
        elif is_spread and min(value.arguments) <= 0 <= max(value.arguments):
            message = f"cannot be zero, because equations divide by it, found {value}"
            diagnostics.error(path, message, hint)
        elif NEGLIGIBLE < negative < 1 - NEGLIGIBLE:
            message = (
                "cannot be zero, because equations divide by it, "
                f"and {percent(negative)} of {value:.4g} is below 0"
            )
            tenth = value.bounded(low=abs(value.arguments[0]) / 10)
            hint = f"write {tenth:.4g}; {hint}" if value.kind == "normal" else hint
            diagnostics.error(path, message, hint)
    elif (
        value.dimension in MAGNITUDES
        and part.parameters[name].default.mean >= 0
        and negative > NEGLIGIBLE
        and value.mean > 0
        and value.kind == "normal"
        and value.low is None  # else it is meant, as in `normal(4 nS, 4 nS, min=-10 nS)`
    ):
        message = f"cannot be negative, but {percent(negative)} of {value:.4g} is"
        diagnostics.error(path, message, f"write {value.bounded(low=0):.4g}; {hint}")
