"""Where a run comes from: versions, seeds, digests, and the command that repeats it."""

import re
from hashlib import sha256

from thalia.circuit.bundled import name_of
from thalia.compiler.expand import expand
from thalia.compiler.options import with_options
from thalia.errors import CircuitError
from thalia.figures.notebook import table
from thalia.publication.repetition import command_of, not_repeated
from thalia.recording.page_checksums import reading
from thalia.recording.run_file import Run
from thalia.reports.page import Section, folded, quoted, remarks, wide
from thalia.simulation.origin import Origin, origin_of, read_origin, written_circuit
from thalia.syntax.time_grid import as_text

KEYS = (
    *("created", "thalia", "brian2", "numpy", "python", "system", "compiler"),
    *("backend", "seed", "determinism"),
)
MOST_FILES = 500
WHOLE = "The circuit as it was simulated, written out in full"
_DIGEST = re.compile(r"^sha256: ([0-9a-f]{64})$", re.MULTILINE)


def origin_in(run: Run) -> Origin:
    """What a run was made from.

    Raises
    ------
    CircuitError
        If the file is of a version that did not keep it.
    """
    with reading(run.file, "origin") as h5:
        return read_origin(h5, run.file)


def section_of(run: Run) -> Section:
    """Versions, seed, digests of all files, the command to repeat the run, and its circuit."""
    about = [[key, str(run.attributes[key])] for key in KEYS if key in run.attributes]
    about.append(["time step", as_text(float(run.attributes["dt"]))])
    about.append(["duration", f"{run.duration:g} s"])
    files = run.circuit_files
    digests = [[name, "circuit", _sha256(text)] for name, text in files]
    try:
        origin = origin_in(run)
    except CircuitError as error:
        again = remarks([str(error)])
        whole = ""
    else:
        digests += [
            [name, "data", found[1]]
            for name, text in origin.texts.items()
            if (found := _DIGEST.search(text[:500]))
        ]
        again = _again(run, origin)
        whole = folded(WHOLE, quoted(origin.circuit))
    body = (
        f"{wide(table((), about))}<h3>To repeat it</h3>{again}"
        f"<h3>Files</h3>{wide(table(('file', 'kind', 'SHA-256'), digests, MOST_FILES))}"
        f"{''.join(folded(name, quoted(text)) for name, text in files)}{whole}"
    )
    return Section("Provenance", body)


def _again(run: Run, origin: Origin) -> str:
    """The command that repeats a run."""
    name = name_of(run.circuit_files[0][0])
    is_as_written = _is_as_written(run, origin)
    circuit = name if is_as_written else f"{run.attributes['name']}.yaml"
    told = not_repeated(origin)
    if not is_as_written:
        told.append(
            "The circuit was changed by options, such as --set or --scale, or by Python, or it "
            f"names data: save what is written out below as {circuit}, next to the files that it "
            "names. `thalia export --to rocrate` writes it with all of them."
        )
    return quoted(command_of(run, origin, circuit)) + remarks(told)


def _is_as_written(run: Run, origin: Origin) -> bool:
    """Whether the text of the circuit, with the seed of the run, is all that was simulated."""
    try:
        written = with_options(written_circuit(run.circuit_files), int(run.attributes["seed"]))
        return origin_of(expand(written)) == (origin.circuit, dict(origin.texts))
    except CircuitError:
        return False


def _sha256(text: str) -> str:
    return sha256(text.encode()).hexdigest()
