"""What the process imports that workers are forked from, so that none of them has to."""

from thalia.codegen.brian_model import import_brian2
from thalia.parallel import workers  # noqa: F401

import_brian2()
