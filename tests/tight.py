"""A solution of a circuit's neurons to ten digits, with threshold, reset and refractoriness on the grid of dt.

It reads equations and numbers of the plan, and nothing of how they are integrated: SciPy solves them from one
event to the next (DOP853, rtol 1e-10). Cells may receive constant currents, pulses, and given spikes.
"""

import ast
from dataclasses import dataclass
from math import ceil, floor

import numpy as np
from scipy.integrate import solve_ivp

from thalia.compiler.options import DEFAULT_OPTIONS
from thalia.compiler.pipeline import after_each_pass
from thalia.syntax.equations import written_out
from thalia.syntax.units import UNITS

NAMES = {name: size for name, (size, _) in UNITS.items()} | {
    "exp": np.exp, "log": np.log, "sqrt": np.sqrt, "abs": abs, "int": float, "pi": np.pi, "inf": np.inf,
    "clip": lambda x, low, high: min(max(x, low), high),
    "exprel": lambda x: np.expm1(x) / x if x else 1.0,
}  # fmt: skip

INFINITE = 1e6  # V/s, at which a potential is on its way to infinity and there within a nanosecond


@dataclass(frozen=True)
class Tight:
    """Spike times in seconds as Thalia gives them, the state at the end by name, and `v` on the grid."""

    spikes: np.ndarray
    last: dict[str, float]
    v: np.ndarray


def _code(text):
    return compile(ast.parse(text.strip(), mode="eval"), text, "eval")


def resolved(circuit):
    """The plan whose equations are solved."""
    return after_each_pass(circuit, DEFAULT_OPTIONS, "resolve")["resolve"]


def tight(plan, population, edges=()):
    """The solution of one cell of a population; `edges` are the times at which a pulse begins or ends."""
    group, member = plan.population(population)
    with np.errstate(
        over="ignore", invalid="ignore", divide="ignore"
    ):  # of trial steps of the solver
        return _Cell(plan, group, member, edges).solve()


class _Cell:
    def __init__(self, plan, group, member, edges):
        self.dt, self.steps = plan.dt, plan.steps
        self.known = NAMES | {
            k: sum(v.mean for v in values) for k, values in member.parameters.items()
        }
        rights = written_out(group.equations())
        self.names = list(rights)
        self.rights = [_code(rights[name]) for name in self.names]
        flags = {e.name: e.flags for e in group.equations()}
        self.clamped = np.array(["unless refractory" in flags[name] for name in self.names])
        self.expressions = {
            e.name: _code(e.right) for e in group.equations() if e.kind == "expression"
        }
        comparison = ast.parse(group.threshold, mode="eval").body
        self.above = _code(
            f"({ast.unparse(comparison.left)}) - ({ast.unparse(comparison.comparators[0])})"
        )
        self.resets = [(s.target, s.operator, _code(s.right)) for s in group.resets()]
        self.refractory = (
            round(eval(group.refractory, self.known) / plan.dt) if group.refractory else 0
        )
        starts = {name: value.mean for name, value in member.initial.items()}
        self.y = np.array([starts.get(name, 0.0) for name in self.names])
        self.arrivals = sorted(self._arrivals(plan, member.name), key=lambda each: each[0])
        self.edges = [round(edge / plan.dt) for edge in edges]

    def _arrivals(self, plan, population):
        """After which step a given spike changes which variable by how much."""
        given = {play.population: play for play in plan.playbacks}
        for synapses, pathway in plan.pathways():
            if pathway.post != population:
                continue
            for time in given[pathway.pre].times:
                step = round(time / plan.dt) + round(pathway.axonal.mean / plan.dt) + 1
                numbers = (
                    self.known
                    | {k: v.mean for k, v in pathway.parameters.items()}
                    | {"w": pathway.weight.mean}
                )
                numbers |= {f"{k}_post": v for k, v in self.known.items()}
                for statement in synapses.on_pre:
                    assert statement.operator == "+="
                    yield (
                        step,
                        statement.target.removesuffix("_post"),
                        eval(_code(statement.right), numbers),
                    )

    def solve(self):
        step, free_at, spikes, v = 0, 0, [], [self.y[0]]
        while step < self.steps:  # from one event to the next
            while self.arrivals and self.arrivals[0][0] == step:
                _, name, amount = self.arrivals.pop(0)
                self.y[self.names.index(name)] += amount
            held = step < free_at
            stops = (
                [each for each, _, _ in self.arrivals[:1]]
                + [e for e in self.edges if e > step]
                + [self.steps]
            )
            stop = min([*stops, free_at] if held else stops)
            reached, fired = self._to(step, stop, held, v)
            step = reached
            if step >= free_at and (fired or self._is_above(self.y, step)):
                spikes.append((step - 1) * self.dt)
                self._reset(step)
                v[-1] = self.y[0]
                free_at = step + self.refractory
        return Tight(np.array(spikes), dict(zip(self.names, self.y, strict=True)), np.array(v))

    def _slope(self, middle, held):
        moves = np.where(self.clamped & held, 0.0, 1.0)
        known = self.known | {"t": middle, "dt": 0.0, "not_refractory": float(not held)}

        def slope(t, y):
            values = dict(zip(self.names, y, strict=True))
            return moves * np.array([eval(right, known, values) for right in self.rights])

        return slope

    def _values(self, y, step):
        values = dict(zip(self.names, y, strict=True))
        known = self.known | {"t": step * self.dt, "dt": 0.0, "not_refractory": 1.0}
        for _ in self.expressions:  # which may read one another
            for name, code in self.expressions.items():
                try:
                    values[name] = eval(code, known, values)
                except NameError:
                    continue
        return known, values

    def _is_above(self, y, step):
        known, values = self._values(y, step)
        return eval(self.above, known, values) >= 0

    def _to(self, step, stop, held, v):
        """Solve until a stop, or until the grid after the threshold is crossed."""
        begin, end = step * self.dt, stop * self.dt
        slope = self._slope((begin + end) / 2, held)

        def crosses(t, y):
            known, values = self._values(y, step)
            return max(eval(self.above, known, values), abs(slope(t, y)[0]) / INFINITE - 1)

        crosses.terminal, crosses.direction = True, 1
        solved = solve_ivp(
            slope, (begin, end), self.y, method="DOP853", rtol=1e-10, atol=1e-15, dense_output=True,
            events=None if held else crosses,
        )  # fmt: skip
        fired = not held and solved.status == 1
        last = min(ceil(solved.t[-1] / self.dt - 1e-9), stop) if fired else stop
        inside = np.arange(step + 1, floor(solved.t[-1] / self.dt + 1e-9) + 1)
        v += list(solved.sol(inside * self.dt)[0]) if len(inside) else []
        self.y = solved.y[:, -1].copy()
        if fired and last > len(v) - 1:
            rest = last * self.dt - solved.t[-1]
            if abs(slope(0, self.y)[0]) < INFINITE / 2:
                further = solve_ivp(
                    slope, (0, rest), self.y, method="DOP853", rtol=1e-10, atol=1e-15
                )
                self.y = further.y[:, -1].copy()
            v.append(self.y[0])
        return last, fired

    def _reset(self, step):
        known, values = self._values(self.y, step)
        for target, operator, right in self.resets:
            change = eval(right, known, values)
            values[target] = {
                "=": change,
                "+=": values[target] + change,
                "-=": values[target] - change,
            }[operator]
        self.y = np.array([values[name] for name in self.names])
