"""What the process imports that workers are forked from, so that none of them has to."""

from thalia import workers  # noqa: F401
from thalia.emit import import_brian2

import_brian2()
