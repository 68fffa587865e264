"""The exact step, found block by block, is the step that Brian2 finds for all variables at once, to the letter."""

import pytest

from thalia.codegen.brian_model import import_brian2
from thalia.codegen.exact import exact

LINEAR = """
dv/dt = (i_syn - v)/tau_m : 1
da/dt = -a/tau_a : 1
di_syn/dt = -i_syn/tau_syn : 1
tau_m : second
tau_a : second
tau_syn : second
"""


def test_the_step_is_that_of_all_variables_at_once():
    b2 = import_brian2()
    equations = b2.Equations(LINEAR)

    step = exact(equations)

    assert step == b2.StateUpdateMethod.stateupdaters["exact"](equations)


def test_equations_that_are_not_linear_have_no_exact_step():
    b2 = import_brian2()

    with pytest.raises(b2.stateupdaters.base.UnsupportedEquationsException, match="linear"):
        exact(b2.Equations("dv/dt = -v**2/tau : 1\ntau : second"))
