"""A step of second order of variables that have no exact solution.

Each is advanced alone, the rest being held; variables that depend on one another take turns, there
and back (Strang 1968 SIAM J Numer Anal 5:506. doi:10.1137/0705041). Alone, a variable that is
linear in itself has an exact solution. Any other is advanced by `x + dt*f*phi(dt*df/dx)` with phi

- where it decays, (1 - z/6)/(1 - 2z/3 + z^2/6), Padé's approximation of (exp(z) - 1)/z, which damps
  however large a conductance is;
- where it grows, what is exact for the upstroke of the model: 1/(1 - z/2 + dt^2 D/12) for a
  parabola of discriminant D, and for an exponential the first terms of -log(1 - z)/z over its pole,
  (1 - z/2 - z^2/6 - z^3/12)/(1 - z). Both pass to infinity in the step in which the potential does,
  so that no spike comes late.

What has no derivative everywhere, such as `sqrt(v)`, is advanced by the explicit midpoint method.
A switch such as `int(v > v_h)` counts by the share of the step that lies beyond its level. There
are no branches, powers or logarithms in the statements, with which compilers would not do several
neurons at once.
"""

from __future__ import annotations

from itertools import count
from typing import Any

from thalia.compiler.integration import Flow

SMALL = 1e-8  # added to an exponent that may be zero, by which is divided
MOST = 8  # factors of a power that is written as a product
LEFT = 1e-9  # what is left of a denominator once the potential is at infinity
# that of a parabola, whose step is as large as its distance from the vertex: ten times that is
# above any threshold, and what reads the potential in the same step, as a recovery, stays a number
LEFT_OF_PARABOLA = 0.1


def advanced(name: str, right: Any, flow: Flow, step: str, tag: str) -> list[str]:
    """The statements by which a variable is advanced with the rest of its right side held.

    Parameters
    ----------
    name : str
    right : sympy expression of the variable and of constants
    flow : what it is in the variable itself
    step : str
        How long, as an expression.
    tag : str
        What the names of intermediate values end with, so that no two are the same.
    """
    import sympy

    own = sympy.Symbol(name, real=True)
    smooth, switches = _with_held_switches(right, own)
    crossed = {symbol: each for symbol, each in switches.items() if _compares(each, own)}
    if not crossed:
        return _moved(own, smooth, flow, step, tag, switches)
    ahead = sympy.Symbol(f"_ahead_{tag}", real=True)
    lines = _moved(own, smooth, flow, step, f"{tag}_ahead", switches, str(ahead))
    shares = {}
    for number, (symbol, switch) in enumerate(crossed.items()):
        shares[symbol] = sympy.Symbol(f"_switch{number}_{tag}", real=True)
        lines.append(f"{shares[symbol]} = {_share(switch, own, ahead)}")
    return [*lines, *_moved(own, smooth, flow, step, tag, switches | shares)]


def _moved(
    own: Any,
    smooth: Any,
    flow: Flow,
    step: str,
    tag: str,
    switches: dict[Any, Any],
    target: str = "",
) -> list[str]:
    """The statements of a step, which end by setting a target, or else the variable itself."""
    target = target or str(own)
    if flow == "rough":
        return _midpoint(own, smooth.subs(switches), step, tag, target)
    growth = _derivative(smooth, own)
    wanted = {"slope": smooth} | ({"growth": growth} if growth != 0 else {})
    if flow == "quadratic":
        wanted["curve"] = _derivative(growth, own)
    lines = _statements({key: each.subs(switches) for key, each in wanted.items()}, tag)
    power, change = f"_power_{tag}", f"_change_{tag}"
    lines.append(f"{change} = {step}*_slope_{tag}")
    if growth == 0:
        return [*lines, f"{target} = {own} + {change}"]
    lines.append(f"{power} = {step}*_growth_{tag}")
    if flow == "linear":
        exponent, mean = f"_exponent_{tag}", f"_mean_{tag}"
        return [
            *lines,
            f"{exponent} = {power} + {SMALL}*int(abs({power}) < {SMALL})",
            f"{mean} = (exp({exponent}) - 1)/{exponent}",
            f"{target} = {own} + {change}*{mean}",
        ]
    down, up = f"_down_{tag}", f"_up_{tag}"
    left = LEFT
    upper = f"1 - {up}*(0.5 + {up}*({1 / 6!r} + {up}*{1 / 12!r}))"
    lower = f"1 - {up}"
    if flow == "quadratic":
        upper, left = "1", LEFT_OF_PARABOLA
        # the curve counts from the vertex on: below, a step across a parabola may be as long as it
        bend = f"int({power} > 0)*2*{step}*_curve_{tag}*{change}"
        lower = f"1 - 0.5*{up} + {1 / 12!r}*({up}*{up} - {bend})"
    return [
        *lines,
        f"{down} = clip({power}, -inf, 0)",
        f"{up} = clip({power}, 0, {'inf' if flow == 'quadratic' else '1'})",
        f"_upper_{tag} = (1 - {1 / 6!r}*{down})*({upper})",
        f"_lower_{tag} = (1 - {down}*({2 / 3!r} - {1 / 6!r}*{down}))*clip({lower}, {left}, inf)",
        f"_mean_{tag} = _upper_{tag}/_lower_{tag}",
        f"{target} = {own} + {change}*_mean_{tag}",
    ]


def _midpoint(own: Any, right: Any, step: str, tag: str, target: str) -> list[str]:
    """The statements of the explicit midpoint method, which needs no derivative."""
    import sympy

    half = sympy.Symbol(f"_half_{tag}", real=True)
    return [
        *_statements({"slope": right}, tag),
        f"{half} = {own} + 0.5*{step}*_slope_{tag}",
        *_statements({"slope": right.subs(own, half)}, f"{tag}_half"),
        f"{target} = {own} + {step}*_slope_{tag}_half",
    ]


def _derivative(smooth: Any, own: Any) -> Any:
    """The derivative where nothing is clipped, of an expression that keeps its clips."""
    import sympy

    clips = [each for each in smooth.atoms(sympy.Function) if _is_clip(each) and each.has(own)]
    inside = {each: sympy.Dummy(real=True) for each in clips}
    free = smooth.subs(inside)
    found = sympy.diff(free, own)
    for clip, symbol in inside.items():
        found += sympy.diff(free, symbol) * _derivative(clip.args[0], own)
    return found.subs({symbol: clip for clip, symbol in inside.items()})


def _share(switch: Any, own: Any, ahead: Any) -> str:
    """The mean of a switch over a step in which the variable may cross its level."""
    from brian2.parsing.sympytools import sympy_to_str

    sides = switch.args[0].args
    level = sympy_to_str(sides[1] if sides[0] == own else sides[0])
    before, after = sympy_to_str(switch), sympy_to_str(switch.subs(own, ahead))
    crossing = f"clip(({level} - {own})/({ahead} - {own} + int({ahead} == {own})), 0, 1)"
    return f"{after} + ({before} - {after})*{crossing}"


def _statements(wanted: dict[str, Any], tag: str) -> list[str]:
    """Expressions as statements, with what they have in common computed once, and no powers."""
    import sympy

    names = (sympy.Symbol(f"_part{number}_{tag}", real=True) for number in count())
    common, reduced = sympy.cse(list(wanted.values()), symbols=names)
    targets = [*(str(symbol) for symbol, _ in common), *(f"_{key}_{tag}" for key in wanted)]
    lines: list[str] = []
    for target, each in zip(targets, [*(e for _, e in common), *reduced], strict=True):
        lines += _without_powers(target, each)
    return lines


def _without_powers(target: str, expression: Any) -> list[str]:
    """An assignment, with whole powers and divisors as products that are assigned before."""
    import sympy
    from brian2.parsing.sympytools import sympy_to_str

    lines: list[str] = []

    def product(power: Any) -> Any:
        base, times = power.base, abs(int(power.exp))
        name = f"{target}_{len(lines)}"
        lines.append(f"{name} = {sympy_to_str(base)}")
        if times > 1:
            lines.append(f"{name}_power = {'*'.join([name] * times)}")
            name = f"{name}_power"
        if power.exp < 0:
            lines.append(f"{name}_inverse = 1/{name}")
            name = f"{name}_inverse"
        return sympy.Symbol(name, real=True)

    plain = expression.replace(
        lambda each: each.is_Pow and each.exp.is_Integer and abs(each.exp) <= MOST, product
    )
    return [*lines, f"{target} = {sympy_to_str(plain)}"]


def _is_clip(expression: Any) -> bool:
    return getattr(getattr(expression, "func", None), "__name__", "") == "clip"


def _with_held_switches(right: Any, own: Any) -> tuple[Any, dict[Any, Any]]:
    """The right side with a symbol for each switch such as `int(v > v_h)`, and their meanings."""
    import sympy
    from sympy.core.relational import Relational

    found = {
        each: sympy.Dummy(real=True)
        for each in right.atoms(sympy.Function)
        if any(argument.has(Relational) for argument in each.args)
        and each.has(own)
        and not _is_clip(each)
    }
    return right.subs(found), {symbol: each for each, symbol in found.items()}


def _compares(switch: Any, own: Any) -> bool:
    """Whether a switch compares the variable with a level, as `int(v > v_h)` does."""
    from sympy.core.relational import Relational

    comparison = switch.args[0]
    if switch.func.__name__ != "int" or not isinstance(comparison, Relational):
        return False
    left, right = comparison.args
    return (left == own and not right.has(own)) or (right == own and not left.has(own))
