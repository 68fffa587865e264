"""Names in a circuit that only recording and comparison use: checked against what there is."""

from collections import Counter
from collections.abc import Mapping

from thalia.circuit.limits import MOST_NEURONS
from thalia.circuit.record_spec import RecordWeights
from thalia.circuit.spec import Circuit
from thalia.compiler.plan import Group, SynapseGroup, group_name, includes
from thalia.compiler.resources import is_recorded
from thalia.errors import Diagnostics, Path, did_you_mean
from thalia.syntax.reserved_names import RESERVED_NAMES

LONGEST_NAME = 80  # or twice that of a pathway: names of files hold them, within 255 letters


def check_names(circuit: Circuit, diagnostics: Diagnostics) -> None:
    """Check that there are populations, and that no two names become the same identifier."""
    if not circuit.populations:
        message = "a circuit needs at least one population"
        diagnostics.error(("populations",), message, "add `populations:` or `regions:`")
    for kind, names in (
        ("populations", circuit.populations),
        ("pathways", circuit.pathways),
        ("stimuli", circuit.stimuli),
        ("modulators", circuit.modulators),
    ):
        alike = Counter(group_name(name) for name in names)
        for name in names:
            if alike[group_name(name)] > 1:
                message = f"'{name}' and another name differ only in '.' and '_'"
                diagnostics.error((kind, name), message, "rename one")
            longest = LONGEST_NAME * (2 if kind == "pathways" else 1)
            if len(name) > longest:
                message = (
                    f"the name has {len(name)} letters, expected at most {longest}, "
                    "with those of its region and its populations"
                )
                diagnostics.error((kind, name), message, "files are named by it: shorten it")


def check_magnitudes(circuit: Circuit, diagnostics: Diagnostics) -> None:
    """Check that the time step is not longer than what it divides, and that neurons fit a number.

    Brian2 numbers neurons by integers of 32 bits.
    """
    lasts = circuit.duration
    if lasts is not None and circuit.dt.mean > lasts.mean:
        message = f"expected at most the duration, {lasts}, found {circuit.dt}"
        diagnostics.error(("dt",), message, "0.1 ms is usual")
    for name, population in circuit.populations.items():
        if (population.size or 1) > MOST_NEURONS:
            message = f"expected at most {MOST_NEURONS:,} neurons, found {population.size:,}"
            diagnostics.error(("populations", name, "size"), message)


def check_variables(
    groups: Mapping[str, Group],
    synapses: Mapping[str, SynapseGroup],
    shared: Group | None,
    diagnostics: Diagnostics,
) -> None:
    """Check that variables of several components, each with its prefix, have names of their own."""
    for population, group in groups.items():
        switches = [each.switch for each in group.inputs if each.switch]
        names = [*(e.name for e in group.equations()), *group.all_parameters(), *switches]
        _check_variables(("populations", population), names, diagnostics)
    for pathway, each in synapses.items():
        names = [*(e.name for e in each.equations), *each.parameters]
        _check_variables(("pathways", pathway), names, diagnostics)
    if shared:
        names = [*(e.name for e in shared.equations()), *shared.parameters]
        _check_variables(("modulators",), names, diagnostics)


def _check_variables(path: Path, names: list[str], diagnostics: Diagnostics) -> None:
    hint = "rename the component or the variable of which the name is made"
    for name, count in Counter(names).items():
        if count > 1:
            message = f"two variables here are called '{name}'"
            diagnostics.error(path, message, hint)
        elif name.startswith("xi_") or name in RESERVED_NAMES:
            message = f"a variable here is called '{name}', which is reserved"
            diagnostics.error(path, message, hint)


def check_record(
    circuit: Circuit,
    groups: Mapping[str, Group],
    synapses: Mapping[str, SynapseGroup],
    diagnostics: Diagnostics,
) -> None:
    """Check the names under `record:`."""
    record, known, pathways = circuit.record, circuit.populations, circuit.pathways
    for name in record.spikes:
        if name not in known and name not in ("all", "none"):
            words = (*known, "all", "none")
            diagnostics.unknown(("record", "spikes"), "populations", name, words)
    for name in record.weights.pathways:
        is_there = any(includes(name, pathway) for pathway in pathways)
        if not is_there and name not in ("plastic", "all", "none"):
            words = (*pathways, "plastic", "all", "none")
            diagnostics.unknown(("record", "weights", "pathways"), "pathways", name, words)
    if len(synapses) == len(pathways):
        _check_recorded_variables(record.weights, synapses, diagnostics)
    for name, traces in record.traces.items():
        path = ("record", "traces", name)
        if traces.population not in known:
            diagnostics.unknown((*path, "population"), "populations", traces.population, known)
        elif size := known[traces.population].size:
            with diagnostics.catch((*path, "neurons")):
                traces.neurons.check(size, known[traces.population].chosen_by)
        if group := groups.get(traces.population):
            recordable = _recordable(group)
            for variable in traces.variables:
                if variable not in recordable:
                    message = f"'{variable}' is not a state variable of {traces.population}"
                    hint = did_you_mean(variable, recordable)
                    diagnostics.error((*path, "variables"), message, hint)


def _check_recorded_variables(
    record: RecordWeights, synapses: Mapping[str, SynapseGroup], diagnostics: Diagnostics
) -> None:
    recorded = [
        each
        for name, each in synapses.items()
        if is_recorded(name, each.is_plastic, record.pathways)
    ]
    own = {e.name for each in recorded for e in each.equations if e.kind != "expression"} - {"w"}
    for variable in record.variables:
        if variable not in own:
            message = f"'{variable}' is no variable of the synapses whose weights are recorded"
            hint = did_you_mean(variable, sorted(own))
            diagnostics.error(("record", "weights", "variables"), message, hint)


def _recordable(group: Group) -> set[str]:
    return {
        e.name for e in group.equations() if e.kind != "expression" or "constant over dt" in e.flags
    }


def check_reference(circuit: Circuit, diagnostics: Diagnostics) -> None:
    """Check the names of populations under `reference:`."""
    claims, known = circuit.reference, circuit.populations
    if claims is None:
        return
    for key in ("rates", "ranges", "pacemakers", "bands", "asynchronous"):
        for name in getattr(claims, key):
            if name not in known:
                diagnostics.unknown(("reference", key, name), "populations", name, known)
