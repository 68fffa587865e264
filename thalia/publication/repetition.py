"""How a run is repeated: the command, and what no command repeats."""

import shlex

from thalia.recording.run_file import Run
from thalia.simulation.origin import Origin

_USUAL = {"lower": "on", "precision": "double"}


def command_of(run: Run, origin: Origin, circuit: str) -> str:
    """The command that repeats a run, with `circuit` as the file or the name of its circuit."""
    options = {
        "seed": str(run.attributes["seed"]),
        "duration": f"{run.duration:.12g}s",
        "backend": str(run.attributes["backend"]),
        "lower": str(origin.settings.get("lower", "on")),
        "precision": str(origin.settings.get("precision", "double")),
    }
    said = [
        f"--{key} {shlex.quote(text)}" for key, text in options.items() if _USUAL.get(key) != text
    ]
    return " ".join(["thalia run", shlex.quote(circuit), *said])


def not_repeated(origin: Origin) -> list[str]:
    """What the command leaves out: sentences, none where it repeats the whole run."""
    settings = origin.settings
    told = []
    if settings.get("task") or "experiment" in settings:
        told.append("A task acted on the circuit while it ran, which the command does not repeat.")
    if former := settings.get("start_from"):
        told.append(f"It started with what was learned in {former}: give that file as `--from`.")
    return told
