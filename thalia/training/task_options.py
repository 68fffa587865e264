"""Numbers of a task as options, by the names that other systems give them."""

from collections.abc import Mapping
from typing import Any

from thalia.errors import fail
from thalia.training.tasks import Environment

# The field that an option sets; where there are several, the first that the task has.
FIELDS: dict[str, tuple[str, ...]] = {
    "trials": ("trials",),
    "epochs": ("trials",),
    "episodes-per-epoch": ("trials",),
    "seq-length": ("length",),
    "delay": ("delay",),
    "num-pairs": ("cues",),
    "cue-dim": ("dimensions",),
    "k-support": ("points", "shown"),
    "k-query": ("queries",),
    "queries": ("queries",),
    "ways": ("ways",),
    "shots": ("shots",),
    "dataset": ("data",),
    "num-tasks": ("tasks",),
    "replay-buffer-size": ("stored",),
    "importance-interval": ("importance_interval",),
    "plasticity-decay": ("plasticity_decay",),
}
CONSOLIDATION = "consolidation-strength"  # a value of the circuit, whose path the experiment has
HISTORY = "meta-history-length"  # of a list of earlier trials, which no network here has


def circuit_values(options: Mapping[str, str], given: Mapping[str, Any]) -> dict[str, Any]:
    """The values of the circuit that options set, by dotted path.

    Raises
    ------
    CircuitError
        If the experiment says of no value that the option sets it.
    """
    if CONSOLIDATION not in given:
        return {}
    name = CONSOLIDATION.replace("-", "_")
    if name not in options:
        hint = f"`options: {{{name}: PATH}}` in an experiment names its value"
        raise fail(f"--{CONSOLIDATION}: the circuit of this experiment has none", hint)
    return {options[name]: given[CONSOLIDATION]}


def numbers_of(task: type[Environment], name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a task that options set.

    Raises
    ------
    CircuitError
        With the options that the task has, if one of those given is not among them, or if it is
        the length of a history.
    """
    if HISTORY in given:
        reason = "a controller in a circuit keeps no list of trials, but means that decay with time"
        hint = "set their time constants: `controller` has --set modulators.usual_loss.tau='60 s'"
        raise fail(f"--{HISTORY}: {reason}", hint)
    known = task.model_fields
    # trials are epochs for a task that shows its data again and again, episodes for any other
    is_repeated = "data" in known and not {"ways", "lesson"} & known.keys()
    refused = "episodes-per-epoch" if is_repeated else "epochs"
    has = {
        option: field
        for option, fields in FIELDS.items()
        if option != refused and (field := next((f for f in fields if f in known), None))
    }
    found: dict[str, Any] = {}
    for option, value in given.items():
        if option == CONSOLIDATION:
            continue
        if option not in has:
            listed = ", ".join(f"--{each}" for each in has)
            raise fail(f"--{option}: the task '{name}' has no such number", f"it has {listed}")
        if has[option] in found:
            raise fail(f"--{option}: sets '{has[option]}', which another option sets as well")
        found[has[option]] = value
    return found
