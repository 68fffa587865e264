"""Pass 7: Plan → Brian2 network. The model texts that Brian2 gets, and the only constructor of its objects.

The texts hold the structure and no numbers: every parameter is a variable, set before the run. Their hash
therefore names the compiled program, and another seed, weight, rate or duration needs no new one.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from hashlib import sha256
from types import ModuleType
from typing import TYPE_CHECKING, Any

from thalia.drives import Drive
from thalia.equations import equation_text
from thalia.plan import Group, Plan, SynapseGroup
from thalia.units import si_unit

if TYPE_CHECKING:
    import brian2


@dataclass(frozen=True)
class GroupModel:
    """A group as Brian2 takes it; `every_step` are the statements that deliver Poisson input."""

    name: str
    size: int
    equations: str
    threshold: str
    reset: str
    refractory: str
    method: str
    every_step: tuple[str, ...]


@dataclass(frozen=True)
class SynapseModel:
    """A synapse object as Brian2 takes it; a side with one delay for all synapses is uniform."""

    name: str
    pre: str
    post: str
    equations: str
    on_pre: str
    on_post: str
    method: str
    uniform_axonal: bool
    uniform_dendritic: bool
    later: tuple[str, ...] = ()
    uniform_later: tuple[bool, ...] = ()
    every_step: str = ""


@dataclass(frozen=True)
class NetworkModel:
    """Everything that decides what is compiled."""

    dt: float
    groups: tuple[GroupModel, ...]
    synapses: tuple[SynapseModel, ...]

    def digest(self, *more: str) -> str:
        """A name for the program compiled from this, together with compiler, versions and the like."""
        return sha256(json.dumps([asdict(self), *more], sort_keys=True).encode()).hexdigest()[:20]


def model_of(plan: Plan, native_drives: bool = False) -> NetworkModel:
    """The model texts of a plan; with `native_drives` the backend delivers constant Poisson input itself."""
    groups = tuple(_group_model(group, plan, native_drives) for group in plan.groups)
    return NetworkModel(plan.dt, groups, tuple(_synapse_model(each) for each in plan.synapses))


def _group_model(group: Group, plan: Plan, native_drives: bool) -> GroupModel:
    drives = [drive for drive in plan.drives if drive.group == group.name]
    lines = [equation_text(equation) for equation in group.equations()]
    for name, dimension in group.all_parameters().items():
        flags = "shared, constant" if group.shared(name) is not None else "constant"
        lines.append(f"{name} : {si_unit(dimension)} ({flags})")
    for drive in drives:
        lines += _drive_variables(drive, group)
    lines += [f"{each.switch} : 1 (shared)" for each in group.inputs if each.switch]
    return GroupModel(
        name=group.name, size=group.size, equations="\n".join(lines), threshold=group.threshold,
        reset="\n".join(map(str, group.resets())), refractory=group.refractory, method=group.method,
        every_step=(
            *(d.statement() for d in drives if d.rate or not native_drives), *map(str, group.on_step),
        ),
    )  # fmt: skip


def _drive_variables(drive: Drive, group: Group) -> list[str]:
    target = next(equation for equation in group.equations() if equation.name == drive.target)
    lines = [f"{drive.weight} : {si_unit(target.dimension)} (constant)", f"{drive.scale} : 1 (constant)"]
    if drive.rate:
        lines += [f"{n} : {si_unit(v.dimension)} (constant)" for n, v in drive.members[0].parameters.items()]
    return lines


def _synapse_model(synapses: SynapseGroup) -> SynapseModel:
    lines = [equation_text(equation) for equation in synapses.equations]
    if not any(equation.name == "w" for equation in synapses.equations):
        lines.append(f"w : {si_unit(synapses.weight)}")
    for name, dimension in synapses.parameters.items():
        flags = "shared, constant" if synapses.shared(name) is not None else "constant"
        lines.append(f"{name} : {si_unit(dimension)} ({flags})")
    if synapses.switches:
        lines.append("plastic : 1 (shared)")
    return SynapseModel(
        name=synapses.name, pre=synapses.pre, post=synapses.post, equations="\n".join(lines),
        on_pre="\n".join(map(str, synapses.on_pre)), on_post="\n".join(map(str, synapses.on_post)),
        method=synapses.method,
        uniform_axonal=synapses.delay("axonal") is not None, uniform_dendritic=synapses.delay("dendritic") is not None,
        later=tuple("\n".join(map(str, each.statements)) for each in synapses.later),
        uniform_later=tuple(synapses.later_is_uniform(each) for each in synapses.later),
        every_step="\n".join(map(str, synapses.on_step)),
    )  # fmt: skip


def import_brian2() -> ModuleType:
    """Brian2, without what its import does to the rest of the process.

    It replaces `sys.excepthook`, and pulls in pylab, matplotlib and pytest where they are installed, which
    costs two seconds for nothing that is used here.
    """
    hook = sys.excepthook
    needless = [name for name in ("pylab", "matplotlib", "pytest") if name not in sys.modules]
    sys.modules.update(dict.fromkeys(needless))  # type: ignore[arg-type]
    try:
        import brian2
    finally:
        sys.excepthook = hook
        for name in needless:
            del sys.modules[name]
    brian2.prefs.logging.file_log = False
    brian2.prefs.logging.save_script = False
    module: ModuleType = brian2
    return module


def network(model: NetworkModel) -> tuple[brian2.Network, dict[str, Any]]:
    """The Brian2 objects of a model, not yet connected and with every parameter zero, by name."""
    b2 = import_brian2()
    b2.defaultclock.dt = model.dt * b2.second
    objects: dict[str, Any] = {}
    extra: list[Any] = []
    for group in model.groups:
        objects[group.name] = made = _group(b2, group)
        for index, statement in enumerate(group.every_step):
            name = f"{group.name}_input{index}"
            extra.append(made.run_regularly(statement, when="start", name=name))
    for synapses in model.synapses:
        objects[synapses.name] = made = _synapses(b2, synapses, objects)
        if synapses.every_step:
            made.run_regularly(synapses.every_step, when="after_groups", name=f"{synapses.name}_step")
    return b2.Network(*objects.values()), objects


def _group(b2: Any, group: GroupModel) -> Any:
    if not group.threshold:
        return b2.SpikeGeneratorGroup(group.size, [0], [0] * b2.second, name=group.name)
    return b2.NeuronGroup(
        group.size, group.equations, threshold=group.threshold, reset=group.reset or None,
        refractory=group.refractory or False, method=group.method, name=group.name, namespace={},
    )  # fmt: skip


def _synapses(b2: Any, synapses: SynapseModel, objects: dict[str, Any]) -> Any:
    later = {later_name(index): text for index, text in enumerate(synapses.later)}
    uniform = {"pre": synapses.uniform_axonal, "post": synapses.uniform_dendritic and bool(synapses.on_post)}
    uniform |= dict(zip(later, synapses.uniform_later, strict=True))
    return b2.Synapses(
        objects[synapses.pre], objects[synapses.post], synapses.equations, on_pre={"pre": synapses.on_pre, **later},
        on_post=synapses.on_post or None, delay={side: 0 * b2.second for side, is_one in uniform.items() if is_one} or None,
        method=synapses.method, name=synapses.name, namespace={},
    )  # fmt: skip


def later_name(index: int) -> str:
    """The name of the pathway that runs a synapse object's later statements."""
    return f"later{index}"
