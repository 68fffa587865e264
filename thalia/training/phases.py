"""The phases between which a task switches: one to learn in, and those that an experiment names.

Each has a twin of the same modulators in which nothing is learned, for tests within it.
"""

from collections.abc import Iterator

from thalia.circuit.experiment_spec import FROZEN, LEARNING, Experiment, ExperimentPhase
from thalia.circuit.spec import Circuit, Phase
from thalia.compiler.pipeline import compile_circuit
from thalia.compiler.plan import SECOND, Plan
from thalia.errors import Path, Problem, did_you_mean, fail
from thalia.syntax.quantities import in_si
from thalia.syntax.units import ValueSyntaxError, constant

STIMULI = ("rate", "value")  # the parameters by which a stimulus is presented to a population
TWIN = f".{FROZEN}"  # what is added to the name of a phase of an experiment for its frozen twin


def phases_of(circuit: Circuit) -> dict[str, ExperimentPhase]:
    """The phases that the experiment of a circuit names."""
    return circuit.experiment.phases if circuit.experiment else {}


def with_trial_phases(circuit: Circuit) -> Circuit:
    """The circuit with a phase in which it learns, those of its experiment, and a twin of each.

    Raises
    ------
    CircuitError
        If it has phases of its own.
    """
    if circuit.phases:
        raise fail(
            "an experiment has no phases of its own: trials are its time",
            "leave `phases` out, or name them below `experiment:` for the task to enter",
            ("phases",),
        )
    second = constant(1.0, SECOND)  # experiments end when their task does
    phases = [
        Phase(name=LEARNING, duration=second),
        Phase(name=FROZEN, duration=second, plasticity="off"),
    ]
    aliases: dict[Path, Path] = {}
    for name, each in phases_of(circuit).items():
        for twin, plasticity in ((name, each.plasticity), (name + TWIN, "off")):
            aliases["phases", len(phases)] = ("experiment", "phases", name)
            phases.append(
                Phase(name=twin, duration=second, plasticity=plasticity, modulators=each.modulators)
            )
    changed = circuit.with_(phases=tuple(phases), duration=None)
    return changed.at(circuit.source.aliased(aliases))


def plan_for_trials(circuit: Circuit) -> Plan:
    """The plan of a circuit whose plasticity can be switched off.

    Raises
    ------
    CircuitError
        With every mistake in the circuit, or if it has phases.
    """
    return compile_circuit(with_trial_phases(circuit)).plan


def phase_problems(experiment: Experiment, plan: Plan) -> Iterator[Problem]:
    """What the stimuli of its phases cannot be in this circuit."""
    known = {member.name: (group, member) for group, member in plan.populations()}
    for phase, each in experiment.phases.items():
        for population, value in each.stimuli.items():
            here: Path = ("experiment", "phases", phase, "stimuli", population)
            if population not in known:
                hint = did_you_mean(population, known)
                yield Problem(here, f"no population is called '{population}'", hint)
                continue
            group, member = known[population]
            parameter = next((name for name in STIMULI if name in member.from_task), "")
            if not parameter:
                hint = f"say `from_task: [{STIMULI[0]}]` there"
                yield Problem(here, f"a task may not set the rates of '{population}'", hint)
                continue
            try:
                in_si(value, group.parameters[parameter])
            except ValueSyntaxError as error:
                yield Problem(here, str(error))
