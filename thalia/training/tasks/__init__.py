"""Environments: stimuli, what counts as a response, and what is rewarded. One file each.

An environment is a class of its own fields, which are what an experiment may set, and a method
`learn`. It is found by the name of its file, here or beside the experiment (`task: ./my_task.py`).
"""

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from importlib.abc import InspectLoader
from importlib.util import module_from_spec, spec_from_loader
from math import inf
from pathlib import Path as FilePath
from types import CodeType
from typing import Any, ClassVar, Self

import numpy as np
from pydantic import PrivateAttr

from thalia.analysis.intervals import Range
from thalia.circuit.experiment_spec import Experiment
from thalia.compiler.plan import Plan
from thalia.errors import CircuitError, Path, Problem, did_you_mean, fail
from thalia.syntax.fields import Names, Node
from thalia.syntax.folder import HERE as THIS_FOLDER
from thalia.syntax.folder import Folder
from thalia.syntax.time_grid import as_text, interval_rounding
from thalia.syntax.units import UNITS, Value
from thalia.training.baselines import Baseline
from thalia.training.phases import STIMULI
from thalia.training.subject import Subject

HERE = FilePath(__file__).parent
ANY: Range = (-inf, inf)
AMOUNT: Range = (0.0, inf)
SHARE: Range = (0.0, 1.0)

type Note = Callable[..., None]  # takes what happened in a trial, as in note(correct=1)


class Environment(Node):
    """A task: `stimuli`, `readout` and `modulators` assign parts of the circuit to its roles.

    `STIMULI`, `READOUT` and `MODULATORS` are the roles; a role may have several populations.
    """

    STIMULI: ClassVar[tuple[str, ...]] = ()
    READOUT: ClassVar[tuple[str, ...]] = ()
    MODULATORS: ClassVar[tuple[str, ...]] = ()

    RETURNS: ClassVar[bool] = False  # whether it takes the network back to an earlier state

    trials: int
    stimuli: dict[str, Names] = {}
    readout: dict[str, Names] = {}
    modulators: dict[str, str] = {}

    _folder: Folder = PrivateAttr(THIS_FOLDER)

    @property
    def folder(self) -> Folder:
        """Where the task's files of data are."""
        return self._folder

    def reading(self, folder: Folder) -> Self:
        """The same task, whose files of data are in a folder."""
        copy = self.model_copy()
        copy._folder = folder
        return copy

    def data_files(self) -> tuple[str, ...]:
        """The names of the files and folders of data that the task reads."""
        return ()

    def learn(self, subject: Subject, random: np.random.Generator, note: Note) -> dict[str, float]:
        """Go through all trials with a network, noting each, and give the numbers of the whole."""
        raise NotImplementedError

    def draw(self, plan: Plan, random: np.random.Generator) -> Any:
        """All that is learned from and tested with, or None where it depends on the answers.

        `learn` calls it before anything else, so that network and baselines get the same. Arrays,
        numbers, and sequences or dataclasses of these.
        """
        return None

    def baselines(
        self, plan: Plan, data: Any, random: np.random.Generator
    ) -> Mapping[str, Baseline]:
        """What methods without a network reach on the same data, by name."""
        return {}

    def range_of(self, number: str) -> Range:
        """The least and the greatest value that a number can have, of a trial or of the whole.

        Confidence intervals of its mean do not reach beyond.
        """
        return ANY

    def noted_trials(self) -> int:
        """How many trials `learn` notes in all, from which its progress is estimated."""
        return self.trials

    def _off_grid(self, dt: float) -> Iterator[Problem]:
        """The durations that are no whole number of steps: trials would differ from the task's."""
        for key in type(self).model_fields:
            value = getattr(self, key)
            is_time = isinstance(value, Value) and value.dimension == UNITS["s"][1]
            if is_time and interval_rounding(value.mean, dt):
                message = f"expected a multiple of dt, {as_text(dt)}, found {value}"
                yield Problem(("experiment", key), message)

    def problems(self, plan: Plan) -> list[Problem]:
        """What does not fit between the task and a circuit."""
        found = list(self._off_grid(plan.dt))
        sizes = {member.name: member for _, member in plan.populations()}
        for key, parts, given in (
            ("stimuli", self.STIMULI, self.stimuli),
            ("readout", self.READOUT, self.readout),
            (
                "modulators",
                self.MODULATORS,
                {name: (modulator,) for name, modulator in self.modulators.items()},
            ),
        ):
            for part in parts:
                if part not in given:
                    found.append(
                        Problem(
                            ("experiment", key),
                            f"'{part}' is missing",
                            f"say who plays it: `{part}: …`",
                        )
                    )
            for part, names in given.items():
                here: Path = ("experiment", key, part)
                if part not in parts:
                    found.append(
                        Problem(here, f"the task has no '{part}'", did_you_mean(part, parts))
                    )
                for name in names:
                    if key == "modulators":
                        if name not in plan.task_releases:
                            known = did_you_mean(name, plan.task_releases)
                            hint = f"say `from_task: true` there; {known}"
                            found.append(
                                Problem(
                                    here, f"'{name}' is no modulator that a task may release", hint
                                )
                            )
                    elif name not in sizes:
                        found.append(
                            Problem(
                                here, f"no population is called '{name}'", did_you_mean(name, sizes)
                            )
                        )
                    elif key == "stimuli" and not {*STIMULI} & {*sizes[name].from_task}:
                        hint = f"say `from_task: [{STIMULI[0]}]` there"
                        found.append(
                            Problem(here, f"a task may not set the rates of '{name}'", hint)
                        )
        return found


def names() -> tuple[str, ...]:
    """The environments that come with Thalia."""
    return tuple(sorted(file.stem for file in HERE.glob("*.py") if file.stem != "__init__"))


class _Loader(InspectLoader):
    """Makes a module of a text, which may be in a run file or in a job."""

    def __init__(self, text: str, file: str):
        self.text, self.file = text, file

    def get_source(self, fullname: str) -> str:
        return self.text

    def get_code(self, fullname: str) -> CodeType:
        return self.source_to_code(self.text, self.file)


def task_text(task: str, folder: Folder) -> str:
    """The text of a task beside the experiment.

    Raises
    ------
    CircuitError
        If it cannot be read.
    """
    try:
        return folder.text(task)
    except CircuitError as error:
        raise CircuitError(each.under("experiment", "task") for each in error.problems) from None


def environment(task: str, folder: Folder = THIS_FOLDER) -> type[Environment]:
    """The environment of this name, or of a Python file beside the experiment, which is run.

    Raises
    ------
    CircuitError
        If there is none.
    """
    where: Path = ("experiment", "task")
    if task.endswith(".py"):
        file, text = folder.named(task), task_text(task, folder)
        loader = _Loader(text, file)
        spec = spec_from_loader(FilePath(task).stem, loader, origin=file)
        assert spec is not None  # it is for a package without a loader
        module = module_from_spec(spec)
        try:
            loader.exec_module(module)
        except Exception as error:  # whatever is wrong with it is the user's to mend
            raise fail(
                f"{file}: cannot be imported: {type(error).__name__}: {error}", path=where
            ) from error
    elif task in names():
        module = import_module(f"thalia.training.tasks.{task}")
    else:
        raise fail(f"no task is called '{task}'", did_you_mean(task, names()), where)
    for value in vars(module).values():
        if (
            isinstance(value, type)
            and issubclass(value, Environment)
            and value.__module__ == module.__name__
        ):
            return with_names_of_its_own(task, value)
    raise fail(f"{task}: defines no Environment", "class MyTask(Environment): …", where)


def with_names_of_its_own(task: str, found: type[Environment]) -> type[Environment]:
    """An environment whose fields mean nothing else in every experiment.

    Raises
    ------
    CircuitError
        If one of them does: it could not be given there.
    """
    taken = sorted(found.model_fields.keys() & Experiment.model_fields.keys())
    if taken:
        which = " and ".join(map(repr, taken))
        message = f"{task}: {found.__name__} cannot have the field {which}, which is a key of"
        raise fail(f"{message} every experiment", "choose another name", ("experiment", "task"))
    return found
