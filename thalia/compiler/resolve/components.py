"""Components that a circuit uses, and their parameters; None, with the problem noted, if wrong."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from thalia.circuit.spec import Circuit
from thalia.compiler.resolve.ranges import check_sign, parameter_hint
from thalia.errors import Diagnostics, MistakeInText, Path, Problem, TextPlace, did_you_mean
from thalia.library.lookup import KINDS, OWN_KEYS, find
from thalia.library.schema import Layer, Part, Preset
from thalia.syntax.fields import expect
from thalia.syntax.units import Value, ValueSyntaxError
from thalia.syntax.yaml_reader import Source

Parameters = dict[str, Value]
_KIND_OF = {model: kind for kind, model in KINDS.items()}


@dataclass(frozen=True)
class Written:
    """Where a component is written: in the circuit, in a file of its own, or in the library.

    Mistakes in one of the library, which only its use can make, are reported at `used`.
    """

    used: Path
    own: Path = ()
    source: Source | None = None

    @contextmanager
    def catch(self, key: Path, at: TextPlace | None, diagnostics: Diagnostics) -> Iterator[None]:
        """Note what is raised within, at a key of the component, and go on after the block."""
        try:
            yield
        except MistakeInText as error:
            at = error.at or at
            if self.own:
                problem = Problem((*self.own, *key), str(error), error.hint, at=at)
            elif self.source:
                place = self.source.locate(key, at)
                problem = Problem(key, str(error), error.hint, place)
            else:
                problem = Problem(self.used, str(error), error.hint)
            diagnostics.problems.append(problem)


def written(circuit: Circuit, model: type[Part], name: str, used: Path) -> Written:
    """Where the component of this name is written, which is used at a path."""
    kind = _KIND_OF[model]
    if name in getattr(circuit, OWN_KEYS[kind]):
        return Written(used, (OWN_KEYS[kind], name))
    if name.endswith(".yaml"):
        return Written(used, source=find(kind, name, circuit.folder)[1])
    return Written(used)


def component[Model: Part](
    circuit: Circuit, model: type[Model], name: str, path: Path, diagnostics: Diagnostics
) -> Model | None:
    """A component of the circuit or of the library."""
    with diagnostics.catch(path):
        found = circuit.part(_KIND_OF[model], name)
        assert isinstance(found, model)
        return found
    return None


def parameters(
    part: Part,
    given: Mapping[str, Value],
    path: Path,
    diagnostics: Diagnostics,
    preset: str = "",
    window: tuple[Path, Mapping[str, Value]] = ((), {}),
) -> Parameters | None:
    """Defaults, replaced by those of a window, then of a preset, then by what the circuit gives.

    None if something given is unknown, of the wrong dimension, or a zero that equations divide by.
    """
    published = preset_of(part, preset, (*path, "preset"), diagnostics)
    if published is None:
        return None
    before = len(diagnostics.problems)
    for where, numbers in (window, ((*path, "preset"), published.parameters), (path, given)):
        for name, value in numbers.items():
            check_parameter(part, name, value, (*where, name), diagnostics)
    if len(diagnostics.problems) > before:
        return None
    return part.overlaid(given, preset, window[1])


def preset_of(part: Part, name: str, path: Path, diagnostics: Diagnostics) -> Preset | None:
    """A component's preset of this name; an empty one if no name is given."""
    presets = part.presets if isinstance(part, Layer) else {}
    if name and name not in presets:
        diagnostics.error(path, f"no preset is called '{name}'", did_you_mean(name, presets))
        return None
    return part.published(name)


def check_parameter(
    part: Part, name: str, value: Value, path: Path, diagnostics: Diagnostics
) -> None:
    """Check that a component has a parameter of this name, and that it can have this value."""
    if name not in part.parameters:
        hint = did_you_mean(name, part.parameters)
        diagnostics.error(path, f"unknown parameter '{name}'", hint)
        return
    parameter = part.parameters[name]
    try:
        expect(value, parameter.default.dimension)
    except ValueSyntaxError as error:
        diagnostics.error(path, str(error), parameter_hint(part, name))
        return
    check_sign(part, name, value, path, diagnostics)
