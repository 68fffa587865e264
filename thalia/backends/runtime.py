"""Brian2 within this process: for tiny circuits, closed loops with Python between steps, and machines without a compiler.

It runs on NumPy; above `CYTHON_STEPS` steps, where a compiler is found, on Cython, whose compiling costs about
a minute and pays only then.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from thalia.backends import Chunk, Compiled, Progress, Sample
from thalia.backends.compiler import find_compiler
from thalia.emit import import_brian2, later_name, model_of, network
from thalia.plan import Plan
from thalia.wire import Arrays, Wired, playback_arrays

CYTHON_STEPS = 50_000


def refuse(plan: Plan) -> list[str]:
    """Why this backend cannot run the plan here; it always can."""
    return []


def build(plan: Plan, progress: Progress) -> Compiled:
    """Nothing is compiled ahead of a run."""
    return Compiled(0, False)


class RuntimeSession:
    """A Brian2 network in this process; see `thalia.backends.Session`."""

    def __init__(self, plan: Plan, samples: tuple[Sample, ...]):
        b2 = import_brian2()
        b2.set_device("runtime")
        b2.prefs.codegen.target = "cython" if plan.steps > CYTHON_STEPS and find_compiler() else "numpy"
        self.compiled = Compiled(0, False)
        self.chunk_steps = None
        self.second = b2.second
        self.dt = plan.dt
        self.network, self.objects = network(model_of(plan))
        self.objects |= {path.name: path for made in list(self.objects.values()) for path in getattr(made, "_pathways", ())}
        self.monitors = {g.name: b2.SpikeMonitor(self.objects[g.name], name=f"{g.name}_spikes") for g in plan.groups}
        self.samplers = {
            s.name: b2.StateMonitor(
                self.objects[s.group],
                s.variable,
                record=s.neurons,
                dt=s.every * plan.dt * b2.second,
                order=-1,
                name=f"sample_{i}",
            )
            for i, s in enumerate(samples)
        }
        self.network.add(*self.monitors.values(), *self.samplers.values())
        self.variables = {s.name: s.variable for s in samples}
        self.seen = dict.fromkeys(self.monitors, 0)
        self.sampled = dict.fromkeys(self.samplers, 0)

    def write(self, name: str, values: NDArray[Any]) -> None:
        """Set a variable; an array of another length is an error."""
        owner, _, variable = name.rpartition(".")
        held = self.objects[owner].variables[variable]
        if np.size(held.get_value()) != np.size(values):
            raise RuntimeError(f"{name}: has {np.size(held.get_value())} numbers, given {np.size(values)}")
        held.set_value(values if np.size(values) > 1 or not held.scalar else np.asarray(values).reshape(()))

    def read(self, name: str) -> NDArray[Any]:
        """A copy of a variable."""
        owner, _, variable = name.rpartition(".")
        return np.array(self.objects[owner].variables[variable].get_value())

    def advance(self, steps: int) -> Chunk:
        """Simulate some steps."""
        self.network.run(steps * self.dt * self.second, namespace={})
        spikes = {}
        for name, monitor in self.monitors.items():
            start, self.seen[name] = self.seen[name], len(monitor.i)
            when = np.rint(np.array(monitor.t_[start:]) / self.dt).astype(np.int64)
            spikes[name] = (when, np.array(monitor.i[start:], dtype=np.int32))
        samples = {}
        for name, sampler in self.samplers.items():
            values = np.array(getattr(sampler, f"{self.variables[name]}_")).T
            samples[name] = values[self.sampled[name] :]
            self.sampled[name] = len(values)
        return Chunk(spikes, samples)

    def close(self) -> None:
        """Let go of the network."""
        self.objects.clear()


def start(plan: Plan, built: Compiled, arrays: Arrays, samples: tuple[Sample, ...], seed: int) -> RuntimeSession:
    """A session at time zero, with every array in place."""
    session = RuntimeSession(plan, samples)
    import_brian2().seed(seed % 2**32)
    for group, variables in arrays.groups.items():
        for name, values in variables.items():
            session.write(f"{group}.{name}", values)
    for name, wired in arrays.synapses.items():
        _connect(session, plan, name, wired)
    for plan_group in plan.groups:
        if plan_group.plays_spikes:
            steps, neurons = playback_arrays(plan, plan_group.name)
            session.objects[plan_group.name].set_spikes(neurons, steps * plan.dt * session.second)
    return session


def _connect(session: RuntimeSession, plan: Plan, name: str, wired: Wired) -> None:
    synapses = session.objects[name]
    if len(wired) == 0:
        synapses.active = False
        synapses._connect_called = True
        return
    synapses.connect(i=wired.pre, j=wired.post)
    for variable, values in wired.variables.items():
        session.write(f"{name}.{variable}", values)
    session.write(f"{name}_pre.delay", wired.axonal)
    for index, delays in enumerate(wired.later):
        session.write(f"{name}_{later_name(index)}.delay", delays)
    if next(each for each in plan.synapses if each.name == name).on_post:
        session.write(f"{name}_post.delay", wired.dendritic)
