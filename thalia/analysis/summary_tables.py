"""The summary of a run as texts: tables of populations and of plastic pathways, and remarks."""

from collections.abc import Iterator
from typing import Any

from thalia.analysis.health import INTERVAL
from thalia.errors import many_times
from thalia.recording.run_file import Run

MANY = 6  # populations that are counted instead of named

type Rows = tuple[list[str], list[list[str]]]
"""Headings, and the cells of every row."""


def populations(run: Run, phases: int | None = None) -> Rows:
    """Size, rate in each of the last `phases` (by default all), published rate, and irregularity.

    A CV comes with half of its 95 % interval, and is a dash where there are too few spikes for it.
    """
    results, reference = run.results, run.structure["reference"]
    by_phase = results["rates_by_phase_hz"]
    names = list(by_phase)[-phases if phases else None :]
    heads = ["population", "size"]
    heads += [f"rate, {name}" if len(names) > 1 else "rate" for name in names]
    heads += [*(["published"] if reference else []), "CV of ISI"]
    rows = []
    for name, size in run.sizes.items():
        row = [name, f"{size:,}", *(f"{by_phase[phase][name]:.2f} Hz" for phase in names)]
        row += [_published(reference, name)] if reference else []
        rows.append([*row, _irregularity(results, name)])
    return heads, rows


def _irregularity(results: dict[str, Any], population: str) -> str:
    cv, errors = results["cv_isi"][population], results.get("cv_isi_error", {})
    if cv is None:
        return "–" if population in results.get("cv_isi_missing", {}) else ""
    return (
        f"{cv:.2f} ± {INTERVAL * errors[population]:.2f}" if population in errors else f"{cv:.2f}"
    )


def _published(reference: dict[str, Any], population: str) -> str:
    """The rate of a population that was published, or the range in which it lies."""
    if population in reference["rates"]:
        return f"{reference['rates'][population]:.2f} Hz"
    low_and_high = reference.get("ranges", {}).get(population)
    return "{:g}-{:g} Hz".format(*low_and_high) if low_and_high else ""


def missing(run: Run) -> Iterator[str]:
    """Why some irregularities are a dash."""
    for reason in dict.fromkeys(run.results.get("cv_isi_missing", {}).values()):
        yield f"–: {reason} in the last phase"


def plastic_pathways(run: Run) -> Rows:
    """Mean weights, and what arrives of them where rules scale them; no rows without any."""
    weights: dict[str, dict[str, Any]] = run.results["weights"]
    columns = {"before": "mean weight before", "after": "after"}
    if any("arriving_after" in each for each in weights.values()):
        columns |= {"arriving_before": "arriving before", "arriving_after": "after"}
    return ["plastic pathway", *columns.values()], [
        [name, *(f"{each[key]:.4g} {each['unit']}" if key in each else "" for key in columns)]
        for name, each in weights.items()
    ]


def scaled(run: Run) -> Iterator[str]:
    """What multiplies the weights of arriving spikes, and in which pathways."""
    pathways: dict[tuple[str, ...], list[str]] = {}
    for name, each in run.results["weights"].items():
        if each.get("scaled_by"):
            pathways.setdefault(tuple(each["scaled_by"]), []).append(name)
    for names, those in pathways.items():
        yield f"multiplied by {', '.join(names)} as spikes arrive: {', '.join(those)}"


def integration(run: Run) -> Iterator[str]:
    """How the potentials were integrated, in a line for each way."""
    methods: dict[str, str] = run.results.get("integration", {})
    for method in dict.fromkeys(methods.values()):
        names = [name for name, each in methods.items() if each == method]
        which = ", ".join(names) if len(names) < MANY else f"{len(names)} populations"
        yield f"{which}: {method}"


def timing(run: Run) -> str:
    """Seed, backend, and how long compiling and simulating took."""
    seconds, results = run.results["timings_s"], run.results
    program = (
        "compiled before"
        if results["compiled"]["cached"]
        else f"compiled in {seconds['emit'] + seconds['build']:.1f} s"
    )
    if results["backend"] != "cpp":
        program = "not compiled"
    simulated = results["simulated_s"]
    ratio = seconds["simulate"] / simulated
    part = "" if simulated == run.duration else f" the last {simulated:g} s"
    return (
        f"seed {results['seed']}, backend {results['backend']} ({program}), "
        f"simulated{part} in "
        f"{seconds['simulate']:.2f} s, {many_times(ratio)} times model time"
    )
