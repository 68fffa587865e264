"""The page about one run."""

from collections.abc import Callable, Iterator
from html import escape

from thalia.analysis import summary_tables
from thalia.analysis.health import COLUMNS, Health, shown
from thalia.analysis.health import health as judge
from thalia.circuit.spec import Circuit
from thalia.errors import CircuitError, counted, fail
from thalia.figures.kinds import figures_of
from thalia.figures.network import graph
from thalia.figures.notebook import picture, table
from thalia.publication.citations import citations
from thalia.publication.description import describe_model
from thalia.publication.methods import methods_of
from thalia.recording.page_checksums import edited
from thalia.recording.run_file import Run
from thalia.reports import activity, conversation, provenance
from thalia.reports.page import Report, Section, folded, page, remarks, scrolled, wide
from thalia.simulation.origin import written_circuit

MOST_ROWS = 400  # of a table
DPI = 110  # of figures that are images


def of_run(run: Run) -> Report:
    """The page about a run.

    Raises
    ------
    CircuitError
        If the run is not complete.
    """
    if not run.attributes.get("complete"):
        raise fail(f"{run.file}: is not complete", f"`thalia resume {run.file}` continues it")
    with edited(run.file):
        sections = [each for make in SECTIONS for each in make(run)]
        return page(str(run.attributes["name"]), _lead(run), sections)


def _lead(run: Run) -> str:
    results = run.results
    counts = (
        f"{counted(results['neurons'], 'neuron')}, {counted(results['synapses'], 'synapse')}, "
        f"{run.duration:g} s; {run.file.name}"
    )
    circuit = _circuit(run)
    return f"<p>{escape(circuit.summary if circuit else '')}</p>{remarks([counts])}"


def _circuit(run: Run) -> Circuit | None:
    """The circuit as it was written; None if this version cannot read it."""
    try:
        return written_circuit(run.circuit_files)
    except CircuitError:
        return None


def _summary(run: Run) -> Iterator[Section]:
    heads, rows = summary_tables.populations(run)
    body = wide(table(heads, rows, MOST_ROWS)) + remarks(summary_tables.missing(run))
    heads, rows = summary_tables.plastic_pathways(run)
    body += wide(table(heads, rows, MOST_ROWS)) + remarks(summary_tables.scaled(run))
    body += remarks([*summary_tables.integration(run), *run.results["notes"]])
    if run.results["timings_s"] and run.results["compiled"]:
        body += remarks([summary_tables.timing(run)])
    yield Section("Summary", body)


def _activity(run: Run) -> Iterator[Section]:
    if chart := activity.chart_of(run):
        yield Section("Activity", charts=(chart,))


def _weights(run: Run) -> Iterator[Section]:
    if draw := figures_of(run).get("weights"):
        shows = "Weights of recorded pathways before and after, their changes, and their matrix."
        drawn = scrolled(picture(draw(run), shows, DPI))
        body = f"<figure>{drawn}<figcaption>{shows}</figcaption></figure>"
        yield Section("Weights", body)


def _graph(run: Run) -> Iterator[Section]:
    """The circuit drawn, and its pathways in numbers."""
    shows = "Populations by size, pathways by synapses per target neuron; plastic ones are dashed."
    rows = [
        [name, each.pre, each.post, f"{each.synapses:,.0f}", "plastic" if each.plastic else ""]
        for name, each in run.network.pathways.items()
    ]
    heads = ("pathway", "from", "to", "synapses", "")
    drawn = scrolled(picture(graph(run.network), shows, DPI))
    body = f"<figure>{drawn}<figcaption>{shows}</figcaption></figure>"
    listed = folded(counted(len(rows), "pathway"), wide(table(heads, rows, MOST_ROWS)))
    yield Section("Graph", body + listed)


def _health(run: Run) -> Iterator[Section]:
    if not run.spikes:
        return
    found: Health = judge(run)
    rows = [
        [name, *(shown(each, key) for key in COLUMNS), found.of(name) if each["judged"] else "–"]
        for name, each in found.populations.items()
    ]
    listed = "".join(
        f'<li class="{each.verdict}">{each.verdict}: {escape(each.text())}</li>'
        for each in found.findings
    )
    body = f'<p class="{found.verdict}">Verdict: {found.verdict}</p><ul>{listed}</ul>'
    reasons = [f"– {COLUMNS[key]}: {why}: {', '.join(who)}" for key, why, who in found.missing()]
    heads = ("population", *COLUMNS.values(), "verdict")
    yield Section(
        "Health", body + wide(table(heads, rows, MOST_ROWS)) + remarks([*reasons, *found.notes])
    )


def _methods(run: Run) -> Iterator[Section]:
    circuit = _circuit(run)
    body = f"<p>{escape(methods_of(run))}</p>{_description(run)}<h3>References</h3>"
    if circuit is None:
        body += remarks(["The stored circuit cannot be read by this version."])
    else:
        body += f"<ol>{''.join(f'<li>{_linked(each)}</li>' for each in citations(circuit))}</ol>"
    yield Section("Methods", body)


def _description(run: Run) -> str:
    """The circuit as simulated, in tables to be unfolded; none of one that cannot be read."""
    try:
        tables = describe_model(provenance.origin_in(run).read(), run.sizes)
    except CircuitError:
        return ""
    made = (
        f"<h3>{escape(each.title)}</h3>{wide(table(each.heads, each.rows, MOST_ROWS))}"
        for each in tables
    )
    return folded("Description of the model (Nordlie et al. 2009)", "".join(made))


def _linked(line: str) -> str:
    """A citation, with a link where it is a DOI."""
    address, _, uses = line.partition("  ")
    shown_ = escape(address)
    if address.startswith("https://doi.org/10."):
        shown_ = f'<a href="{shown_}" rel="noreferrer">{shown_}</a>'
    return f"{shown_} {escape(uses)}"


def _provenance(run: Run) -> Iterator[Section]:
    yield provenance.section_of(run)


SECTIONS: tuple[Callable[[Run], Iterator[Section]], ...] = (
    _summary,
    _activity,
    conversation.sections_of,
    _weights,
    _graph,
    _health,
    _methods,
    _provenance,
)
