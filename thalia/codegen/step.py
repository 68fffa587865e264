"""The abstract code of a step of one model, as Brian2 asks a method of integration for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import count
from typing import TYPE_CHECKING, Any

from thalia.codegen.exact import Line, exact
from thalia.codegen.splitting import advanced
from thalia.compiler.integration import CLAMPED, Integration
from thalia.syntax.equations import identifiers, rename
from thalia.syntax.time_grid import MIDDLE

if TYPE_CHECKING:
    import brian2


def stepper(integration: Integration) -> Callable[..., str]:
    """A method of integration for Brian2 that advances a model as planned."""

    def step(
        equations: brian2.Equations,
        variables: dict[str, Any] | None = None,
        method_options: dict[str, Any] | None = None,
    ) -> str:
        lines = _Step(equations, variables or {}, integration).lines()
        return "\n".join(_shared_first(lines, variables or {}))

    return step


MOVES = "int(not_refractory)"


class _Step:
    """The statements of one step.

    What depends on `t` alone is held over the step. The exact variables are solved first, and set
    last; each of the others reads them at the middle of its step.
    """

    def __init__(self, equations: brian2.Equations, variables: dict[str, Any], plan: Integration):
        self.variables, self.plan = variables, plan
        self.held, self.equations = _with_held_inputs(_free(equations), variables)
        self.rights = dict(self.equations.get_substituted_expressions(variables))
        self.clamped = {name for name in self.rights if CLAMPED in equations[name].flags}
        self.steps = count()

    def lines(self) -> list[str]:
        last = [name for block in self.plan.blocks for name in block]
        lines = list(self.held)
        lines += [f"_begin_{name} = {name}" for name in (*self.plan.chosen, *last)]
        lines += self._chosen()
        for block in self.plan.exact:
            solved = exact(block, self.rights, self.variables)
            lines += [*solved.before, *(f"_next_{n} = {text}" for n, text in solved.values.items())]
        for block in self.plan.blocks:
            lines += self._turns(block)
        return [*lines, *(f"{n} = _next_{n}" for block in self.plan.exact for n in block)]

    def _chosen(self) -> list[str]:
        """The statements of the method that was asked for."""
        from brian2 import stateupdaters
        from brian2.equations.equations import Equations

        if self.plan.update:
            return [str(statement) for statement in self.plan.update]
        if not self.plan.chosen:
            return []
        rights = {name: self.rights[name].code for name in self.plan.chosen}
        system = Equations(
            [
                _with_right(
                    self.equations[name],
                    f"{MOVES}*({right})" if name in self.clamped else right,
                )
                for name, right in rights.items()
            ]
        )
        text: str = getattr(stateupdaters, self.plan.method)(system, self.variables, None)
        return text.splitlines()

    def _turns(self, block: tuple[str, ...]) -> list[str]:
        """Each variable of a block in turn, there and back, in each part of the step."""
        parts = self.plan.substeps
        whole, half = (f"({size!r}*dt)" for size in (1 / parts, 0.5 / parts))
        whole = whole if parts > 1 else "dt"
        *others, last = block
        lines: list[str] = []
        for part in range(parts):
            before, rights = self._reading(block, part)
            # the way back of one part and the way there of the next are one, where nothing is
            # read in between that changes
            joined = not before and not any(
                identifiers(rights[name]) & set(others) - {name} for name in others
            )
            lines += before
            if part == 0 or not joined:
                lines += self._all_advanced(others, rights, half)
            lines += self._all_advanced([last], rights, whole)
            back = whole if joined and part < parts - 1 else half
            lines += self._all_advanced(reversed(others), rights, back)
        return lines

    def _all_advanced(self, names: Iterable[str], rights: dict[str, str], step: str) -> list[str]:
        return [line for name in names for line in self._advanced(name, rights[name], step)]

    def _advanced(self, name: str, right: str, step: str) -> list[str]:
        from brian2.parsing.sympytools import str_to_sympy

        flow, number = self.plan.flows[name], next(self.steps)
        return advanced(name, str_to_sympy(right, self.variables), flow, step, f"{name}_{number}")

    def _reading(self, block: tuple[str, ...], part: int) -> tuple[list[str], dict[str, str]]:
        """The right sides of a block, which read the rest at the middle of a part of the step."""
        middle = (part + 0.5) / self.plan.substeps
        read = frozenset().union(*(identifiers(self.rights[name].code) for name in block))
        lines: list[str] = []
        names: dict[str, str] = {}
        for solved in self.plan.exact:
            if needed := [name for name in solved if name in read]:
                step, tag = f"({middle!r}*dt)", f"_{block[0]}{part}"
                found = exact(solved, self.rights, self.variables, step, tag)
                lines += found.before
                for name in needed:
                    names[name] = f"_middle_{name}{tag}"
                    lines.append(f"{names[name]} = {self._unless_clamped(name, block, found)}")
        advanced_before = {*self.plan.chosen, *(n for each in self.plan.blocks for n in each)}
        for name in sorted((read & advanced_before) - set(block)):
            names[name] = f"_middle_{name}_{block[0]}{part}"
            lines.append(f"{names[name]} = _begin_{name} + {middle!r}*({name} - _begin_{name})")
        return lines, {name: rename(self.rights[name].code, names) for name in block}

    def _unless_clamped(self, name: str, block: tuple[str, ...], found: Line) -> str:
        """A value at the middle of the step; that of a clamped variable is what it is."""
        if name not in self.clamped or self.clamped.issuperset(block):
            return found.values[name]
        return f"{MOVES}*({found.values[name]}) + (1 - {MOVES})*{name}"


def _with_right(equation: Any, right: str) -> Any:
    from brian2.equations.codestrings import Expression
    from brian2.equations.equations import SingleEquation

    return SingleEquation(
        equation.type,
        equation.varname,
        equation.dim,
        var_type=equation.var_type,
        expr=Expression(right),
        flags=equation.flags,
    )


def _free(equations: brian2.Equations) -> brian2.Equations:
    """The equations as they are written.

    Brian2 multiplies the slopes of clamped variables by a switch; what is switched off it does not
    set either, so that the switch only hides that an equation is linear.
    """
    from brian2.equations.equations import Equations

    return Equations(
        [
            _with_right(each, each.expr.code.removeprefix(f"{MOVES}*"))
            if each.expr is not None and CLAMPED in each.flags
            else each
            for each in equations.values()
        ]
    )


def _with_held_inputs(
    equations: brian2.Equations, variables: dict[str, Any]
) -> tuple[list[str], brian2.Equations]:
    """Statements that hold what follows `t`, and the equations that read what they hold.

    Elsewhere `t` is the middle of the step, as in the stimuli.
    """
    from brian2.equations.equations import SUBEXPRESSION, Equations

    if not any(e.expr is not None and "t" in e.expr.identifiers for e in equations.values()):
        return [], equations
    written = dict(equations.get_substituted_expressions(variables, include_subexpressions=True))
    states = set(equations.diff_eq_names)
    held = {
        name: f"_held_{name}"
        for name, right in written.items()
        if equations[name].type == SUBEXPRESSION
        and "t" in right.identifiers
        and not right.identifiers & states
    }
    names = {**held, "t": MIDDLE}
    changed = Equations(
        [
            each if each.expr is None else _with_right(each, rename(each.expr.code, names))
            for each in equations.values()
            if each.varname not in held
        ]
    )
    return [f"{to} = {written[name].code}" for name, to in held.items()], changed


def _shared_first(lines: list[str], variables: dict[str, Any]) -> list[str]:
    """Statements, with those first whose value all neurons share, as Brian2 wants them."""
    own = {name for name, each in variables.items() if not getattr(each, "scalar", True)}
    own |= {"rand", "randn", "poisson"}
    shared: list[str] = []
    others: list[str] = []
    for line in lines:
        target, _, right = line.partition(" = ")
        is_shared = target.startswith("_") and not identifiers(right) & own
        (shared if is_shared else others).append(line)
        if not is_shared:
            own.add(target.partition(" ")[0])
    return [*shared, *others]
