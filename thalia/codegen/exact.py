"""The exact step of linear equations with constant coefficients.

For variables of which none reads itself through others, such as a potential driven by currents that
rise and decay, the matrix exponential is a sum over the ways from one variable to another; each
contributes the divided difference of the exponential at the rates along the way (McCurdy, Ng &
Parlett 1984 Math Comput 43:501. doi:10.1090/S0025-5718-1984-0758198-0). Written like this nothing
divides by a difference of rates, so that time constants may be equal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sympy

CLOSE = 3e-4  # rates that differ by less in a step are taken as a series, which is as exact there


@dataclass(frozen=True)
class Line:
    """Statements that prepare the step, and the value of each variable after it."""

    before: tuple[str, ...]
    values: dict[str, str]


def exact(
    block: tuple[str, ...],
    rights: dict[str, Any],
    variables: dict[str, Any],
    step: str = "dt",
    tag: str = "",
) -> Line:
    """The variables of a set after a step, by name; `tag` keeps names of two steps apart."""
    import sympy
    from brian2.parsing.sympytools import str_to_sympy

    symbols = {name: sympy.Symbol(name, real=True) for name in block}
    slopes = {name: str_to_sympy(rights[name].code, variables).expand() for name in block}
    zero = dict.fromkeys(symbols.values(), 0)
    system = _System(
        symbols,
        {
            (i, j): found
            for i in block
            for j in block
            if (found := sympy.diff(slopes[i], symbols[j])) != 0
        },
        {name: right for name, slope in slopes.items() if (right := slope.subs(zero)) != 0},
    )
    return _Ways(system, step, tag).line()


@dataclass(frozen=True)
class _System:
    """dx/dt = M x + b by name, without what is zero."""

    symbols: dict[str, sympy.Symbol]
    matrix: dict[tuple[str, str], Any]
    constants: dict[str, Any]

    def reads(self, name: str) -> list[str]:
        return [j for j in self.symbols if j != name and (name, j) in self.matrix]


class _Ways:
    """The statements of a step, way by way."""

    def __init__(self, system: _System, step: str, tag: str):
        self.system, self.step, self.tag = system, step, tag
        self.before: list[str] = []

    def line(self) -> Line:
        from brian2.parsing.sympytools import sympy_to_str

        for name, symbol in self.system.symbols.items():
            rate = self.system.matrix.get((name, name), 0)
            self._let(f"rate_{symbol}", str(sympy_to_str(rate)) if rate != 0 else "0.0")
            self._let(f"decay_{symbol}", f"exp({self._rate(name)}*{self.step})")
        values = {name: self._value(name) for name in self.system.symbols}
        return Line(tuple(self.before), values)

    def _value(self, name: str) -> str:
        terms = [f"{name}*{self._named('decay', name)}"]
        terms += self._arriving(name, (name,), [])
        return " + ".join(terms)

    def _arriving(self, name: str, way: tuple[str, ...], factors: list[Any]) -> list[str]:
        """What comes to the end of a way through the variable at its beginning."""
        from brian2.parsing.sympytools import sympy_to_str

        def term(along: tuple[str, ...], factor: Any, last: str) -> str:
            product = sympy_to_str(_product([*factors, factor]))
            return f"({product})*{self._difference(along)}{last}"

        terms = []
        if name in self.system.constants:
            terms.append(term(("", *way), self.system.constants[name], ""))
        for other in self.system.reads(name):
            factor = self.system.matrix[name, other]
            terms.append(term((other, *way), factor, f"*{other}"))
            terms += self._arriving(other, (other, *way), [*factors, factor])
        return terms

    def _difference(self, way: tuple[str, ...]) -> str:
        """The name of the divided difference of the exponential at the rates along a way."""
        name = self._named("over", "_".join(part or "constant" for part in way))
        if any(line.startswith(f"{name} = ") for line in self.before):
            return name
        rates = [self._rate(part) if part else "0.0" for part in way]
        if len(rates) == 2:
            self.before.append(f"{name} = {_second(rates[0], rates[1], self.step)}")
            return name
        low, high = f"{name}_low", f"{name}_high"
        a, b, c = rates
        self.before += [
            f"{low} = clip(clip({a}, -inf, {b}), -inf, {c})",
            f"{high} = clip(clip({a}, {b}, inf), {c}, inf)",
            f"{name}_mid = {a} + {b} + {c} - {low} - {high}",
            f"{name}_mean = ({a} + {b} + {c})/3",
            f"{name}_spread = ({high} - {low})*{self.step}",
            f"{name}_apart = int({name}_spread > {CLOSE})",
            f"{name}_second = {_second(f'{name}_mid', high, self.step)} - "
            f"{_second(low, f'{name}_mid', self.step)}",
            f"{name}_variance = "
            + " + ".join(f"(({rate} - {name}_mean)*{self.step})**2" for rate in rates),
            f"{name}_series = "
            f"0.5*{self.step}**2*exp({name}_mean*{self.step})*(1 + {name}_variance/24)",
            f"{name} = {name}_apart*{name}_second/({high} - {low} + (1 - {name}_apart)/dt) + "
            f"(1 - {name}_apart)*{name}_series",
        ]
        return name

    def _rate(self, name: str) -> str:
        return self._named("rate", name)

    def _named(self, what: str, name: str) -> str:
        return f"_{what}_{name}{self.tag}"

    def _let(self, name: str, value: str) -> None:
        self.before.append(f"_{name}{self.tag} = {value}")


def _second(a: str, b: str, step: str) -> str:
    return f"{step}*exp({a}*{step})*exprel(({b} - {a})*{step})"


def _product(factors: list[Any]) -> Any:
    from math import prod

    return prod(factors)
