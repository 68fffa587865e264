"""Names in a circuit that only recording and comparison use: checked against what there is."""

from collections import Counter
from collections.abc import Mapping

from thalia.circuit.spec import Circuit
from thalia.compiler.plan import Group, group_name, includes
from thalia.errors import Diagnostics, did_you_mean


def check_names(circuit: Circuit, diagnostics: Diagnostics) -> None:
    """Check that there are populations, and that no two names become the same identifier."""
    if not circuit.populations:
        message = "a circuit needs at least one population"
        diagnostics.error(("populations",), message, "add `populations:` or `regions:`")
    for kind, names in (("populations", circuit.populations), ("pathways", circuit.pathways)):
        alike = Counter(group_name(name) for name in names)
        for name in names:
            if alike[group_name(name)] > 1:
                message = f"'{name}' and another name differ only in '.' and '_'"
                diagnostics.error((kind, name), message, "rename one")


def check_record(circuit: Circuit, groups: Mapping[str, Group], diagnostics: Diagnostics) -> None:
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
    for name, state in record.states.items():
        path = ("record", "states", name)
        if state.population not in known:
            diagnostics.unknown((*path, "population"), "populations", state.population, known)
        if group := groups.get(state.population):
            recordable = _recordable(group)
            for variable in state.variables:
                if variable not in recordable:
                    message = f"'{variable}' is not a state variable of {state.population}"
                    hint = did_you_mean(variable, recordable)
                    diagnostics.error((*path, "variables"), message, hint)


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
