"""A plan as text: what will run, how it was fused, how each variable is integrated and why."""

from collections.abc import Mapping

from thalia.circuit.load import dumps
from thalia.circuit.spec import Circuit
from thalia.codegen.brian_model import model_of
from thalia.compiler.downscale import Scaled
from thalia.compiler.drives import Drive, DriveMember, Frames
from thalia.compiler.options import CompilerOptions
from thalia.compiler.pipeline import after_each_pass
from thalia.compiler.plan import SECOND, Group, Plan, Rewiring, SynapseGroup
from thalia.compiler.resources import bytes_per_synapse, expected_synapses, needed_bytes
from thalia.compiler.sleep import Sleep, sleep_of, why_awake
from thalia.errors import counted
from thalia.syntax.time_grid import as_text
from thalia.syntax.units import Value, constant, display_unit, format_number


def after_pass(circuit: Circuit, options: CompilerOptions, last: str) -> str:
    """What stands after a pass, as text: a circuit as YAML, a plan as it is printed.

    Raises
    ------
    CircuitError
        With every mistake that the passes up to this one find, or if no pass has this name.
    """
    value = after_each_pass(circuit, options, last)[last]
    if isinstance(value, Plan):
        return describe(value)
    return dumps(value.circuit if isinstance(value, Scaled) else value)


def describe(plan: Plan) -> str:
    """The printed plan; the same circuit gives the same text, so a changed meaning is a diff."""
    model = model_of(plan, native_drives=True)
    neurons = sum(group.size for group in plan.groups)
    synapses = sum(expected_synapses(p, plan) for _, p in plan.pathways())
    dt, duration = (
        format_number(seconds, (0, 0, 1, 0, 0)) for seconds in (plan.dt, round(plan.duration, 12))
    )
    populations = counted(len(list(plan.populations())), "population")
    pathways = counted(len(list(plan.pathways())), "pathway")
    lines = [
        f"{plan.name}: {counted(neurons, 'neuron')}, {counted(synapses, 'synapse')}, "
        f"{duration} in steps of {dt}, seed {plan.seed}",
        f"{populations} in {counted(len(plan.groups), 'group')}, "
        f"{pathways} in {counted(len(plan.synapses), 'synapse object')}, "
        f"about {needed_bytes(plan) / 1e9:.1f} GB of memory",
        *(f"  {note}" for note in plan.notes),
        "",
        "phases: "
        + ", ".join(
            f"{p.name} {format_number(round(p.steps * plan.dt, 12), (0, 0, 1, 0, 0))}"
            for p in plan.reached
        ),
    ]
    if plan.shared and model.shared:
        lines += ["", *_shared_lines(plan.shared, model.shared.equations, plan)]
    given: dict[str, list[str]] = {}
    for drive in plan.drives:
        for part in drive.members:
            given.setdefault(part.population, []).append(_drive_line(drive, part))
    for group, text in zip(plan.groups, model.groups, strict=True):
        for frames in plan.frames(group):
            given.setdefault(frames.population, []).append(_frames_line(frames, plan.dt))
        lines += ["", *_group_lines(group, text.equations, given, plan)]
    for each, synapse_text in zip(plan.synapses, model.synapses, strict=True):
        lines += ["", *_synapse_lines(each, synapse_text.equations, plan)]
    for change in plan.weight_changes:
        every = format_number(round(change.steps * plan.dt, 12), SECOND)
        lines += [
            "",
            f"{change.modulator} is released every {every} by changes of the weights of "
            f"{', '.join(change.pathways)}",
        ]
    if plan.task_releases:
        lines += ["", f"released by a task: {', '.join(plan.task_releases)}"]
    for playback in plan.playbacks:
        lines += [
            "",
            f"spikes {playback.name}: {counted(len(playback.steps), 'given spike')} of "
            f"{playback.population}",
        ]
    return "\n".join(lines) + "\n"


def _shared_lines(shared: Group, equations: str, plan: Plan) -> list[str]:
    """What neurons and synapses have in common."""
    lines = [
        "shared by all"
        + (f", {shared.integration}" if any(e.kind == "ode" for e in shared.equations()) else "")
    ]
    lines += [f"    {line}" for line in equations.splitlines()]
    lines += [f"  every step: {statement}" for statement in shared.sums]
    if plan.flush_interval:
        span = format_number(round(plan.flush_interval * plan.dt, 12), SECOND)
        lines += [f"  every {span}: {statement}" for statement in shared.at_flush]
    cell = shared.members[0]
    lines += [
        f"  {name} = {' + '.join(map(_shown, values))}" for name, values in cell.parameters.items()
    ]
    return lines + [f"  {name} starts at {_shown(value)}" for name, value in cell.initial.items()]


def _drive_line(drive: Drive, part: DriveMember) -> str:
    rate = f"{part.number:g} x ({drive.rate})" if part.mean is None else f"{part.mean:g} Hz"
    return f"    Poisson {part.name}: {drive.target} += {_shown(part.weight)} at {rate}"


def _frames_line(frames: Frames, dt: float) -> str:
    times, traces = frames.series.numbers.shape
    then = {"hold": "then held", "zero": "then zero", "repeat": "again and again"}[frames.after]
    each = "for each neuron" if traces > 1 else "for all"
    return (
        f"    {frames.name}: {counted(times, 'number')} {each}, each for "
        f"{as_text(frames.every * dt)}, {then}"
    )


def _group_lines(
    group: Group, equations: str, given: Mapping[str, list[str]], plan: Plan
) -> list[str]:
    """A group with its populations; `given` are lines for the stimuli of each population."""
    lines = [
        f"group {group.name}: {counted(group.size, 'neuron')} of model {group.part}"
        + (f", {group.integration}" if group.threshold else "")
    ]
    lines += [f"    {line}" for line in equations.splitlines()]
    if group.threshold:
        lines.append(f"  threshold: {group.threshold}")
    lines += [f"  reset: {statement}" for statement in group.resets()]
    lines += [f"  every step: {statement}" for statement in (*group.sums, *group.before_step())]
    if group.refractory:
        lines.append(f"  refractory: {group.refractory}")
    sleep = sleep_of(group, plan)
    if group.threshold and any(equation.kind == "ode" for equation in group.equations()):
        lines.append(f"  {_sleep_line(sleep)}")
    common = {
        name: value for name in group.all_parameters() if (value := group.shared(name)) is not None
    }
    lines += [f"  {name} = {_shown(value)}" for name, value in common.items()]
    for each in group.inputs:
        lines += [
            f"  {n} starts at {_shown(v) if isinstance(v, Value) else v}"
            for n, v in each.initial.items()
        ]
    for member in group.members:
        lines.append(f"  population {member.name}: neurons {member.start} to {member.stop - 1}")
        own = {name: values for name, values in member.parameters.items() if name not in common}
        lines += [
            f"    {name} = {' + '.join(_shown(v) for v in values)}" for name, values in own.items()
        ]
        lines += [f"    {name} starts at {_shown(value)}" for name, value in member.initial.items()]
        lines += given.get(member.name, [])
        if isinstance(sleep, Sleep) and (reason := why_awake(group, member, sleep, plan)):
            lines.append(f"    {_sleep_line(reason)}")
    return lines


def _sleep_line(sleep: Sleep | str) -> str:
    if isinstance(sleep, str):
        return f"advanced in every step: {sleep}"
    return "neurons sleep, on the C++ backend, while no input can make them fire"


def _synapse_lines(synapses: SynapseGroup, equations: str, plan: Plan) -> list[str]:
    count = sum(expected_synapses(p, plan) for p in synapses.members)
    rules = " + ".join(synapses.rules) if synapses.rules else "static"
    lines = [
        f"synapses {synapses.name}: {count:,.0f} of {synapses.synapse} "
        f"from {synapses.pre} to {synapses.post}, {rules}",
        f"  {bytes_per_synapse(synapses, plan.precision)} bytes a synapse",
    ]
    lines += [f"    {line}" for line in equations.splitlines()]
    lines += [f"  on_pre: {statement}" for statement in synapses.on_pre]
    lines += [
        f"  {each.after} later: {statement}"
        for each in synapses.later
        for statement in each.statements
    ]
    lines += [f"  on_post: {statement}" for statement in synapses.on_post]
    lines += [f"  every step: {statement}" for statement in synapses.on_step]
    lines += [f"  at each flush: {statement}" for statement in synapses.at_flush]
    lines += [f"  {name} is {form}" for name, form in synapses.forms.items()]
    common = {
        name: value for name in synapses.parameters if (value := synapses.shared(name)) is not None
    }
    lines += [f"  {name} = {_shown(value)}" for name, value in common.items()]
    for member in synapses.members:
        lines.append(
            f"  pathway {member.name}: {counted(expected_synapses(member, plan), 'synapse')}, "
            f"{member.connect.rule}{member.null_model and f', {member.null_model}'}"
        )
        lines.append(
            f"    w = {_shown(member.weight)}, delay = {_delay(member.axonal, member.dendritic)}"
        )
        lines += [
            f"    {n} = {_shown(v)}"
            for n, v in member.parameters.items()
            if n not in common and n in synapses.parameters
        ]
        lines += [
            f"    {n} starts at {_shown(v) if isinstance(v, Value) else v}"
            for n, v in member.initial.items()
        ]
        if member.rewiring:
            lines.append(f"    {_rewiring(member.rewiring, synapses)}")
        if synapses.switches:
            states = [
                f"{p.name} {'on' if on else 'off'}"
                for p, on in zip(plan.phases, member.plastic, strict=True)
            ]
            lines.append(f"    plasticity: {', '.join(states)}")
    return lines


def _rewiring(rewiring: Rewiring, synapses: SynapseGroup) -> str:
    below, weight = (
        _shown(constant(number, synapses.weight)) for number in (rewiring.below, rewiring.weight)
    )
    return (
        f"rewired every {_shown(constant(rewiring.every, SECOND))}: pruned below {below}, "
        f"at most {rewiring.share:g} of the potential synapses of a neuron connected, "
        f"a free place taken with probability {rewiring.growth:g} at {weight}"
    )


def _delay(axonal: Value, dendritic: Value) -> str:
    return (
        _shown(axonal)
        if dendritic.mean == 0
        else f"{_shown(axonal)} axonal, {_shown(dendritic)} dendritic"
    )


def _shown(value: Value) -> str:
    """A value to six digits, as people write it."""
    if value.text:
        return value.text
    numbers = [_rounded(n, value) for n in value.arguments]
    bounds = [
        f"{k}={_rounded(b, value)}"
        for k, b in (("min", value.low), ("max", value.high))
        if b is not None
    ]
    return f"{value.kind}({', '.join(numbers + bounds)})" if value.is_random else numbers[0]


def _rounded(number: float, value: Value) -> str:
    unit, size = display_unit(value.dimension)
    return f"{number / size:.6g} {unit}".strip()
