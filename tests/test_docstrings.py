"""Every public name says what it is for, its arguments, shapes and units, what it raises, and the source of a method."""

import inspect
import re
from types import FunctionType, ModuleType

import pytest

import thalia

# arrays of numbers, by how they are annotated
ARRAYS = re.compile(r"\b(Floats|Ints|NDArray)\b")
SHAPE = re.compile(r"\((n|n_\w+|lags)( \+ 1)?(, ?(n_\w+)?)*\)")
UNIT = re.compile(
    r"\b(seconds|ms|Hz|metres|mV|unit|volts|SI|fractions?|median|counts?|spikes|CV)\b"
)
# counting, and what is defined by the name alone
ELEMENTARY = {
    "adaptation", "autocorrelation", "band_peaks", "burst_fraction", "counts_of", "dominant_band",
    "fano_factor", "interval_cv", "intervals_of", "mean_correlation", "mean_rate", "pair_correlations", "paired",
    "population_rate", "spectrum", "weight_matrix",
}  # fmt: skip


def public():
    """Functions, methods and properties of every public name, by their own names."""
    for name in thalia.__all__:
        found = getattr(thalia, name)
        inside = (
            {f"{name}.{key}": getattr(found, key) for key in found.__all__}
            if isinstance(found, ModuleType)
            else {name: found}
        )
        for called, each in inside.items():
            if inspect.isclass(each):
                yield called, each
                for key, member in list(vars(each).items()):
                    member = getattr(member, "__func__", member)
                    member = getattr(member, "fget", None) or getattr(member, "func", member)
                    if isinstance(member, FunctionType) and not key.startswith(("_", "model_")):
                        yield f"{called}.{key}", member
            elif inspect.isfunction(each):
                yield called, each


NAMES = dict(public())
FUNCTIONS = {name: each for name, each in NAMES.items() if inspect.isfunction(each)}


def arguments(function):
    names = inspect.signature(function).parameters
    return [name for name in names if name not in ("self", "cls")]


@pytest.mark.parametrize("name", NAMES)
def test_a_public_name_has_a_docstring(name):
    assert len(inspect.cleandoc(NAMES[name].__doc__ or "")) > 15


@pytest.mark.parametrize("name", [name for name, each in FUNCTIONS.items() if arguments(each)])
def test_every_argument_is_described(name):
    text = FUNCTIONS[name].__doc__

    assert [
        each for each in arguments(FUNCTIONS[name]) if not re.search(rf"\b{each}\b", text)
    ] == []


@pytest.mark.parametrize(
    "name",
    [
        name
        for name, each in FUNCTIONS.items()
        if re.search(r"\b(raise|fail)\b", inspect.getsource(each).partition(each.__doc__)[2])
    ],
)
def test_what_is_raised_is_said(name):
    assert re.search(r"Raises\n\s*-+\n\s*\w+Error\n", FUNCTIONS[name].__doc__)


@pytest.mark.parametrize(
    "name",
    [name for name, each in NAMES.items() if ARRAYS.search(str(each.__annotations__))],
)
def test_arrays_have_their_shape_and_unit(name):
    text = NAMES[name].__doc__

    assert SHAPE.search(text)
    assert UNIT.search(text)


@pytest.mark.parametrize("name", [n for n in FUNCTIONS if n.startswith("analysis.")])
def test_a_method_has_its_source(name):
    is_method = name.split(".")[1] not in ELEMENTARY and "." not in name.removeprefix("analysis.")

    assert not is_method or re.search(r"\b(19|20)\d\d\b|`irregularity`", FUNCTIONS[name].__doc__)
