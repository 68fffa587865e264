"""Options of commands: numbers that replace those of a circuit, and how it is compiled."""

from dataclasses import dataclass

from thalia.circuit.spec import Circuit, Scale
from thalia.errors import fail
from thalia.syntax.fields import expect
from thalia.syntax.units import UNITS, Value, ValueSyntaxError, constant, parse_value

PRECISIONS = ("double", "single")
LOWERINGS = ("on", "off")


@dataclass(frozen=True)
class CompilerOptions:
    """How a circuit becomes a plan.

    Parameters
    ----------
    lower : 'on' or 'off'
        With 'off' every synaptic variable is integrated at every step, as a reference.
    precision : 'double' or 'single'
        In which synapses keep their variables.
    duration : time, optional
        How long to run, instead of what the circuit says.

    Raises
    ------
    CircuitError
        If one of them cannot be.
    """

    lower: str = "on"
    precision: str = "double"
    duration: str | Value | None = None

    def __post_init__(self) -> None:
        for option, found, known in (
            ("--lower", self.lower, LOWERINGS),
            ("--precision", self.precision, PRECISIONS),
        ):
            if found not in known:
                raise fail(f"{option}: expected {' or '.join(map(repr, known))}, found '{found}'")
        _ = self.length

    @property
    def length(self) -> Value | None:
        """The duration as a value; None if none is given."""
        if self.duration is None:
            return None
        return positive_time("--duration", self.duration, "2 s")


def positive_time(option: str, given: object, example: str) -> Value:
    """A time that an option or a task gives.

    Raises
    ------
    CircuitError
        If it is not a positive time.
    """
    try:
        value = expect(parse_value(given), UNITS["s"][1])
    except ValueSyntaxError as error:
        raise fail(f"{option}: {error}", f"a time such as '{example}'") from None
    if value.is_random:
        raise fail(f"{option}: expected one time such as '{example}', found {value}")
    if value.mean <= 0:
        raise fail(f"{option}: expected a time above 0, such as '{example}', found {value}")
    return value


DEFAULT_OPTIONS = CompilerOptions()


def with_options(circuit: Circuit, seed: int | None = None, scale: float | None = None) -> Circuit:
    """The circuit with another seed or scale.

    Raises
    ------
    CircuitError
        If one of them is out of range.
    """
    if seed is not None:
        if not 0 <= seed < 2**63:
            raise fail(f"--seed: expected a whole number from 0 to 2^63 - 1, found {seed}")
        circuit = circuit.with_(seed=seed)
    if scale is not None:
        if not 0 < scale <= 1:
            raise fail(f"--scale: expected a fraction above 0 and up to 1, found {scale}")
        circuit = circuit.with_(scale=Scale(neurons=constant(scale), synapses=constant(scale)))
    return circuit
