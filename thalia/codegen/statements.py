"""The statements of a step of a model, for what runs them without Brian2."""

from thalia.codegen.brian_model import import_brian2
from thalia.codegen.step import stepper
from thalia.compiler.plan import Group
from thalia.syntax.equations import equation_text
from thalia.syntax.units import si_unit


def statements_of_a_step(group: Group) -> tuple[str, ...]:
    """How the variables of neurons are advanced by `dt`, as assignments in their order.

    Names that begin with an underscore are intermediate values. A variable that is clamped keeps
    its value where `not_refractory` is false, whatever is assigned to it.
    """
    b2 = import_brian2()
    lines = [equation_text(equation) for equation in group.equations()]
    lines += [
        f"{name} : {si_unit(each)} (constant)" for name, each in group.all_parameters().items()
    ]
    refractory = group.refractory or False
    made = b2.NeuronGroup(
        1,
        "\n".join(lines),
        threshold=group.threshold,
        reset="",
        refractory=refractory,
        namespace={},
    )
    return tuple(stepper(group.integration)(made.equations, made.variables).splitlines())
