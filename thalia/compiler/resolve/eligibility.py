"""Any rule as a three-factor rule: its changes of the weight wait in an eligibility trace.

The changes add to a trace that decays, and the weight follows it while the modulator is present:
`dw/dt = rate * eligibility * modulator`. Like every trace, it continues while plasticity is off.
With a rise it is the difference of two exponentials, which starts at zero and peaks later, as the
window of dopamine does (Yagishita et al. 2014, doi:10.1126/science.1255514).
"""

from thalia.circuit.part_use import Eligibility
from thalia.compiler.resolve.applied_rule import change_of
from thalia.library.rule_keys import Pairing
from thalia.library.schema import EVENTS, Rule
from thalia.syntax.equations import WEIGHT, Equation, Statement, identifiers
from thalia.syntax.units import Value

LATE, EARLY = "eligibility", "early_eligibility"
NUMBERS = ("eligibility_decay", "eligibility_rise", "eligibility_rate")


def why_not(rule: Rule) -> str:
    """Why what a rule changes cannot wait; empty if it can."""
    if rule.is_gated:
        return "defines its own third factor"
    if any(equation.name == "w" for equation in rule.equations) or any(
        s.target == "w" for s in rule.on_step
    ):
        return "changes the weight continuously, and only changes by spikes can wait"
    statements = [
        s
        for event in EVENTS
        for name in rule.pairing or ("",)
        for s in rule.statements(event, name)
    ]
    if not any(statement.target == "w" for statement in statements):
        return "changes no weight at spikes, so nothing can wait"
    if any("change" in identifiers(statement.right) for statement in statements):
        return "reads its own change of the weight, which would only come later"
    taken = {*rule.parameters, *(e.name for e in (*rule.equations, *rule.neuron))} & {
        LATE,
        EARLY,
        *NUMBERS,
    }
    return f"has a '{sorted(taken)[0]}' already" if taken else ""


def waiting(rule: Rule, eligibility: Eligibility) -> tuple[Rule, dict[str, Value]]:
    """The rule with an eligibility trace, and the parameters of the trace."""
    traces = {LATE: "eligibility_decay"} | ({EARLY: "eligibility_rise"} if eligibility.rise else {})
    equations = [Equation("ode", name, f"-{name} / {tau}", WEIGHT) for name, tau in traces.items()]
    difference = f"({LATE} - {EARLY})" if eligibility.rise else LATE
    equations.append(Equation("ode", "w", f"eligibility_rate * {difference} * modulator", WEIGHT))

    def moved(statements: tuple[Statement, ...]) -> tuple[Statement, ...]:
        found: list[Statement] = []
        for statement in statements:
            here = [Statement(name, "+=", change_of(statement)) for name in traces]
            found += here if statement.target == "w" else [statement]
        return tuple(found)

    changed = rule.with_(
        equations=(*rule.equations, *equations),
        on_pre=moved(rule.on_pre),
        on_post=moved(rule.on_post),
        later=rule.later and rule.later.with_(on_pre=moved(rule.later.on_pre)),
        pairing={
            name: Pairing(on_pre=moved(each.on_pre), on_post=moved(each.on_post))
            for name, each in rule.pairing.items()
        },
    )
    numbers = {
        name: value
        for name in NUMBERS
        if (value := getattr(eligibility, name.removeprefix("eligibility_")))
    }
    return changed, numbers
