"""Prescribed spikes as arrays, in the order in which they happen."""

import numpy as np
from numpy.typing import NDArray

from thalia.compiler.plan import Plan


def playback_arrays(plan: Plan, group_name: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Steps and neurons of the prescribed spikes of a group, by step and neuron."""
    steps, neurons = [], []
    for playback in plan.playbacks:
        group, member = plan.population(playback.population)
        if group.name == group_name:
            steps.append(np.array(playback.steps, dtype=np.int64))
            neurons.append(np.array(playback.indices, dtype=np.int64) + member.start)
    if not steps:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    all_steps, all_neurons = np.concatenate(steps), np.concatenate(neurons)
    order = np.lexsort((all_neurons, all_steps))
    return all_steps[order], all_neurons[order]
