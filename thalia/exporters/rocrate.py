"""A run as a Workflow Run RO-Crate: the run, its circuit, its environment, and whom to cite.

The profile is Workflow Run Crate 0.5 (https://w3id.org/ro/wfrun/workflow/0.5), on RO-Crate 1.1
(Soiland-Reyes et al. 2022, doi:10.3233/DS-210053): one folder, whose contents are described in
JSON-LD. The workflow is the circuit as it was simulated, with the files that it names. Names of
files in a run file may be a stranger's: they are told, and none is written under.
"""

import json
import re
import shutil
from collections.abc import Iterable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path as FilePath
from typing import Any

from thalia.circuit.load import as_yaml
from thalia.circuit.serialize import as_data
from thalia.circuit.spec import Circuit
from thalia.data.files import data_file, is_reference
from thalia.publication.citations import citations
from thalia.publication.description import describe_model
from thalia.publication.formats import as_markdown
from thalia.publication.methods import methods_of
from thalia.publication.repetition import command_of, not_repeated
from thalia.recording.page_checksums import reading
from thalia.recording.run_file import Run
from thalia.simulation.origin import Origin, read_origin, written_circuit
from thalia.syntax.folder import Folder
from thalia.syntax.yaml_reader import read_yaml

METADATA, CIRCUIT, RESULT = "ro-crate-metadata.json", "circuit.yaml", "run.h5"
ENVIRONMENT, CITATIONS, METHODS, INPUTS = "environment.txt", "citations.txt", "methods.md", "inputs"
README = "README.md"
ENDING, NEEDS = "", ""
FILES = (METADATA, README, CIRCUIT, RESULT, ENVIRONMENT, CITATIONS, METHODS, INPUTS)
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
    """Write the folder of a run, with a copy of its file and of the data that it used.

    Raises
    ------
    CircuitError
        If this version cannot read the circuit, or a file of data is not there any more.
    """
    with reading(run.file, "origin") as h5:
        origin = read_origin(h5, run.file)
    circuit, places = origin.read(), _places(origin.texts)
    target.mkdir()
    shutil.copyfile(run.file, target / RESULT)
    for name, place in places.items():
        (target / place).parent.mkdir(parents=True)
        _copy(origin, name, places, target / place)
    papers = _papers(written_circuit(run.circuit_files), circuit)
    tables = as_markdown(describe_model(circuit, run.sizes))
    command = command_of(run, origin, CIRCUIT)
    texts = {
        README: _introduction(run, command, not_repeated(origin)),
        CIRCUIT: as_yaml(_renamed(as_data(circuit), places)),
        METHODS: f"{methods_of(run)}\n\n{tables}",
        ENVIRONMENT: _environment(run),
        CITATIONS: "".join(f"{each}\n" for each in papers),
    }
    for path, text in texts.items():
        (target / path).write_text(text, "utf-8")
    inputs = {place: name for name, place in places.items()}
    described = {
        "@context": "https://w3id.org/ro/crate/1.1/context",
        "@graph": _graph(run, target, inputs, papers, command),
    }
    (target / METADATA).write_text(json.dumps(described, indent=2), "utf-8")


def _papers(written: Circuit, simulated: Circuit) -> list[str]:
    """Whom to cite: for regions, as they were written, and for what options made of it."""
    found = {each.partition("  ")[0]: each for each in citations(simulated)}
    found |= {each.partition("  ")[0]: each for each in citations(written)}
    return [*found.values()]


def _places(names: Iterable[str]) -> dict[str, str]:
    """Where the file of each name is in the crate, each in a folder of its own.

    The last part of the name stays, as that of a component is a prefix of its variables.
    """
    return {
        name: f"{INPUTS}/{index}/{re.sub(r'[^\w.-]', '_', FilePath(name).name).lstrip('.') or '_'}"
        for index, name in enumerate(names)
    }


def _copy(origin: Origin, name: str, places: dict[str, str], target: FilePath) -> None:
    """Write a file that the circuit names: its text, or the data that a text stands for."""
    text = origin.texts[name]
    if is_reference(text):
        data = data_file(Folder(origin.file.parent, origin.texts), name)
        with data.raw() as raw, target.open("wb") as file:
            shutil.copyfileobj(raw, file)
        return
    if name.endswith(".yaml"):  # a component, which may name others
        part, _ = read_yaml(text, name)
        text = text if _renamed(part, places) == part else as_yaml(_renamed(part, places))
    target.write_text(text, "utf-8")


def _renamed(data: Any, places: dict[str, str]) -> Any:
    """Plain data with the names of files as the crate has them."""
    if isinstance(data, dict):
        return {key: _renamed(each, places) for key, each in data.items()}
    if isinstance(data, list | tuple):
        return [_renamed(each, places) for each in data]
    return places.get(data, data) if isinstance(data, str) else data


def _introduction(run: Run, command: str, remarks: list[str]) -> str:
    told = "".join(f"{each}\n" for each in remarks)
    return (
        f"# Simulation of {run.attributes['name']}\n\n"
        f"`{CIRCUIT}` is the circuit as it was simulated, written out in full, and `{INPUTS}` "
        f"holds the files that it names. `{RESULT}` is everything that was recorded, with the "
        f"circuit as its author wrote it. `{ENVIRONMENT}` lists what simulated it. To repeat it, "
        f"in this folder:\n\n"
        f"    {command}\n\n{told}"
    )


def _environment(run: Run) -> str:
    """What simulated it: packages as `pip install -r` reads them, the rest as comments."""
    about = run.attributes
    packages = "".join(f"{name}=={about[name]}\n" for name in LIBRARIES)
    return packages + "".join(
        f"# {name}: {about[name]}\n" for name in ("python", "system", "compiler") if name in about
    )


def _graph(
    run: Run, folder: FilePath, inputs: dict[str, str], papers: list[str], command: str
) -> list[Entity]:
    """Every entity of the crate."""
    about = run.attributes
    dois = [each.partition("  ")[0] for each in papers if each.startswith("https://doi.org/")]
    parts = [README, CIRCUIT, RESULT, ENVIRONMENT, CITATIONS, METHODS, *inputs]
    texts = {
        ENVIRONMENT: "Versions of what simulated it",
        CITATIONS: "Papers behind the circuit and its components",
        METHODS: "A paragraph for a methods section, and the model in tables",
        README: "What is here, and how to repeat the simulation",
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
            "description": f"{command}; {about['determinism']}",
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
