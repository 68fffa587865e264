"""What a circuit is compared with: its conditions, and its experiment with controls and rules."""

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from thalia.syntax.fields import AnyValue, Name, Node, Switch, gather, refuse

BASELINE = "baseline"  # the circuit as it is written, among its conditions
LEARNING, FROZEN = "learning", "frozen"  # the phases that every experiment has
OTHER_METHOD = "baseline_"  # before the name of a method without a network, among the controls


class Variant(Node):
    """The circuit with some values replaced, by dotted path; `says` describes what it shows."""

    says: str = Field(min_length=1)
    set: dict[str, Any] = {}


def _not_the_baseline(conditions: dict[str, Variant]) -> dict[str, Variant]:
    if BASELINE in conditions:
        raise refuse(
            f"'{BASELINE}' is the circuit as it is written, without any condition",
            "choose another name",
        )
    for name, condition in conditions.items():
        if not condition.set:
            raise refuse(f"{name}: changes nothing, and is the baseline", "give it `set:`")
    return conditions


Conditions = Annotated[dict[Name, Variant], AfterValidator(_not_the_baseline)]


class TaskVariant(Variant):
    """The experiment with something changed: values of the circuit, and numbers of the task.

    With `baselines`, other methods are tried on what it draws too, as they are for the experiment.
    """

    task: dict[str, Any] = {}
    baselines: bool = False


class ExperimentPhase(Node):
    """A phase that a task enters by its name, for as long as it wants.

    `plasticity` and `modulators` are those of the phases of a run; `stimuli` are the rates, or the
    values, of populations to which nothing is presented in it.
    """

    plasticity: Switch = "on"
    modulators: dict[Name, dict[str, AnyValue]] = {}
    stimuli: dict[Name, AnyValue] = {}


def _named_by_a_task(phases: dict[str, ExperimentPhase]) -> dict[str, ExperimentPhase]:
    for name in phases:
        if name in (LEARNING, FROZEN):
            raise refuse(f"'{name}' is a phase of every experiment", "choose another name")
        if "." in name:
            raise refuse(f"'{name}': the name of a phase has no dots", "choose another name")
    return phases


Phases = Annotated[dict[Name, ExperimentPhase], AfterValidator(_named_by_a_task)]


class Experiment(Node):
    """What a circuit is to learn: `task` names an environment; unknown keys are its parameters.

    `controls` are variants that should not learn, or less well; `rules` are alternative learning
    rules. `computed_by_network` lists what the circuit computes and learns, `computed_by_task` what
    the code of the task does. `result` is the outcome measure, with its `chance` level and its
    `goal`, and `curve` the measure of every trial that is plotted. `phases` are
    entered by the task.
    """

    task: str
    computed_by_network: tuple[str, ...] = ()
    computed_by_task: tuple[str, ...] = ()
    seeds: int = Field(default=10, ge=1, le=10_000)
    result: str
    curve: str
    chance: float | None = None
    goal: float | None = None
    lower_is_better: bool = False
    window: int = Field(default=20, ge=1)
    phases: Phases = {}
    start_from: str = ""
    controls: dict[Name, TaskVariant] = {}
    rules: dict[Name, TaskVariant] = {}
    options: dict[Name, str] = {}  # values of the circuit that have options, by dotted path
    parameters: dict[str, Any] = {}

    @model_validator(mode="after")
    def _names_are_free(self) -> "Experiment":
        for name in (LEARNING, "experiment"):
            if name in self.controls or name in self.rules:
                raise refuse(
                    f"'{name}' is the name of the experiment itself in its results",
                    "choose another name",
                )
        for name in (*self.controls, *self.rules):
            if name.startswith(OTHER_METHOD):
                raise refuse(
                    f"'{name}': names that begin with '{OTHER_METHOD}' are those of other methods",
                    "choose another name",
                )
        return self


gathered = gather(Experiment)
ExperimentField = Annotated[Experiment, BeforeValidator(gathered)]
