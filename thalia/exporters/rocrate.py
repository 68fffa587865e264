"""A run as a Workflow Run RO-Crate: the run, its circuit, its environment, and whom to cite.

The profile is Workflow Run Crate 0.5 (https://w3id.org/ro/wfrun/workflow/0.5), on RO-Crate 1.1
(Soiland-Reyes et al. 2022, doi:10.3233/DS-210053): one folder, whose contents are described in
JSON-LD. Names of files in a run file may be a stranger's: they are told, and none is written under.
"""

import json
import shutil
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path as FilePath
from typing import Any

from thalia.errors import CircuitError
from thalia.publication.citations import citations
from thalia.publication.methods import methods_of
from thalia.recording.run_file import Run
from thalia.simulation.origin import written_circuit

METADATA, CIRCUIT, RESULT = "ro-crate-metadata.json", "circuit.yaml", "run.h5"
ENVIRONMENT, CITATIONS, METHODS, INPUTS = "environment.txt", "citations.txt", "methods.md", "inputs"
ENDING, NEEDS = "", ""
FILES = (METADATA, CIRCUIT, RESULT, ENVIRONMENT, CITATIONS, METHODS, INPUTS)
PROFILES = (
    "https://w3id.org/ro/wfrun/process/0.5",
    "https://w3id.org/ro/wfrun/workflow/0.5",
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0",
)
LIBRARIES = {
    "thalia": "Thalia, a declarative simulator of brain regions",
    "brian2": "Brian 2, a simulator of spiking neural networks",
    "numpy": "NumPy, arrays",
}

type Entity = dict[str, Any]


def write(run: Run, target: FilePath) -> None:
    """Write the folder of a run, with a copy of its file."""
    target.mkdir()
    shutil.copyfile(run.file, target / RESULT)
    (_, circuit), *others = run.circuit_files
    texts = {CIRCUIT: circuit, METHODS: f"{methods_of(run)}\n"}
    texts[ENVIRONMENT] = "".join(f"{name}=={run.attributes[name]}\n" for name in LIBRARIES)
    papers = _papers(run)
    texts[CITATIONS] = "".join(f"{each}\n" for each in papers)
    inputs = {f"{INPUTS}/{index}.txt": name for index, (name, _) in enumerate(others)}
    texts |= {path: text for path, (_, text) in zip(inputs, others, strict=True)}
    for path, text in texts.items():
        (target / path).parent.mkdir(exist_ok=True)
        (target / path).write_text(text, "utf-8")
    described = {
        "@context": "https://w3id.org/ro/crate/1.1/context",
        "@graph": _graph(run, target, inputs, papers),
    }
    (target / METADATA).write_text(json.dumps(described, indent=2), "utf-8")


def _papers(run: Run) -> list[str]:
    """Whom to cite; none if this version cannot read the circuit."""
    try:
        return citations(written_circuit(run.circuit_files))
    except CircuitError:
        return []


def _graph(run: Run, folder: FilePath, inputs: dict[str, str], papers: list[str]) -> list[Entity]:
    """Every entity of the crate."""
    about = run.attributes
    dois = [each.partition("  ")[0] for each in papers if each.startswith("https://doi.org/")]
    parts = [CIRCUIT, RESULT, ENVIRONMENT, CITATIONS, METHODS, *inputs]
    texts = {
        ENVIRONMENT: "Versions of what simulated it",
        CITATIONS: "Papers behind the circuit and its components",
        METHODS: "A paragraph for a methods section",
        **{path: f"Input of the circuit, there called {name}" for path, name in inputs.items()},
    }
    return [
        {
            "@id": METADATA,
            "@type": "CreativeWork",
            "conformsTo": [_to("https://w3id.org/ro/crate/1.1"), _to(PROFILES[2])],
            "about": _to("./"),
        },
        {
            "@id": "./",
            "@type": "Dataset",
            "name": f"Simulation of {about['name']}",
            "description": methods_of(run),
            "datePublished": datetime.now(UTC).date().isoformat(),
            "license": "to be chosen by the author of the run",
            "conformsTo": [_to(each) for each in PROFILES],
            "hasPart": [_to(each) for each in parts],
            "mainEntity": _to(CIRCUIT),
            "mentions": _to("#simulation"),
            "citation": [_to(each) for each in dois],
        },
        *({"@id": each, "@type": "CreativeWork", "name": "Profile"} for each in PROFILES),
        {
            **_file(folder, CIRCUIT, f"The circuit {about['name']}", "application/yaml"),
            "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow"],
            "programmingLanguage": _to("#thalia"),
        },
        {**_file(folder, RESULT, "Everything that was recorded", "application/x-hdf5")},
        *(_file(folder, path, name, "text/plain") for path, name in texts.items()),
        {
            "@id": "#thalia",
            "@type": ["ComputerLanguage", "SoftwareApplication"],
            "name": LIBRARIES["thalia"],
            "version": str(about["thalia"]),
            "softwareRequirements": [_to(f"#{name}") for name in LIBRARIES if name != "thalia"],
        },
        *(
            {
                "@id": f"#{name}",
                "@type": "SoftwareApplication",
                "name": told,
                "version": str(about[name]),
            }
            for name, told in LIBRARIES.items()
            if name != "thalia"
        ),
        {
            "@id": "#simulation",
            "@type": "CreateAction",
            "name": f"Simulation of {about['name']}, {run.duration:g} s, seed {about['seed']}",
            "instrument": _to(CIRCUIT),
            "object": [_to(path) for path in inputs],
            "result": _to(RESULT),
            "startTime": str(about["created"]),
            "actionStatus": "http://schema.org/CompletedActionStatus",
            "description": f"backend {about['backend']}; {about['determinism']}",
        },
        *({"@id": doi, "@type": "ScholarlyArticle", "identifier": doi} for doi in dois),
    ]


def _to(identifier: str) -> Entity:
    return {"@id": identifier}


def _file(folder: FilePath, path: str, name: str, encoding: str) -> Entity:
    content = (folder / path).read_bytes()
    return {
        "@id": path,
        "@type": "File",
        "name": name,
        "encodingFormat": encoding,
        "contentSize": str(len(content)),
        "sha256": sha256(content).hexdigest(),
    }
