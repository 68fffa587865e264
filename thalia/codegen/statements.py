"""The statements of a step of a model, for what runs them without Brian2."""

from collections.abc import Iterable, Mapping

from thalia.codegen.brian_model import import_brian2
from thalia.codegen.step import stepper
from thalia.compiler.integration import Integration
from thalia.compiler.plan import Group
from thalia.syntax.equations import Equation, equation_text
from thalia.syntax.units import Dimension, si_unit


def statements_of_a_step(group: Group) -> tuple[str, ...]:
    """How the variables of neurons are advanced by `dt`, as assignments in their order.

    Names that begin with an underscore are intermediate values. A variable that is clamped keeps
    its value where `not_refractory` is false, whatever is assigned to it.
    """
    return statements_of(
        group.equations(),
        group.all_parameters(),
        group.integration,
        threshold=group.threshold,
        refractory=group.refractory or False,
    )


def statements_of(
    equations: Iterable[Equation],
    constants: Mapping[str, Dimension],
    integration: Integration,
    threshold: str = "",
    refractory: str | bool = False,
) -> tuple[str, ...]:
    """How the variables of some equations are advanced by `dt` while `constants` are held."""
    b2 = import_brian2()
    lines = [equation_text(equation) for equation in equations]
    lines += [f"{name} : {si_unit(each)} (constant)" for name, each in constants.items()]
    made = b2.NeuronGroup(
        1,
        "\n".join(lines),
        threshold=threshold or None,
        reset="" if threshold else None,
        refractory=refractory,
        namespace={},
    )
    return tuple(stepper(integration)(made.equations, made.variables).splitlines())
