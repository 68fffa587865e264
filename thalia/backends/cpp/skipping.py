"""What the loops over neurons need not compute anew: numbers of neighbours, and chances of zero.

Neurons of one population mostly share their parameters, and populations lie side by side. So what
follows from parameters alone is computed where a neuron's differ from those of the one before it.
The bits of a result are the same.
"""

import re
from dataclasses import dataclass
from typing import Any

_LOADED = re.compile(r"\s*const (?:double|float) (\w+) = _ptr\w+\[_idx\];")
_LET = re.compile(r"\s*const (double|float) (\w+) = (.*);")
_NAME = re.compile(r"(?<![\w.])[A-Za-z_]\w*(?!\w*\s*\()")
_CHANCE = re.compile(r"\s*const char _cond = _rand\(0, _vectorisation_idx\) < (\(.*\));")
CALL = "_exprel("  # of a library, which prevents the vectorisation of a loop anyway


@dataclass(frozen=True)
class Remembered:
    """Which parameters decide, declarations that stand before a loop, and the code within it."""

    parameters: list[str]
    before: list[str]
    inside: list[str]


def remembered(code: str | list[str], scalar: str | list[str], variables: Any) -> Remembered:
    """The code of a neuron, in which what parameters decide is kept for the next neuron.

    Only where that calls a function of a library: a loop of arithmetic is faster without a branch.
    """
    lines = _lines(code)
    outside = {found[2] for line in _lines(scalar) if (found := _LET.fullmatch(line))}
    parameters = [
        found[1]
        for line in lines
        if (found := _LOADED.fullmatch(line)) and variables[found[1]].constant
    ]
    known = outside | {*parameters}
    kept: list[re.Match[str]] = []
    for line in lines:
        found = _LET.fullmatch(line)
        if found and not _LOADED.fullmatch(line) and {*_NAME.findall(found[3])} <= known:
            kept.append(found)
            known.add(found[2])
    if not any(CALL in found[3] for found in kept):
        return Remembered([], [], lines)
    needed = {name for found in kept for name in _NAME.findall(found[3])}
    keys = [name for name in parameters if name in needed]
    before = [f"{found[1]} {found[2]} = 0;" for found in kept]
    differs = " || ".join(["!_one_before.is", *(f"{name} != _one_before.{name}" for name in keys)])
    block = [f"if ({differs})", "{", "    _one_before.is = true;"]
    block += [f"    _one_before.{name} = {name};" for name in keys]
    block += [f"    {found[2]} = {found[3]};" for found in kept]
    texts = [found.string for found in kept]
    first = lines.index(texts[0])
    inside = [*lines[:first], *block, "}", *lines[first:]]
    return Remembered(keys, before, [line for line in inside if line not in texts])


def chance(code: str | list[str]) -> list[str] | None:
    """The code that notes in `_may_spike` whether a neuron may spike, if it does by chance."""
    lines = _lines(code)
    found = _CHANCE.fullmatch(lines[-1]) if lines else None
    return [*lines[:-1], f"_may_spike |= {found[1]} > 0;"] if found else None


def _lines(code: str | list[str]) -> list[str]:
    text = code if isinstance(code, str) else "\n".join(code)
    return [line for line in text.splitlines() if line.strip()]
