"""Loop-invariant code motion: numbers that do not change between steps leave the kernels."""

import re

_SCALAR = re.compile(r"\s*const (\w+) (\w+) = (.*);")
_STORABLE = {
    "double": ("{}", "{}"),
    "int64_t": ("__longlong_as_double({})", "__double_as_longlong({})"),
}


class LoopInvariants:
    """Numbers that follow from parameters alone: computed once, before the first step.

    Otherwise each thread would compute them, with exponentials and divisions that take longer than
    the rest of a neuron's step.
    """

    def __init__(self, changing: frozenset[str]):
        self.changing = changing
        self.count = 0
        self.functions: list[str] = []

    def hoisted(self, name: str, text: str) -> str:
        """The code of an object, with such numbers read instead of computed."""
        head, mark, rest = text.partition("// scalar code\n")
        scalar, end, body = rest.partition("// for each")
        known: dict[str, bool] = {}
        left, computed = [], []
        for line in scalar.splitlines():
            found = _SCALAR.fullmatch(line)
            if not found:
                left.append(line)
                continue
            kind, variable, right = found.groups()
            names = {*re.findall(r"[A-Za-z_]\w*", right)}
            known[variable] = not names & self.changing and all(
                known.get(each, True) for each in names
            )
            if not known[variable]:
                left.append(line)
                continue
            computed.append(line.strip())
            if variable.startswith("_lio") and kind in _STORABLE:
                write, read = _STORABLE[kind]
                computed.append(f"values[{self.count}] = {write.format(variable)};")
                left.append(
                    f"    const {kind} {variable} = {read.format(f'invariants[{self.count}]')};"
                )
                self.count += 1
            else:
                left.append(line)
        if not computed or not any(line.startswith("values") for line in computed):
            return text
        self.functions.append(f"{name}_code::compute_invariants(values);")
        lines = ["NOW(0)", *self._constants(head), *computed]
        function = "\n".join(
            [
                "__device__ void compute_invariants(double *values)",
                "{",
                *(f"    {line}" for line in lines),
                "}",
                "",
            ]
        )
        place = max(
            head.rfind("__device__ __forceinline__ void at("), head.rfind("__global__ void run(")
        )
        return (
            head[:place]
            + function
            + "\n"
            + head[place:]
            + mark
            + "\n".join(left)
            + "\n    "
            + end
            + body
        )

    def _constants(self, head: str) -> list[str]:
        """The declarations before the scalar part: pointers to the clock, and constants."""
        begin = head.rfind("NOW(_step)")
        return [
            line.strip()
            for line in head[begin:].splitlines()[1:]
            if line.strip().startswith("const ")
        ]
