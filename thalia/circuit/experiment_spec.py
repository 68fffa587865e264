"""An experiment as it is written beside a circuit: its task, how often it is repeated, and what it is held against."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from thalia.syntax.fields import Name, Node, gather, refuse


class Variant(Node):
    """The experiment with something changed: values of the circuit, and numbers of the task.

    `says` is what the variant shows.
    """

    says: str = Field(min_length=1)
    set: dict[str, Any] = {}
    task: dict[str, Any] = {}


class Experiment(Node):
    """What a circuit is to learn: `task` names an environment, and the keys that are unknown here are that environment's.

    `controls` are variants that should not learn, or not as well; `rules` are rules to learn with. `result` is the number
    that counts, with its `chance` and its `goal`, and `curve` the measure of every trial that is drawn.
    """

    task: str
    seeds: int = Field(default=10, ge=1)
    result: str
    curve: str
    chance: float | None = None
    goal: float | None = None
    lower_is_better: bool = False
    window: int = Field(default=20, ge=1)
    controls: dict[Name, Variant] = {}
    rules: dict[Name, Variant] = {}
    parameters: dict[str, Any] = {}

    @model_validator(mode="after")
    def _names_are_free(self) -> "Experiment":
        for name in ("learning", "experiment"):
            if name in self.controls or name in self.rules:
                raise refuse(
                    f"'{name}' is what the experiment itself is called in its logs",
                    "choose another name",
                )
        return self


gathered = gather(Experiment)
ExperimentField = Annotated[Experiment, BeforeValidator(gathered)]
