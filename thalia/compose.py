"""A pathway's synapse and its rules, composed into the equations and statements of one synapse object."""

from thalia.equations import Equation, Statement, rename_equation, rename_statement
from thalia.parts import Rule, word_of
from thalia.units import Value


class SynapseCode:
    """The synaptic equations and statements of a pathway: arrival, then its rules in order, then one clamp."""

    def __init__(self, arrival: tuple[Statement, ...], rules: list[tuple[str, Rule, dict[str, Value]]], switches: bool):
        names = [name for name, _, _ in rules]
        self.values: dict[str, Value] = {}
        self.equations: tuple[Equation, ...] = ()
        events: dict[str, list[Statement]] = {"on_pre": list(arrival), "on_post": []}
        for index, (name, rule, values) in enumerate(rules):
            word = word_of(name) + (f"_{index + 1}" if names.count(name) > 1 else "")
            local = {key: f"{word}_{key}" for key in [*values, *(equation.name for equation in rule.equations)]}
            self.values |= {local[key]: value for key, value in values.items()}
            self.equations += tuple(rename_equation(equation, local) for equation in rule.equations)
            for event in events:
                statements = [rename_statement(s, local) for s in getattr(rule, event)]
                events[event] += [_switched(s) if switches else s for s in statements]
        for statements in events.values():
            if any(statement.target == "w" for statement in statements):
                statements.append(Statement("w", "=", "clip(w, w_min, w_max)"))
        self.on_pre, self.on_post = tuple(events["on_pre"]), tuple(events["on_post"])


def _switched(statement: Statement) -> Statement:
    """The same change of the weight, times `plastic`, so that zero leaves every bit as it was."""
    if statement.target != "w":
        return statement
    change = {
        "+=": f"({statement.right})", "-=": f"(-({statement.right}))", "*=": f"w*(({statement.right}) - 1)",
        "/=": f"w*(1/({statement.right}) - 1)", "=": f"(({statement.right}) - w)",
    }[statement.operator]  # fmt: skip
    return Statement("w", "+=", f"plastic*{change}")
