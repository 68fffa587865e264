"""The papers behind a circuit: its own, and those of its regions and components."""

import re

from thalia.circuit.spec import Circuit
from thalia.compiler.expand import expand
from thalia.compiler.expand_regions import template_of
from thalia.errors import CircuitError


def citations(circuit: Circuit) -> list[str]:
    """The papers behind a circuit and its components, one per line: DOI, and what cites it."""
    written_out = expand(circuit)
    found: dict[str, list[str]] = {doi: [circuit.name] for doi in circuit.cite}
    for region, use in circuit.regions.items():
        for doi in template_of(use.template, circuit.folder).fragment.cite:
            found.setdefault(doi, []).append(f"region {region}")
    for kind, name in sorted(written_out.parts_used()):
        try:
            text = written_out.part(kind, name).source
        except CircuitError:
            continue
        for doi in re.findall(r"doi:(10\.\d{4,}/[^\s,;]+)", text):
            found.setdefault(doi.rstrip("."), []).append(name)
    return [f"{_paper(cited)}  ({', '.join(dict.fromkeys(uses))})" for cited, uses in found.items()]


def _paper(cited: str) -> str:
    """The address of a DOI; anything else as it is written, in one line."""
    is_doi = re.fullmatch(r"10\.\d{4,}/[!-~]+", cited)
    return f"https://doi.org/{cited}" if is_doi else " ".join(cited.split())
