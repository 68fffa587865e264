"""A paragraph of a methods section: what was simulated, by what, and how."""

from collections.abc import Iterator, Sequence

from thalia.analysis.summary_tables import integration
from thalia.errors import counted
from thalia.recording.run_file import Run
from thalia.syntax.time_grid import as_text

PROGRAMS = {
    "cpp": "as compiled C++",
    "cuda": "on a GPU, by brian2cuda",
    "runtime": "on NumPy",
    "nest": "by NEST",
}


def methods_of(run: Run) -> str:
    """The paragraph about a run, in sentences that a paper can begin with."""
    return " ".join(_sentences(run))


def _sentences(run: Run) -> Iterator[str]:
    about, pathways = run.attributes, run.structure["pathways"]
    neurons, synapses = run.results["neurons"], run.results["synapses"]
    yield (
        f"The circuit {about['name']} has {counted(neurons, 'neuron')} in "
        f"{counted(len(run.sizes), 'population')} and {counted(synapses, 'synapse')} in "
        f"{counted(len(pathways), 'pathway')}."
    )
    plastic = [name for name, each in pathways.items() if each["plastic"]]
    if plastic:
        yield f"{_listed(plastic)} {'is' if len(plastic) == 1 else 'are'} plastic."
    lengths = [f"{name} ({end - begin:g} s)" for name, begin, end in run.phases]
    yield (
        f"{run.duration:g} s were simulated in steps of {as_text(float(about['dt']))}"
        + (f": {_listed(lengths)}." if len(lengths) > 1 else ".")
    )
    if methods := [*integration(run)]:
        yield f"Integration of {'; '.join(methods)}."
    program = PROGRAMS.get(str(about["backend"]), f"by the backend {about['backend']}")
    yield (
        f"Simulated {program}, with Thalia {about['thalia']} on Brian2 {about['brian2']} "
        f"and NumPy {about['numpy']}, seed {about['seed']}."
    )
    if reference := run.structure["reference"]:
        yield f"Rates are compared with those of {reference['source']}."


def _listed(names: Sequence[str]) -> str:
    """Names as a sentence has them."""
    return ", ".join(names[:-1]) + (" and " if len(names) > 1 else "") + names[-1]
