"""Starting a program: every array that a network begins with comes to its place in it."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thalia.backends import Sample
from thalia.backends.process import Program, ProgramSession
from thalia.backends.random_numbers import key_of, stream_of
from thalia.codegen.brian_model import later_name
from thalia.compiler.drives import Drive
from thalia.compiler.plan import Plan, SynapseGroup
from thalia.compiler.sleep import populations_of, sleep_of
from thalia.compiler.unconnected import connected, is_compacted, passed_by, started_anew
from thalia.connectivity.build import Arrays, Wired
from thalia.connectivity.playbacks import playback_arrays
from thalia.syntax.equations import evaluate


def serve(
    plan: Plan,
    built: Program,
    arrays: Arrays,
    samples: tuple[Sample, ...],
    seed: int,
    settings: tuple[str, ...] = (),
    native_drives: bool = True,
    is_host: bool = False,
) -> ProgramSession:
    """A running program at time zero, with every array in place and the settings obeyed.

    `is_host` says that it computes in the memory of this machine, and lets neurons sleep.
    """
    session = ProgramSession(built, samples, plan.dt, is_host)
    try:
        for group, variables in arrays.groups.items():
            for name, values in variables.items():
                session.write(f"{group}.{name}", values)
        for name in arrays.synapses:
            if not is_host:
                _connect_device(session, plan, name, arrays.synapses[name])
                continue
            gives_up = name in arrays.given_up
            _connect(session, plan, name, arrays.synapses[name], gives_up)
            if gives_up:
                arrays.synapses[name] = arrays.synapses[name].counted()
        session.command(f"seed {key_of(seed)}")
        for drive in plan.drives if native_drives else ():
            if not drive.rate or (is_host and not drive.varies):
                _drive(session, plan, drive, arrays)
        for command in (f"flush_interval {plan.flush_interval}", *settings):
            session.command(command)
        session.command("start")
        session.read("defaultclock.dt")  # waits until its spike queues are built
        # after the start, in which Brian2 sets the times that its object was created with
        _play(session, plan)
        if is_host:
            _let_sleep(session, plan)
            _compact(session, plan, arrays)
            _pass_by(session, plan)
        for sample in samples:
            header = f"sample {sample.group}.{sample.variable} {sample.every} {len(sample.neurons)}"
            session.command(header, sample.neurons.astype("<i4").tobytes())
    except BaseException:
        session.close()
        raise
    return session


def _connect(session: ProgramSession, plan: Plan, name: str, wired: Wired, gives_up: bool) -> None:
    """Load the synapses of an object into a program that takes them in their order."""
    group = next(each for each in plan.synapses if each.name == name)
    starts = np.full(plan.group(group.pre).places + 1, len(wired))
    starts[: len(wired.starts)] = wired.starts
    session.link_rows(f"{name}_pre", starts, wired.axonal)
    if wired.later or name in session.program.axons:
        session.write(f"{name}._synaptic_pre", wired.pre)
    _link_others(session, name, wired, group, gives_up)
    for variable in _zero(session, name, wired, group):
        session.clear(variable, len(wired))


def _connect_device(session: ProgramSession, plan: Plan, name: str, wired: Wired) -> None:
    """Load the synapses of an object into a program that sorts them itself."""
    group = next(each for each in plan.synapses if each.name == name)
    session.write(f"{name}._synaptic_pre", wired.pre)
    session.link(f"{name}_pre", wired.axonal)
    _link_others(session, name, wired, group)
    for variable in _zero(session, name, wired, group):
        session.write(variable, np.zeros(len(wired)))


def _link_others(
    session: ProgramSession, name: str, wired: Wired, group: SynapseGroup, gives_up: bool = False
) -> None:
    """Everything but the presynaptic queue, and the variables that are zero."""
    for index, delays in enumerate(wired.later):
        session.link(f"{name}_{later_name(index)}", delays)
    if name not in session.program.axons:
        session.write(f"{name}._synaptic_pre", np.empty(0))
    session.write(f"{name}._synaptic_post", wired.post, gives_up)
    if group.on_post:
        session.link(f"{name}_post", wired.dendritic)
    session.write(f"{name}.N", np.array([len(wired)]))
    for variable, values in wired.variables.items():
        session.write(f"{name}.{variable}", values, gives_up)


def _zero(session: ProgramSession, name: str, wired: Wired, group: SynapseGroup) -> Iterator[str]:
    """The variables of the synapses that begin at zero."""
    for equation in group.equations:
        if equation.kind != "expression" and equation.name not in wired.variables:
            yield f"{name}.{equation.name}"
    if f"{name}.lastupdate" in session.program.arrays:
        yield f"{name}.lastupdate"


def _let_sleep(session: ProgramSession, plan: Plan) -> None:
    for group in plan.groups:
        sleep = sleep_of(group, plan)
        if isinstance(sleep, str):
            continue
        populations = populations_of(group, sleep, plan)
        for each in populations:
            numbers = each.numbers()
            session.command(f"sleep {group.name} {numbers.nbytes}", numbers.tobytes())
        if populations:
            session.sleepers.append(group.name)


def _compact(session: ProgramSession, plan: Plan, arrays: Arrays) -> None:
    """Let synapses that are not connected leave the memory, once it is known which these are."""
    for synapses in plan.synapses:
        name, wired = synapses.name, arrays.synapses[synapses.name]
        if not is_compacted(plan, synapses) or (synapses.on_post and wired.dendritic.size != 1):
            continue
        flags = f"{name}.{connected(synapses)}"
        session.compacted[name] = flags
        session.command(f"compact {flags} {name}.N")
        anew = {f"{name}.{each}" for each in ("w", "lastupdate", *started_anew(plan, synapses))}
        kept = [f"{name}._synaptic_post"]
        if name in session.program.axons:
            kept.append(f"{name}._synaptic_pre")
        own = {*_zero(session, name, wired, synapses)}
        own |= {f"{name}.{each}" for each in wired.variables if not synapses.has_one(each)}
        for each in sorted(own - {flags}) + kept:
            session.command(f"compact_array {each} {int(each not in anew)}")
        for queue in ("pre", "post")[: 1 + bool(synapses.on_post)]:
            session.command(f"compact_queue {name}_{queue}")


def _pass_by(session: ProgramSession, plan: Plan) -> None:
    """Let spikes pass by synapses that are not connected, where these miss nothing."""
    for synapses in plan.synapses:
        if synapses.name in session.compacted:
            continue
        later = [later_name(index) for index in range(len(synapses.later))]
        queues = {"on_pre": ["pre"], "later": later, "on_post": ["post"]}
        for event in passed_by(plan, synapses):
            for queue in queues[event]:
                flags = f"{synapses.name}.{connected(synapses)}"
                session.command(f"pass_by {synapses.name}_{queue} {flags}")


def _play(session: ProgramSession, plan: Plan) -> None:
    for group in plan.groups:
        if not group.plays_spikes:
            continue
        steps, neurons = playback_arrays(plan, group.name)
        session.write(f"{group.name}._timebins", steps)
        session.write(f"{group.name}.neuron_index", neurons)
        session.write(f"{group.name}._lastindex", np.zeros(1))
        session.write(f"{group.name}._period_bins", np.zeros(1))


def _drive(session: ProgramSession, plan: Plan, drive: Drive, arrays: Arrays) -> None:
    """Have the program deliver Poisson input of constant rate."""
    group = plan.group(drive.group)
    target = next(e for e in group.equations() if e.name == drive.target)
    stream = stream_of(drive.object_name)
    gate = f"{group.name}.not_refractory" if "unless refractory" in target.flags else "-"
    reached = f"{group.name}.{drive.target} {group.name}.{drive.weight} {gate}"
    if drive.rate:
        means = _means(drive, plan, arrays.groups[group.name])
        neurons = np.flatnonzero(means > 0)
        data = neurons.astype("<i4").tobytes() + means[neurons].astype("<f8").tobytes()
        if len(neurons):
            session.command(f"drive {reached} 0 {len(neurons)} {(0.0).hex()} {stream}", data)
        return
    for each in drive.members:
        _, member = plan.population(each.population)
        if each.mean and member.size:
            mean = float(each.mean * plan.dt).hex()
            session.command(f"drive {reached} {member.start} {member.size} {mean} {stream}")


def _means(drive: Drive, plan: Plan, arrays: Mapping[str, NDArray[Any]]) -> NDArray[np.float64]:
    """The expected events a step of each neuron of a group."""
    scale = arrays[drive.scale]
    parameters = {name: arrays[name] for name in drive.members[0].parameters}
    return np.broadcast_to(scale * plan.dt * evaluate(drive.rate, parameters), scale.shape)
