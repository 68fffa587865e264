"""What several test modules use: where files are, the command line as a process, a circuit with everything in it."""

import contextlib
import gc
import io
import os
import subprocess
import sys
import warnings
from pathlib import Path
from unittest import mock

from thalia.cli import main

ROOT = Path(__file__).parent.parent
CIRCUITS = sorted((ROOT / "circuits").glob("*.yaml"))

DRIVEN = """
thalia: 1
name: driven
dt: 0.1 ms
populations:
  e: {neuron: lif_current, size: 100, initial: {v: "normal(-58 mV, 5 mV)"}, parameters: {tau_m: "normal(10 ms, 1 ms, min=5 ms)"}}
  i: {neuron: lif_current, size: 30, initial: {v: "normal(-58 mV, 5 mV)"}}
  given: {neuron: spike_source, size: 3}
pathways:
  rec: {pre: [e, i], post: [e, i], connect: {probability: 0.12}, synapse: current_exp, weight: [["normal(80 pA, 8 pA, min=0 pA)", -200 pA]],
        delay: "uniform(0.5 ms, 3 ms)"}
  learn: {pre: e, post: i, connect: {probability: 0.5}, synapse: current_exp, weight: "uniform(50 pA, 150 pA)",
          delay: {axonal: "uniform(0.5 ms, 3 ms)", dendritic: 0.4 ms}, plasticity: [stdp_pair]}
  kick: {pre: given, post: e, connect: {rule: all_to_all}, synapse: current_alpha, weight: 300 pA, delay: 1 ms, plasticity: [stdp_pair, stdp_inhibitory]}
stimuli:
  drive: {kind: current, target: [e, i], amplitude: "normal(450 pA, 50 pA)"}
  wave: {kind: current_pulses, target: e, amplitude: 200 pA, start: 20 ms, width: 10 ms, period: 30 ms}
  times: {kind: spikes, target: given, times: {0: [5 ms, 50 ms], 1: [5 ms], 2: [80 ms, 79.9 ms]}}
phases: [{name: one, duration: 60 ms}, {name: two, duration: 60 ms, plasticity: {learn: off}}]
record: {spikes: all, weights: {pathways: all}, traces: {v: {population: e, variables: [v], every: 1 ms}}}
"""

# a neuron model that is advanced by the statements of its published step
PUBLISHED_CELL = """neurons:
  published:
    summary: Two half steps, as Izhikevich (2003) published them.
    source: "Izhikevich (2003) IEEE Trans Neural Netw 14:1569. doi:10.1109/TNN.2003.820440"
    parameters: {c_m: {default: 1 pF, meaning: 1 pA is 1 mV/ms, source: chosen here}}
    equations: |
      dv/dt = 0.04*v**2/(mV*ms) + 5*v/ms + 140*mV/ms - u + input_current/c_m : volt
      du/dt = 0.02/ms*(0.2*v/ms - u) : volt/second
    update: |
      v += dt/2*(0.04*v**2/(mV*ms) + 5*v/ms + 140*mV/ms - u + input_current/c_m)
      v += dt/2*(0.04*v**2/(mV*ms) + 5*v/ms + 140*mV/ms - u + input_current/c_m)
      u += dt*0.02/ms*(0.2*v/ms - u)
    threshold: v >= 30*mV
    reset: |
      v = -65*mV
      u += 8*mV/ms
    initial: {v: -65 mV, u: -13 mV/ms}"""


def thalia(*arguments, folder, **environment):
    command = [sys.executable, "-m", "thalia", *map(str, arguments)]
    return subprocess.run(
        command,
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        check=False,
    )


def thalia_here(*arguments, folder):
    """The same in this process, twenty times as fast: for what is refused before anything runs."""
    command, threshold = ["thalia", *map(str, arguments)], gc.get_threshold()
    out, err, status = io.StringIO(), io.StringIO(), 0
    with (
        contextlib.chdir(folder),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        mock.patch.object(sys, "argv", command),
        mock.patch.object(warnings, "formatwarning", warnings.formatwarning),
    ):
        try:
            main.main()
        except SystemExit as end:
            status = end.code or 0
        finally:
            gc.set_threshold(*threshold)
    return subprocess.CompletedProcess(command, status, out.getvalue(), err.getvalue())
