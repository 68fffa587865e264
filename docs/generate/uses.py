"""Where each part of the library is at work: in which circuits, experiments, rules and controls."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from docs.generate.repository import ROOT
from thalia.circuit.spec import Circuit
from thalia.compiler.expand import expand
from thalia.compiler.pipeline import load_whole
from thalia.library import lookup

# protocols measure rules by themselves, and are used by `thalia protocol`
KINDS = ("neurons", "synapses", "plasticity", "windows", "stimuli", "modulators", "regions")
# where circuits are, by the folder of the site in which they have a page
FOLDERS = {"gallery": "circuits", "experiments": "thalia/library/experiments"}

type Part = tuple[str, str]  # kind and name


@dataclass(frozen=True)
class Place:
    """A circuit or an experiment, or a condition, rule or control of it, its `variant`."""

    folder: str
    name: str
    variant: str = ""

    @property
    def link(self) -> str:
        """A link to its page from one of the library."""
        page = f"[`{self.name}`](../../{self.folder}/{self.name}.md)"
        return f"{page} ({self.variant})" if self.variant else page


@cache
def uses() -> Mapping[Part, tuple[Place, ...]]:
    """The places where each part is used; variants only of circuits that do without it."""
    found: dict[Part, list[Place]] = {}
    for folder, files in FOLDERS.items():
        for file in sorted((ROOT / files).glob("*.yaml")):
            for variant, circuit in _variants(file):
                place = Place(folder, file.stem, variant)
                for part in _parts(circuit):
                    places = found.setdefault(part, [])
                    if Place(folder, file.stem) not in places:
                        places.append(place)
    return {part: tuple(places) for part, places in found.items()}


def _variants(file: Path) -> Iterator[tuple[str, Circuit]]:
    """A circuit as it is written, and with what each condition, rule and control sets."""
    written = load_whole(file, {})
    yield "", written
    sets: dict[str, dict[str, Any]] = {name: each.set for name, each in written.conditions.items()}
    if written.experiment:
        both = {**written.experiment.rules, **written.experiment.controls}
        sets |= {name: each.set for name, each in both.items()}
    for name, values in sets.items():
        if values:
            yield name, load_whole(file, values)


def _parts(circuit: Circuit) -> set[Part]:
    regions = {("regions", use.template) for use in circuit.regions.values()}
    return regions | expand(circuit).parts_used()


def parts() -> list[Part]:
    """Every part of the library that a circuit may use."""
    return [(kind, name) for kind in KINDS for name in lookup.names(kind)]


def used_in(kind: str, name: str) -> str:
    """The section of a part's page: what uses it."""
    places = ", ".join(place.link for place in uses().get((kind, name), ()))
    return f"## Used in\n\n{places}\n" if places else ""
