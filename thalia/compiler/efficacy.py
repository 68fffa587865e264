"""What multiplies the weights of a synapse object when spikes arrive."""

from thalia.compiler.plan import SynapseGroup
from thalia.syntax.equations import Statement, calls, identifiers

EFFICACY, RELEASED = "_efficacy", "released"
# functions of equations that give the same number each time; they have these names in NumPy
READABLE = (
    *("exp", "expm1", "log", "log1p", "log10", "sqrt", "abs", "clip", "floor", "ceil"),
    *("sin", "cos", "tan", "sinh", "cosh", "tanh"),
)


def scaled_by(synapses: SynapseGroup) -> tuple[str, ...]:
    """What multiplies the weight of an arriving spike: synapse models, rules, and `release`."""
    targets = [s.target for s in synapses.on_pre]
    names = [t.removesuffix(EFFICACY) for t in targets if t.endswith(EFFICACY)]
    return (*names, *(["release"] if RELEASED in targets else []))


def scaling_rules(synapses: SynapseGroup) -> tuple[str, ...]:
    """Those rules among `scaled_by` whose efficacy can be read at any time.

    Short-term plasticity and what depends on chance or on the last spike differ for each spike.
    """
    own = {f"{name}_" for name in synapses.synapse.split(" + ")}
    last = {e.name for e in synapses.equations if "event-driven" in e.flags}
    found = []
    for name in scaled_by(synapses):
        prefix = f"{name}_"
        statements = until_efficacy(synapses, name)
        read = frozenset().union(*(identifiers(s.right) for s in statements))
        called = frozenset().union(*(calls(s.right) for s in statements))
        if statements and prefix not in own and called <= {*READABLE, "int"} and not read & last:
            found.append(name)
    return tuple(found)


def until_efficacy(synapses: SynapseGroup, name: str) -> list[Statement]:
    """What a rule does when a spike arrives, until it sets its efficacy."""
    mine = [s for s in synapses.on_pre if s.target.startswith(f"{name}_")]
    ends = [place for place, s in enumerate(mine) if s.target == f"{name}{EFFICACY}"]
    return mine[: ends[0] + 1] if ends else []
