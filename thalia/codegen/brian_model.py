"""Pass 7: Plan → Brian2 network. The model texts, and the only constructor of Brian2 objects.

The texts hold the structure and no numbers: every parameter is a variable, set before the run.
Their hash therefore names the compiled program, and another seed, weight, rate or duration needs no
new one.
"""

from __future__ import annotations

import json
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from thalia.codegen.step import stepper
from thalia.compiler.drives import Drive
from thalia.compiler.integration import Integration
from thalia.compiler.plan import IN_NEURONS, IN_SYNAPSES, SHARED, Group, Plan, SynapseGroup
from thalia.compiler.sleep import Sleep, sleep_of
from thalia.syntax.equations import equation_text, identifiers
from thalia.syntax.late_imports import importing
from thalia.syntax.time_grid import HALF_STEP
from thalia.syntax.units import Dimension, si_unit

if TYPE_CHECKING:
    import brian2


FLUSH_CLOCK = "epoch"  # the name stands in the state of run files


@dataclass(frozen=True)
class FramesModel:
    """Numbers over time that a group reads: an array of its own size, and the index into it."""

    name: str
    index: str
    size: int
    unit: Dimension


@dataclass(frozen=True)
class GroupModel:
    """A group as Brian2 takes it; `every_step` are named statements, such as Poisson input.

    `links` are the shared variables that it reads.
    """

    name: str
    size: int
    equations: str
    threshold: str
    reset: str
    refractory: str
    integration: Integration
    every_step: tuple[tuple[str, str], ...]
    sums: str = ""
    at_flush: str = ""
    links: tuple[str, ...] = ()
    frames: tuple[FramesModel, ...] = ()
    next_frame: str = ""
    sleep: Sleep | None = None


@dataclass(frozen=True)
class SynapseModel:
    """A synapse object as Brian2 takes it; a side with one delay for all synapses is uniform."""

    name: str
    pre: str
    post: str
    equations: str
    on_pre: str
    on_post: str
    integration: Integration
    uniform_axonal: bool
    uniform_dendritic: bool
    later: tuple[str, ...] = ()
    uniform_later: tuple[bool, ...] = ()
    every_step: str = ""
    at_flush: str = ""
    links: tuple[str, ...] = ()
    single: tuple[str, ...] = ()  # variables in single precision


@dataclass(frozen=True)
class NetworkModel:
    """Everything that decides what is compiled."""

    dt: float
    groups: tuple[GroupModel, ...]
    synapses: tuple[SynapseModel, ...]
    shared: GroupModel | None = None

    def digest(self, *more: str) -> str:
        """A name for the program compiled from this, together with compiler and versions."""
        return sha256(json.dumps([asdict(self), *more], sort_keys=True).encode()).hexdigest()[:20]


def model_of(plan: Plan, native_drives: bool = False, sleeping: bool = False) -> NetworkModel:
    """The model texts.

    With `native_drives` the backend delivers constant Poisson input itself; with `sleeping` it may
    leave out neurons in steps in which nothing happens to them, and delivers constant input also
    where its rate differs between neurons.
    """
    delivered = {
        drive.object_name
        for drive in plan.drives
        if native_drives and (not drive.rate or (sleeping and not drive.varies))
    }
    groups = tuple(_group_model(group, plan, delivered) for group in plan.groups)
    if sleeping:
        asked = zip(groups, (sleep_of(group, plan) for group in plan.groups), strict=True)
        groups = tuple(
            model if isinstance(sleep, str) else replace(model, sleep=sleep)
            for model, sleep in asked
        )
    shared = _group_model(plan.shared, plan, delivered) if plan.shared else None
    return NetworkModel(
        plan.dt, groups, tuple(_synapse_model(each, plan) for each in plan.synapses), shared
    )


def _group_model(group: Group, plan: Plan, delivered: set[str]) -> GroupModel:
    drives = [drive for drive in plan.drives if drive.group == group.name]
    lines = [equation_text(equation) for equation in group.equations()]
    for name, dimension in group.all_parameters().items():
        flags = "shared, constant" if group.shared(name) is not None else "constant"
        lines.append(f"{name} : {si_unit(dimension)} ({flags})")
    for drive in drives:
        lines += _drive_variables(drive, group)
    lines += [f"{each.switch} : 1 (shared)" for each in group.inputs if each.switch]
    frames = plan.frames(group)
    for each in frames:
        lines += [f"{each.place} : integer", f"{each.column} : 1 (constant)"]
        lines += [f"{name} : 1 (shared, constant)" for name in each.parameters]
    statements = (*group.resets(), *group.before_step(), *group.sums)
    links = _links(
        IN_NEURONS,
        [*(e.right for e in group.equations()), *(s.right for s in statements), group.threshold],
        plan,
    )
    lines += [
        f"{IN_NEURONS}{name} : {si_unit(dimension)} (linked)" for name, dimension in links.items()
    ]
    return GroupModel(
        name=group.name,
        size=group.places,
        equations="\n".join(lines),
        threshold=group.threshold,
        reset="\n".join(map(str, group.resets())),
        refractory=_refractory(group),
        integration=group.integration,
        every_step=(
            *((d.object_name, d.statement()) for d in drives if d.object_name not in delivered),
            *((f"{group.name}_step{k}", str(each)) for k, each in enumerate(group.before_step())),
        ),
        sums="\n".join(map(str, group.sums)),
        at_flush="\n".join(map(str, group.at_flush)),
        links=tuple(links),
        frames=tuple(
            FramesModel(each.name, each.place, each.places, each.series.dimension)
            for each in frames
        ),
        next_frame="\n".join(each.statement() for each in frames),
    )


def _refractory(group: Group) -> str:
    """When a neuron stays refractory: for its period in whole steps after that of the spike.

    A time alone would be Brian2's rule, which counts the step of the spike and is one step short.
    """
    held = f"t - lastspike < ({group.refractory}) + {HALF_STEP}*dt"
    return held if group.refractory else ""


def _links(prefix: str, texts: list[str], plan: Plan) -> dict[str, Dimension]:
    """The shared variables that some texts read, under names with a prefix."""
    known = plan.shared.variables() if plan.shared else {}
    read = frozenset().union(*(identifiers(text) for text in texts if text))
    return {name: dimension for name, dimension in known.items() if f"{prefix}{name}" in read}


def _drive_variables(drive: Drive, group: Group) -> list[str]:
    target = next(equation for equation in group.equations() if equation.name == drive.target)
    lines = [
        f"{drive.weight} : {si_unit(target.dimension)} (constant)",
        f"{drive.scale} : 1 (constant)",
    ]
    if drive.rate:
        lines += [
            f"{n} : {si_unit(v.dimension)} (constant)"
            for n, v in drive.members[0].parameters.items()
        ]
    return lines


def _synapse_model(synapses: SynapseGroup, plan: Plan) -> SynapseModel:
    lines = [equation_text(equation) for equation in synapses.equations]
    if not any(equation.name == "w" for equation in synapses.equations):
        lines.append(f"w : {si_unit(synapses.weight)}")
    for name, dimension in synapses.parameters.items():
        flags = "shared, constant" if synapses.shared(name) is not None else "constant"
        lines.append(f"{name} : {si_unit(dimension)} ({flags})")
    if synapses.switches:
        lines.append("plastic : 1 (shared)")
    statements = (*synapses.statements(), *synapses.at_flush)
    links = _links(
        IN_SYNAPSES, [*(e.right for e in synapses.equations), *(s.right for s in statements)], plan
    )
    lines += [
        f"{IN_SYNAPSES}{name} : {si_unit(dimension)} (linked)" for name, dimension in links.items()
    ]
    return SynapseModel(
        name=synapses.name,
        pre=synapses.pre,
        post=synapses.post,
        equations="\n".join(lines),
        on_pre="\n".join(map(str, synapses.on_pre)),
        on_post="\n".join(map(str, synapses.on_post)),
        integration=synapses.integration,
        uniform_axonal=synapses.delay("axonal") is not None,
        uniform_dendritic=synapses.delay("dendritic") is not None,
        later=tuple("\n".join(map(str, each.statements)) for each in synapses.later),
        uniform_later=tuple(synapses.later_is_uniform(each) for each in synapses.later),
        every_step="\n".join(map(str, synapses.on_step)),
        at_flush="\n".join(map(str, synapses.at_flush)),
        links=tuple(links),
        single=_of_each_synapse(synapses) if plan.precision == "single" else (),
    )


def _of_each_synapse(synapses: SynapseGroup) -> tuple[str, ...]:
    """Variables that every synapse has its own of; shared ones stay in double precision."""
    own = (e.name for e in synapses.equations if "summed" not in e.flags)
    return ("w", *own, *(p for p in synapses.parameters if synapses.shared(p) is None))


@contextmanager
def _handlers_of_the_main_thread() -> Iterator[None]:
    """Leave signals as they are in other threads, where Python lets nobody handle them.

    Also those that are ignored, as by a command in the background: Brian2 would call what handled
    them before.
    """
    usual = signal.signal

    def handle(number: int, handler: Any) -> Any:
        before = signal.getsignal(number)
        in_main = threading.current_thread() is threading.main_thread()
        return usual(number, handler) if in_main and callable(before) else before

    signal.signal = handle  # type: ignore[assignment]
    try:
        yield
    finally:
        signal.signal = usual


def import_brian2() -> ModuleType:
    """Brian2, without what its import does to the rest of the process.

    It replaces `sys.excepthook`, and pulls in pylab, matplotlib and pytest where they are
    installed, which costs two seconds for nothing that is used here. It also evaluates
    `brian_preferences`, and handles Ctrl-C, which Python allows in the main thread only.
    """
    hook = sys.excepthook
    needless = [name for name in ("pylab", "matplotlib", "pytest") if name not in sys.modules]
    sys.modules.update(dict.fromkeys(needless))  # type: ignore[arg-type]
    try:
        known = "brian2" in sys.modules
        with (
            importing("brian2"),
            nullcontext() if known else _handlers_of_the_main_thread(),
        ):
            import brian2
    finally:
        sys.excepthook = hook
        for name in needless:
            del sys.modules[name]
    # else Brian2 asks a shell whether `$CC` knows C99, and what is compiled here is C++17 of `$CXX`
    brian2.codegen.cpp_prefs._compiler_supports_c99 = True
    # SymPy compares only real numbers, and takes `int` of a condition for none
    functions = brian2.core.functions.DEFAULT_FUNCTIONS
    # nor does it come to an end where it computes `exprel` of a number in `floor(exprel(2)) == 3`
    functions["exprel"].sympy_func.is_number = False
    integer = functions["int"]
    integer.sympy_func = integer.sympy_func or _real_function("int")
    # the equations' units are checked already: a check at each call costs more than the function
    exprel = brian2.core.functions.DEFAULT_FUNCTIONS["exprel"]
    exprel.implementations.add_numpy_implementation(exprel.pyfunc, discard_units=True)
    brian2.prefs.logging.file_log = False
    brian2.prefs.logging.save_script = False
    # a group of which only the statements are wanted runs in no network
    brian2.prefs.logging.warn_for_unused_objects = False
    module: ModuleType = brian2
    return module


def _real_function(name: str) -> Any:
    import sympy

    return sympy.Function(name, real=True)


def network(model: NetworkModel) -> tuple[brian2.Network, dict[str, Any]]:
    """The Brian2 objects of a model, not yet connected and with every parameter zero, by name."""
    b2 = import_brian2()
    b2.defaultclock.dt = model.dt * b2.second
    objects: dict[str, Any] = {}
    for group in (*([model.shared] if model.shared else []), *model.groups):
        objects[group.name] = made = _group(b2, group)
        if group.next_frame:
            made.run_regularly(
                group.next_frame, when="start", order=-1, name=f"{group.name}_frames"
            )
        for index, (name, statement) in enumerate(group.every_step):
            made.run_regularly(statement, when="start", order=index, name=name)
        _link(b2, made, IN_NEURONS, group.links, objects)
    for synapses in model.synapses:
        objects[synapses.name] = made = _synapses(b2, synapses, objects)
        _link(b2, made, IN_SYNAPSES, synapses.links, objects)
        for updater in made.summed_updaters.values():
            updater.when = "before_groups"  # of the state at the beginning of the step
        if synapses.every_step:
            made.run_regularly(
                synapses.every_step, when="after_groups", name=f"{synapses.name}_step"
            )
    _keep_sums(b2, model, objects)
    return b2.Network(*objects.values()), objects


def _keep_sums(b2: Any, model: NetworkModel, objects: dict[str, Any]) -> None:
    """Advance the sums first in every step; what happens at a flush is run by the backend.

    The neurons' sums first, which read decays that are shared; at a flush the synapses first, which
    read the sums.
    """
    if not any(each.at_flush for each in model.synapses):
        return
    # a clock of its own: the backend decides when it ticks
    flushes = b2.Clock(dt=2 * b2.defaultclock.dt, name=FLUSH_CLOCK)
    for group in (*model.groups, *([model.shared] if model.shared else [])):
        last = group is model.shared
        if group.sums:
            objects[group.name].run_regularly(
                group.sums, when="before_groups", order=int(last), name=f"{group.name}_sums"
            )
        if group.at_flush:
            objects[group.name].run_regularly(
                group.at_flush,
                clock=flushes,
                when="before_groups",
                order=3,
                name=f"{group.name}_at_flush",
            )
    for synapses in model.synapses:
        if synapses.at_flush:
            objects[synapses.name].run_regularly(
                synapses.at_flush,
                clock=flushes,
                when="before_groups",
                order=2,
                name=f"{synapses.name}_at_flush",
            )


def _link(b2: Any, made: Any, prefix: str, links: tuple[str, ...], objects: dict[str, Any]) -> None:
    for name in links:
        setattr(made, f"{prefix}{name}", b2.linked_var(objects[SHARED], name))


def _group(b2: Any, group: GroupModel) -> Any:
    if group.name == SHARED:
        method = stepper(group.integration)
        return b2.NeuronGroup(1, group.equations, method=method, name=group.name, namespace={})
    if not group.threshold:
        return b2.SpikeGeneratorGroup(group.size, [0], [0] * b2.second, name=group.name)
    made = b2.NeuronGroup(
        group.size,
        group.equations,
        threshold=group.threshold,
        reset=group.reset or None,
        refractory=group.refractory or False,
        method=stepper(group.integration),
        name=group.name,
        namespace={},
    )
    for each in group.frames:
        made.variables.add_array(
            each.name,
            size=each.size,
            dimensions=_dimension(b2, each.unit),
            constant=True,
            index=each.index,
        )
    made.add_attribute("sleep")  # which templates look at
    made.sleep = group.sleep
    return made


def _dimension(b2: Any, dimension: Dimension) -> Any:
    """A dimension as Brian2 has it."""
    metre, kilogram, second, ampere, mole = dimension
    return b2.get_or_create_dimension([metre, kilogram, second, ampere, 0, mole, 0])


def _synapses(b2: Any, synapses: SynapseModel, objects: dict[str, Any]) -> Any:
    later = {later_name(index): text for index, text in enumerate(synapses.later)}
    uniform = {
        "pre": synapses.uniform_axonal,
        "post": synapses.uniform_dendritic and bool(synapses.on_post),
    }
    uniform |= dict(zip(later, synapses.uniform_later, strict=True))
    return b2.Synapses(
        objects[synapses.pre],
        objects[synapses.post],
        synapses.equations,
        on_pre={"pre": synapses.on_pre, **later},
        on_post=synapses.on_post or None,
        delay={side: 0 * b2.second for side, is_one in uniform.items() if is_one} or None,
        method=stepper(synapses.integration),
        name=synapses.name,
        namespace={},
        dtype=dict.fromkeys(synapses.single, np.float32),
        order=-1,  # a step goes from the state at its beginning, whatever of it is integrated first
    )


def later_name(index: int) -> str:
    """The name of the pathway that runs a synapse object's later statements."""
    return f"later{index}"
