"""Times that a user gives, in whole steps of dt: the one place where they are rounded.

A time becomes the nearest number of steps, and one in the middle of two the higher number. A
millionth of a step is taken as the error of writing it in binary: 0.35 ms at 0.1 ms is a middle,
although its quotient is 3.4999999999999996.
"""

from __future__ import annotations

HALF_STEP = 0.5 + 1e-6
