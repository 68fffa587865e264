"""Circuits as programs for NEST: what they say, what is refused, and the run that they give; NEST itself by hand."""

import os
import re
import shutil
import subprocess
import sys

import h5py
import numpy as np
import pytest

import thalia
from tests.helpers import ROOT
from tests.helpers import thalia_here as command
from thalia.errors import CircuitError
from thalia.exporters.nest import write_program

EXACT = """
thalia: 1
name: exact
duration: 500 ms
seed: 3
populations:
  given: {neuron: spike_source, size: 3}
  e: {neuron: lif_current, size: 80, initial: {v: "uniform(-65 mV, -50 mV)"}}
  i: {neuron: lif_current, size: 20, parameters: {tau_m: "normal(10 ms, 1 ms)"}}
  a: {neuron: lif_conductance, size: 20}
pathways:
  in: {pre: given, post: e, connect: {rule: all_to_all}, synapse: current_exp, weight: 900 pA, delay: 1 ms}
  ee: {pre: e, post: [e, i], connect: {probability: 0.2}, synapse: current_exp, weight: "normal(120 pA, 12 pA, min=0 pA)", delay: "uniform(0.5 ms, 2 ms)"}
  ie: {pre: i, post: [e, i], connect: {rule: fixed_indegree, number: 5}, synapse: {part: current_exp, tau: 2 ms}, weight: -100 pA, delay: 0.8 ms}
  ea: {pre: e, post: a, connect: {rule: fixed_indegree, number: 10}, synapse: ampa, weight: 2 nS, delay: 1 ms}
  ia: {pre: i, post: a, connect: {rule: fixed_indegree, number: 5}, synapse: gaba_a, weight: 3 nS, delay: 1 ms}
stimuli:
  given: {kind: spikes, target: given, times: {0: [1 ms, 50 ms, 51 ms], 1: [20 ms, 300 ms], 2: [0.3 ms, 0.4 ms]}}
  on: {kind: current, target: [e, i], amplitude: 380 pA}
  more: {kind: current, target: i, amplitude: 30 pA}
"""
PLASTIC = """
thalia: 1
name: plastic
duration: 400 ms
seed: 3
populations:
  given: {neuron: spike_source, size: 5}
  e: {neuron: lif_current, size: 10, initial: {v: "uniform(-65 mV, -50 mV)"}}
  reward: {neuron: spike_source, size: 2}
modulators:
  dopamine: {kind: first_order, released_by: reward, baseline: 0.05, delay: 1.1 ms}
  tonic: {kind: first_order, released_by: reward, tau: 80 ms, tonic: 0.3, baseline: 0.1, amplitude: 2, delay: 3 ms}
pathways:
  in: {pre: given, post: e, connect: {rule: all_to_all}, synapse: current_exp, weight: 0.04 pA, delay: {axonal: 1 ms, dendritic: 2 ms}, w_max: 0.08 pA,
       plasticity: {RULE}}
stimuli:
  given: {kind: spikes, target: given, times: {0: [1 ms, 50 ms, 51 ms, 120 ms, 260 ms, 398.9 ms], 1: [1 ms, 20 ms, 33 ms, 70 ms, 122 ms, 398.9 ms], 2: [0.3 ms, 0.4 ms, 250 ms, 398.9 ms], 3: [0.5 ms, 300 ms, 398.9 ms], 4: [0.2 ms, 100 ms, 200 ms, 299 ms, 310 ms, 398.9 ms]}}
  on: {kind: current, target: e, amplitude: 385 pA}
  rewards: {kind: spikes, target: reward, times: {0: [60 ms, 130 ms, 370 ms], 1: [60 ms, 190.5 ms]}}
"""


@pytest.fixture
def written(tmp_path):
    """The folder of the program of a circuit; what is remarked about it is in `remarks`."""

    def write(text, name="circuit", **options):
        file = tmp_path / f"{name}.yaml"
        file.write_text(text)
        folder = tmp_path / name
        write.remarks = write_program(file, folder, **options)
        return folder

    return write


def lines(folder, begin):
    text = re.sub(r",\s+", ", ", (folder / "run.py").read_text())
    return [line for line in text.splitlines() if line.startswith(begin)]


def test_the_program_is_python_and_needs_nothing_of_thalia(written):
    folder = written(EXACT)
    text = (folder / "run.py").read_text()

    compile(text, "run.py", "exec")
    assert re.findall(r"^(?:import|from) (\w+)", text, re.MULTILINE) == [
        "argparse",
        "time",
        "pathlib",
        "h5py",
        "nest",
        "numpy",
    ]


def test_cells_have_the_models_and_numbers_of_nest(written):
    folder = written(EXACT)

    assert [line.partition("{")[0] for line in lines(folder, "create")] == [
        "create('given', 'parrot_neuron', 3, ",
        "create('e', 'iaf_psc_exp_multisynapse', 80, ",
        "create('i', 'iaf_psc_exp_multisynapse', 20, ",
        "create('a', 'iaf_cond_exp', 20, ",
    ]
    e, i, a = lines(folder, "create")[1:]
    assert "'tau_syn': [0.5, 2.0]" in e
    assert "'I_e': 380.0" in e
    assert e.endswith(", ['V_m'])")
    assert "'I_e': 410.0" in i
    assert i.endswith(", ['tau_m'])")
    assert "'E_ex': 0.0, 'tau_syn_ex': 5.0, 'E_in': -80.0, 'tau_syn_in': 10.0" in a


def test_synapses_are_those_of_thalia(written):
    folder = written(EXACT)
    run = thalia.run(
        folder.with_suffix(".yaml"),
        duration="1 ms",
        output=folder.with_name("run.h5"),
        backend="runtime",
        progress=False,
    )
    with h5py.File(folder / "network.h5") as data:
        rows = {
            name: data["projections/ie.i_to_e"][name][:]
            for name in ("source", "target", "weight", "delay")
        }
        inhibitory = data["projections/ia/weight"][:]

    assert len(rows["source"]) == 5 * 80
    assert set(rows["delay"]) == {8}
    assert set(rows["weight"].round(9)) == {-100.0}
    assert set(inhibitory.round(9)) == {-3.0}  # by its sign NEST chooses the receptor
    assert run.results["synapses"] == sum(
        len(data_of["source"]) for data_of in _projections(folder)
    )


def _projections(folder):
    with h5py.File(folder / "network.h5") as data:
        return [{"source": each["source"][:]} for each in data["projections"].values()]


def test_rules_of_nest_draw_what_has_the_same_statistics(written):
    folder = written(EXACT, connectivity="statistical")

    assert lines(folder, "draw") == [
        "draw('in', 'given', 'e', {'rule': 'all_to_all'}, weight=900.0, delay=1.0, receptor=1)",
        "draw('ee.e_to_e', 'e', 'e', {'rule': 'pairwise_bernoulli', 'p': 0.2, 'allow_autapses': True}, weight=normal(120.0, 12.0, low=0.0), delay=uniform(0.5, 2.0), receptor=1)",
        "draw('ee.e_to_i', 'e', 'i', {'rule': 'pairwise_bernoulli', 'p': 0.2, 'allow_autapses': True}, weight=normal(120.0, 12.0, low=0.0), delay=uniform(0.5, 2.0), receptor=1)",
        "draw('ie.i_to_e', 'i', 'e', {'rule': 'fixed_indegree', 'indegree': 5, 'allow_autapses': True, 'allow_multapses': True}, weight=-100.0, delay=0.8, receptor=2)",
        "draw('ie.i_to_i', 'i', 'i', {'rule': 'fixed_indegree', 'indegree': 5, 'allow_autapses': True, 'allow_multapses': True}, weight=-100.0, delay=0.8, receptor=2)",
        "draw('ea', 'e', 'a', {'rule': 'fixed_indegree', 'indegree': 10, 'allow_autapses': True, 'allow_multapses': True}, weight=2.0, delay=1.0)",
        "draw('ia', 'i', 'a', {'rule': 'fixed_indegree', 'indegree': 5, 'allow_autapses': True, 'allow_multapses': True}, weight=-3.0, delay=1.0)",
    ]
    assert not lines(folder, "connect(")


@pytest.mark.parametrize("connectivity", ["same", "statistical"])
def test_as_many_virtual_processes_are_asked_for_as_hold_the_synapses(
    written, monkeypatch, connectivity
):
    monkeypatch.setattr(sys.modules["thalia.exporters.nest.program"], "MOST", 1000)

    folder = written(EXACT, connectivity=connectivity)  # about 240 + 1,600 + 500 + 200 + 100

    assert lines(folder, "LEAST") == [
        "LEAST = 3  # virtual processes, of which each holds 1,000 synapses of a model at most"
    ]


@pytest.mark.peer
def test_too_few_virtual_processes_are_refused_before_anything_is_built(written, monkeypatch):
    monkeypatch.setattr(sys.modules["thalia.exporters.nest.program"], "MOST", 1000)
    folder = written(EXACT)

    done = subprocess.run(
        [sys.executable, folder / "run.py", "--threads", "2"], capture_output=True, text=True
    )

    assert done.returncode == 1
    assert done.stderr.endswith(
        "its synapses need 3 virtual processes (threads times processes), found 2: --threads 3\n"
    )
    assert not (folder / "output").exists()


def test_poisson_input_and_cells_have_their_rates(written):
    text = """
thalia: 1
name: noisy
duration: 2 s
populations: {th: {neuron: poisson, size: 5, parameters: {rate: 3 Hz}}, e: {neuron: lif_current, size: 2}}
pathways: {p: {pre: th, post: e, connect: {rule: all_to_all}, synapse: delta, weight: 1 mV, delay: 1 ms}}
stimuli:
  noise: {kind: poisson, target: e, number: 100, rate: 8 Hz, weight: 0.1 mV}
  volley: {kind: poisson_pulses, target: th, rate: 120 Hz, start: 700 ms, width: 10 ms, period: 1 s}
"""
    folder = written(text)

    assert lines(folder, "poisson") == [
        "poisson('e', rate=800.0, weight=0.1)  # noise",
        "poisson('th', rate=3.0, weight=1.0)  # th",
        "poisson('th', rate=[[0.0, 0.0], [700.0, 120.0], [710.0, 0.0], [1700.0, 120.0], [1710.0, 0.0]], weight=1.0)  # volley",
    ]


def test_the_weight_of_poisson_input_is_that_of_a_spike(written):
    """A current that rises by an alpha function peaks at its weight; NMDA's is of the variable that it adds to."""
    text = """
thalia: 1
name: driven
duration: 10 ms
populations: {e: {neuron: lif_current, size: 2}, c: {neuron: lif_conductance, size: 2}}
pathways: {p: {pre: e, post: c, connect: {rule: all_to_all}, synapse: nmda, weight: 1 nS, delay: 1 ms}}
stimuli:
  alpha: {kind: poisson, target: e, rate: 8 Hz, synapse: current_alpha, weight: 10 pA}
  slow: {kind: poisson, target: c, rate: 8 Hz, synapse: {part: nmda, tau_rise: 2 ms, tau_decay: 100 ms}, weight: 0.1 nS}
"""
    folder = written(text, nestml=True)

    alpha, slow = lines(folder, "poisson('")
    assert alpha == "poisson('e', rate=8.0, weight=10.0)  # alpha"
    assert float(re.search(r"weight=([\d.]+)", slow)[1]) == pytest.approx(0.1 * 50 ** (100 / 98))
    assert "receptor=2)" in slow
    models = (folder / "models.nestml").read_text(encoding="utf-8")
    assert (
        "onReceive(nmda_driven_spikes):\n        weight real = nmda_driven_spikes * (1 s)\n        nmda_rise += weight\n"
        in models
    )


RECEIVING = """
thalia: 1
name: begun
duration: 10 ms
populations: {e: {neuron: NEURON, size: 2, initial: {INITIAL}, excites_and_inhibits: "a test"}}
pathways:
  x: {pre: e, post: e, connect: {rule: all_to_all}, synapse: FIRST, weight: 1 UNIT, delay: 1 ms}
  i: {pre: e, post: e, connect: {rule: all_to_all}, synapse: SECOND, weight: 1 UNIT, delay: 1 ms}
"""


def receiving(**words):
    text = RECEIVING
    for word, with_ in words.items():
        text = text.replace(word.upper(), with_)
    return text


def test_conductances_begin_as_they_are_given(written):
    given = "ampa_g: 3 nS, gaba_a_g: 2 nS"
    text = receiving(
        neuron="lif_conductance", initial=given, first="gaba_a", second="ampa", unit="nS"
    )

    (line,) = lines(written(text), "create")
    assert "'g_ex': 3.0" in line
    assert "'g_in': 2.0" in line


def test_currents_that_do_not_begin_at_zero_are_refused(written):
    text = receiving(
        neuron="lif_current",
        initial="current_exp_i: 3 pA",
        first="current_exp",
        second="current_exp",
        unit="pA",
    )

    with pytest.raises(CircuitError, match="current_exp_i: NEST begins with none of it"):
        written(text)


@pytest.mark.parametrize("text", [
    receiving(neuron="lif_current", initial="current_exp_i: 3 pA", first="current_exp", second="current_exp", unit="pA"),
    receiving(neuron="lif_current", initial="v: -60 mV", first="current_exp", second="current_alpha", unit="pA"),
    receiving(neuron="lif_current", initial="v: -60 mV", first="current_exp", second="current_exp", unit="pA")
    .replace("weight", "w_max: 2 pA, plasticity: stdp_pair, weight", 1)
    .replace("i: {pre", "i: {plasticity: {rule: stdp_pair, tau_minus: 30 ms}, w_max: 2 pA, pre"),
])  # fmt: skip
def test_what_only_cells_and_rules_together_show_is_told_in_advance(tmp_path, text):
    """Currents that begin above zero, two kinds of receptors, two time constants of one trace."""
    (tmp_path / "begun.yaml").write_text(text)

    checked = command("check", "begun.yaml", "--for", "nest", folder=tmp_path)
    exported = command("export", "begun.yaml", "--to", "nest", folder=tmp_path)

    assert (checked.returncode, checked.stderr) == (2, exported.stderr)
    assert re.search("begins with none of it|several kinds|another tau_minus", checked.stderr)


def test_the_rule_of_a_window_is_exported(written):
    """20 and 40 ms, as the window has them; it was exported without plasticity."""
    folder = written(PLASTIC.replace("plasticity: {RULE}", "window: thalamocortical"))

    (line,) = lines(folder, "connect('in'")
    assert "'stdp_synapse'" in line
    assert "'tau_plus': 20.0" in line
    (cells,) = lines(folder, "create('e'")
    assert "'tau_minus': 40.0" in cells


def test_a_weight_that_is_a_drive_is_no_numbers_over_time(tmp_path):
    done = command("check", "thalamus", "--for", "nest", folder=tmp_path)

    assert done.returncode == 2
    assert "numbers over time" not in done.stderr


JUMPING = """
thalia: 1
name: jumping
duration: 500 ms
dt: 0.5 ms
seed: 3
populations:
  given: {neuron: spike_source, size: 3}
  e: {neuron: lif_current, size: 80, initial: {v: "uniform(-65 mV, -50 mV)"}, parameters: {tau_m: "normal(12 ms, 1 ms)"}}
  i: {neuron: lif_current, size: 20, parameters: {t_ref: 3 ms}}
  x: {neuron: lif_current, size: 10}
pathways:
  in: {pre: given, post: e, connect: {rule: all_to_all}, synapse: delta, weight: 4 mV, delay: 1 ms}
  ee: {pre: e, post: [e, i], connect: {probability: 0.2}, synapse: delta, weight: "normal(0.9 mV, 0.1 mV, min=0 mV)", delay: "uniform(0.5 ms, 2 ms)"}
  ie: {pre: i, post: [e, i], connect: {rule: fixed_indegree, number: 5}, synapse: delta, weight: -0.8 mV, delay: 1.5 ms}
  ex: {pre: e, post: x, connect: {rule: fixed_indegree, number: 20}, synapse: current_exp, weight: 900 pA, delay: 1 ms}
  xe: {pre: x, post: e, connect: {rule: fixed_indegree, number: 3}, synapse: delta, weight: 1 mV, delay: 1 ms}
stimuli:
  given: {kind: spikes, target: given, times: {0: [1 ms, 50 ms, 51 ms], 1: [20 ms, 300 ms], 2: [0.5 ms, 0.8 ms]}}
  on: {kind: current, target: [e, i], amplitude: 330 pA}
  more: {kind: current, target: i, amplitude: 30 pA}
"""


def test_populations_of_one_model_have_the_receptors_of_their_own_pathways(written):
    """Jumps of the potential went into a current, in its unit, where another population has one."""
    folder = written(JUMPING)

    models = {line.split("'")[1]: line.split("'")[3] for line in lines(folder, "create(")}
    assert models == {
        "given": "parrot_neuron",
        "e": "iaf_psc_delta",
        "i": "iaf_psc_delta",
        "x": "iaf_psc_exp",
    }
    with h5py.File(folder / "network.h5") as data:
        rows = {
            name: (each["weight"][0], each["delay"][0])
            for name, each in data["projections"].items()
        }
    assert rows["in"] == pytest.approx((4.0, 2))  # mV
    assert rows["ie.i_to_e"] == pytest.approx((-0.8, 4))  # 1.5 ms and a step, since i is early
    assert rows["ex"] == pytest.approx((900.0, 3))  # pA
    assert rows["xe"] == pytest.approx((1.0, 2))
    both = JUMPING.replace("xe: {pre: x, post: e", "xe: {pre: x, post: [e, x]")
    with pytest.raises(CircuitError, match=r"receptors of several kinds .* \(current_exp, delta\)"):
        written(both, "both")


def test_the_threshold_of_a_potential_that_jumps_is_a_step_earlier(written):
    """From rest at -63.68 mV, to which 330 pA bring it, it decays by exp(-0.5/10) to -50 mV."""
    (line,) = lines(
        written(
            JUMPING.replace("more:", "none:").replace("i, amplitude: 30 pA", "x, amplitude: 1 pA")
        ),
        "create('i'",
    )

    rest = -65 + 330 * 10 / 250
    threshold = float(re.search(r"'V_th': (-[\d.]+)", line)[1])
    assert rest + (threshold - rest) * np.exp(-0.05) == pytest.approx(-50, abs=1e-9)
    assert "'t_ref': 3.5" in line


DESCRIBED = """
thalia: 1
name: described
duration: 500 ms
seed: 3
neurons:
  curved:
    summary: a cell with what NESTML has of functions
    source: invented
    parameters: {tau: {default: 8 ms, meaning: time constant}, top: {default: 1, meaning: peak}}
    equations: |
      dx/dt = (x**2 + drive - fatigue)/tau : 1
      dfatigue/dt = -fatigue/(40*ms) : 1
      drive = 0.4 + int(fatigue > 0.05)*0.1*sin(x) + exp(-x**2)*0.1 + clip(x, 0, 0.5)*0.01 : 1
    threshold: x > top
    reset: |
      x = -1
      fatigue += 0.3
populations:
  given: {neuron: spike_source, size: 3}
  r: {neuron: izhikevich, size: 3, initial: {v: "uniform(-65 mV, -50 mV)"}, parameters: {a: "uniform(0.02 1/ms, 0.04 1/ms)"}}
  b: {neuron: lif_adaptive_threshold, size: 3}
  c: {neuron: curved, size: 2}
pathways:
  in: {pre: given, post: r, connect: {rule: all_to_all}, synapse: ampa_dual, weight: 1 nS, delay: 1 ms}
  slow: {pre: given, post: r, connect: {rule: all_to_all}, synapse: nmda, weight: 1 nS, delay: 1 ms}
  rb: {pre: r, post: b, connect: {rule: all_to_all}, synapse: [tsodyks_markram, current_exp], weight: 200 pA, delay: 1 ms}
  jump: {pre: r, post: b, connect: {rule: all_to_all}, synapse: delta, weight: 2 mV, delay: 1 ms}
  back: {pre: b, post: r, connect: {rule: all_to_all}, synapse: ampa_dual, weight: 2 nS, delay: 1.5 ms}
stimuli:
  given: {kind: spikes, target: given, times: {0: [1 ms, 50 ms, 51 ms], 1: [20 ms, 300 ms], 2: [0.3 ms, 0.4 ms]}}
  on: {kind: current, target: r, amplitude: 100 pA}
  more: {kind: current, target: b, amplitude: 400 pA}
"""


def test_cells_that_nest_has_not_are_described_in_nestml(written):
    """Inputs in the order of their receptors; a clamped potential; units of NEST."""
    folder = written(DESCRIBED, nestml=True)
    models = (folder / "models.nestml").read_text()

    assert re.findall(r"^model (\w+):", models, re.MULTILINE) == [
        "r_thalia",
        "b_thalia",
        "c_thalia",
    ]
    assert re.findall(r"(\w+) <- spike", models) == [
        "ampa_dual_spikes",
        "nmda_spikes",
        "current_exp_spikes",
        "delta_spikes",
        "spikes",
    ]
    b = models.partition("model b_thalia")[2].partition("model ")[0]
    assert "        if free > 0.5:\n            v += weight\n" in b
    assert "v_th real = 1.0  # mV" in b
    created = lines(folder, "create('r', 'r_thalia', 3")[0]
    assert "'k': 0.7, " in created  # nS/mV
    assert created.endswith("['a', 'v'])")
    receptors = {
        line.split("'")[1]: re.findall(r"receptor=(\d)", line) for line in lines(folder, "connect(")
    }
    assert receptors == {"in": ["1"], "slow": ["2"], "rb": ["1"], "jump": ["2"], "back": ["1"]}
    assert (folder / "build.py").exists()


CURVED = """
thalia: 1
name: curved
duration: 300 ms
seed: 3
populations:
  r: {neuron: izhikevich, size: 4, method: euler, initial: {v: "uniform(-65 mV, -50 mV)"},
      parameters: {c_m: 50 pF, k: 2 nS/mV, v_r: -60 mV, v_t: -42 mV, a: "uniform(0.02 1/ms, 0.04 1/ms)", b: 5 nS, d: 200 pA}}
stimuli:
  on: {kind: current, target: r, amplitude: 500 pA}
"""


def test_cells_of_izhikevich_are_exported_where_their_parabola_is_that_of_nest(written):
    """Of the numbers that NEST gets, the fixed point and the rheobase are those of Thalia's cell."""
    (line,) = lines(
        written(
            CURVED.replace("uniform(0.02 1/ms, 0.04 1/ms)", "0.03 1/ms").replace(
                '"uniform(-65 mV, -50 mV)"', "-60 mV"
            )
        ),
        "create('r'",
    )
    p = {name: float(value) for name, value in re.findall(r"'(\w+)': (-?[\d.]+)", line)}

    def slope(v, u):
        return 0.04 * v**2 + 5 * v + 140 - u + p["I_e"]

    def expected(v, u):  # mV/ms, with 500 pA
        return (2 * (v + 60) * (v + 42) - u + 500) / 50

    shift = p["V_m"] + 60  # from v = -60 mV, where u is 0 pA
    found = [slope(v + shift, u / 50 + p["U_m"]) for v, u in ((-60, 0), (-30, 0), (10, 90))]
    assert found == pytest.approx([expected(-60, 0), expected(-30, 0), expected(10, 90)])
    recovery = [
        p["a"] * (p["b"] * (v + shift) - u / 50 - p["U_m"]) for v, u in ((-60, 0), (10, 90))
    ]
    assert recovery == pytest.approx([0, 0.03 * (5 * 70 - 90) / 50])
    assert (p["V_th"] - shift, p["c"] - shift, p["d"]) == pytest.approx((35, -50, 4))


@pytest.mark.parametrize(("change", "told"), [
    (("k: 2 nS/mV", "k: 1 nS/mV"), r"populations\.r: izhikevich: NEST's has k/c_m of 0\.04 /\(mV ms\)"),
    (("stimuli:", "pathways: {p: {pre: r, post: r, connect: {rule: all_to_all}, synapse: ampa, weight: 1 nS, delay: 1 ms}}\nstimuli:"),
     r"izhikevich with ampa: the potential of NEST's only jumps"),
])  # fmt: skip
def test_other_cells_of_izhikevich_are_told(written, change, told):
    with pytest.raises(CircuitError, match=told):
        written(CURVED.replace(*change))


LEARNED = """
thalia: 1
name: learned
duration: 400 ms
seed: 3
rules:
  own:
    summary: a rule of a circuit, with a trace of each neuron and a bound from below
    source: invented
    parameters: {tau: {default: 15 ms, meaning: decay}, gain: {default: 0.1, meaning: change}}
    equations: |
      dbefore/dt = -before/tau : 1
      dafter/dt = -after/(2*tau) : 1
    on_pre: |
      w -= gain*w_max*sqrt(after)*0.5
      before += 1
    on_post: |
      w += gain*w_max*before*exp(-w/w_max)
      after = 1
populations:
  given: {neuron: spike_source, size: 5}
  e: {neuron: lif_current, size: 10, initial: {v: "uniform(-65 mV, -50 mV)"}}
  f: {neuron: lif_adaptive_threshold, size: 4, initial: {v: "uniform(-65 mV, -50 mV)"}}
pathways:
  in: {pre: given, post: e, connect: {rule: all_to_all}, synapse: current_exp, weight: 0.04 pA, delay: {axonal: 1 ms, dendritic: 2 ms}, w_max: 0.08 pA,
       plasticity: {rule: stdp_symmetric, a_plus: 0.04, a_minus: 0.03}}
  two: {pre: given, post: e, connect: {rule: all_to_all}, synapse: current_exp, weight: 0.04 pA, delay: {axonal: 1 ms, dendritic: 2 ms}, w_max: 0.08 pA,
       plasticity: {rule: own}}
  three: {pre: given, post: f, connect: {rule: all_to_all}, synapse: delta, weight: 0.04 uV, delay: {axonal: 1 ms, dendritic: 2 ms}, w_max: 0.08 uV, w_min: 0.035 uV,
       plasticity: {rule: own}}
stimuli:
  given: {kind: spikes, target: given, times: {0: [1 ms, 50 ms, 51 ms, 120 ms, 260 ms, 398.9 ms], 1: [1 ms, 20 ms, 33 ms, 70 ms, 122 ms, 398.9 ms], 2: [0.3 ms, 0.4 ms, 250 ms, 398.9 ms], 3: [0.5 ms, 300 ms, 398.9 ms], 4: [0.2 ms, 100 ms, 200 ms, 299 ms, 310 ms, 398.9 ms]}}
  on: {kind: current, target: [e, f], amplitude: 385 pA}
"""


def test_rules_that_nest_has_not_are_described_in_nestml(written):
    """With their numbers in units of NEST; cells onto which they learn are described with them."""
    folder = written(LEARNED, nestml=True)
    models = (folder / "models.nestml").read_text(encoding="utf-8")

    assert re.findall(r"^model (\w+):", models, re.MULTILINE) == [
        "e_thalia",
        "f_thalia",
        "stdp_symmetric_synapse",
        "own1_synapse",
        "own2_synapse",
    ]
    of_f = models.partition("model own2_synapse")[2]
    assert "w_min real = 3.5e-05  # mV\n" in of_f
    assert "        passed real = end - until\n" in of_f
    assert "_decay_own_before real = exp((_rate_own_before * passed))" in of_f
    assert "        emit_spike(w)\n        w -= " in of_f
    (line,) = lines(folder, "connect('two'")
    cell = "e_thalia__with_stdp_symmetric_synapse_and_own1_synapse"
    assert f"learning=('own1_synapse__with_{cell}', {{'learns': 1.0}}, ['learns'])" in line
    assert f"create('e', '{cell}', 10" in "".join(lines(folder, "create("))
    assert not any("carries the weight that it has changed" in each for each in written.remarks)


@pytest.mark.parametrize(("change", "why"), [
    (("rule: stdp_symmetric, a_plus: 0.04, a_minus: 0.03", "rule: bcm"), "bcm: keeps state in the neuron, or reads it"),
    (("rule: stdp_symmetric, a_plus: 0.04, a_minus: 0.03", "rule: stdp_calcium"), "stdp_calcium: acts later than a spike"),
    (("rule: stdp_symmetric, a_plus: 0.04", 'rule: stdp_symmetric, tau_plus: "normal(20 ms, 1 ms)", a_plus: 0.04'), "stdp_symmetric: draws stdp_symmetric_tau_plus for each synapse"),
])  # fmt: skip
def test_rules_that_nestml_has_not_are_told(written, change, why):
    with pytest.raises(CircuitError) as told:
        written(LEARNED.replace(*change), nestml=True)

    assert {each.message for each in told.value.problems} == {
        f"{why}, for which NESTML has no synapse here"
    }


GATED = """
thalia: 1
name: gated
seed: 3
phases:
  - {name: on, duration: 200 ms}
  - {name: off, duration: 60 ms, plasticity: off}
  - {name: again, duration: 140 ms}
populations:
  given: {neuron: spike_source, size: 5}
  e: {neuron: lif_current, size: 10, initial: {v: "uniform(-65 mV, -50 mV)"}}
  reward: {neuron: spike_source, size: 2}
modulators:
  dopamine: {kind: first_order, released_by: reward, baseline: 0.05, delay: 1.1 ms}
  receptor: {kind: d2, released_by: reward, amplitude: 0.5, delay: 3 ms}
rules:
  own:
    summary: a rule of a circuit that weighs its own trace, and decays
    source: invented
    parameters: {tau: {default: 15 ms, meaning: decay}, rate: {default: 3 Hz, meaning: change}}
    equations: |
      dbefore/dt = -before/tau : 1
      dafter/dt = -after/(2*tau) : 1
      dw/dt = -rate*w*before*after : weight
    on_pre: before += 1
    on_post: |
      after += 1
      w += 0.01*w_max*after
pathways:
  three: {pre: given, post: e, connect: {rule: all_to_all}, synapse: current_exp, weight: 0.04 pA, delay: {axonal: 1 ms, dendritic: 2 ms}, w_max: 0.08 pA,
       plasticity: {rule: three_factor, a_plus: 0.3, a_minus: 0.1, rate: 5 Hz, modulator: dopamine}}
  striatal: {pre: given, post: e, connect: {rule: all_to_all}, synapse: current_exp, weight: 0.04 pA, delay: {axonal: 1 ms, dendritic: 2 ms}, w_max: 0.08 pA,
       plasticity: {rule: d2_stdp, a_plus: 0.3, rate: 5 Hz, threshold: 0.01, modulator: receptor}}
  scaled: {pre: given, post: e, connect: {rule: all_to_all}, synapse: current_exp, weight: 0.04 pA, delay: {axonal: 1 ms, dendritic: 2 ms}, w_max: 0.08 pA,
       plasticity: {rule: stdp_pair, a_plus: 0.05, a_minus: 0.04, pairing: nearest_symmetric, modulator: dopamine}}
  waits: {pre: given, post: e, connect: {rule: all_to_all}, synapse: current_exp, weight: 0.04 pA, delay: {axonal: 1 ms, dendritic: 2 ms}, w_max: 0.08 pA,
       plasticity: {rule: stdp_triplet, a2_plus: 0.05, a3_plus: 0.05, modulator: dopamine, eligibility: {decay: 200 ms, rise: 20 ms, rate: 20 Hz}}}
  owns: {pre: given, post: e, connect: {rule: all_to_all}, synapse: current_exp, weight: 0.04 pA, delay: {axonal: 1 ms, dendritic: 2 ms}, w_max: 0.08 pA,
       plasticity: [{rule: own}, {rule: stdp_symmetric, a_plus: 0.02}]}
stimuli:
  given: {kind: spikes, target: given, times: {0: [1 ms, 50 ms, 51 ms, 120 ms, 260 ms, 398.8 ms], 1: [1 ms, 20 ms, 33 ms, 70 ms, 122 ms, 398.8 ms], 2: [0.3 ms, 0.4 ms, 250 ms, 398.8 ms], 3: [0.5 ms, 300 ms, 398.8 ms], 4: [0.2 ms, 100 ms, 200 ms, 299 ms, 310 ms, 398.8 ms]}}
  on: {kind: current, target: e, amplitude: 385 pA}
  rewards: {kind: spikes, target: reward, times: {0: [60 ms, 130 ms, 370 ms], 1: [60 ms, 190.5 ms]}}
"""


def test_rules_that_wait_for_modulators_are_described_in_nestml(written):
    """Each synapse keeps the level of its modulator; a volume transmitter tells it of the spikes that release it."""
    folder = written(GATED, nestml=True)
    models = (folder / "models.nestml").read_text(encoding="utf-8")
    three, striatal, scaled, waits, owns = re.split(r"^model .*_synapse:$", models, flags=re.M)[1:]

    assert lines(folder, "transmit(") == [
        "transmit('three', ['reward'], 1, patient=True)",
        "transmit('striatal', ['reward'], 20, patient=True)",
        "transmit('scaled', ['reward'], 1, patient=True)",
        "transmit('waits', ['reward'], 1, patient=True)",
        "transmit('owns', [], 1, patient=True)",  # which only hears of ends of phases
    ]
    assert "shared_dopamine_level += (0.5 * shared_dopamine_amplitude)" in three
    assert "_w real = ((dt * (" in three
    assert "while until < end - 0.5*dt:" in three
    assert "shared_receptor_level = " in striatal
    assert "(shared_dopamine_level - shared_dopamine_baseline)" in scaled
    assert "stdp_triplet_early_eligibility += " in waits
    assert "stdp_symmetric_pre_trace += 1.0" in owns  # after the other rule of the pathway
    build = (folder / "build.py").read_text(encoding="utf-8")
    assert "'vt_ports': ['told_spikes']" in build
    assert "vt_spikes[ vt_spikes_idx_ ].multiplicity_" in build


def test_a_rule_that_waits_for_two_modulators_is_told(written):
    with pytest.raises(CircuitError) as told:
        written(
            GATED.replace("rate: 5 Hz, modulator: dopamine", "modulator: dopamine*receptor"),
            nestml=True,
        )

    (problem,) = told.value.problems
    assert problem.message.startswith("three_factor: waits for dopamine and receptor at once")


@pytest.mark.parametrize(("change", "told"), [
    (("fatigue += 0.3", "fatigue += 0.3*poisson(1)"), "curved: NESTML has no function 'poisson'"),
    (("sin(x)", "sin(t/ms)"), "curved: NESTML has no 't'"),
    (("[tsodyks_markram, current_exp]", "[dse, current_exp]"), "dse: no synapse of NEST scales its spikes like that"),
])  # fmt: skip
def test_what_nestml_has_not_is_told(written, change, told):
    text = DESCRIBED.replace(*change)
    with pytest.raises(CircuitError) as error:
        written(text, nestml=True)

    assert told in str(error.value)


def output(folder, spikes, processes=1, rank=0):
    """What the program would write: spikes by population, as (times in ms, neurons)."""
    (folder / "output").mkdir(exist_ok=True)
    with h5py.File(folder / "output" / f"spikes_{rank}.h5", "w") as h5:
        h5.attrs.update({"processes": processes, "synapses": 7})
        for name in ("given", "e", "i", "a"):
            times, neurons = spikes.get(name, ([], []))
            h5[f"spikes/{name}/timestamps"] = np.array(times, float)
            h5[f"spikes/{name}/node_ids"] = np.array(neurons, "u8")


def test_the_output_is_a_run(written):
    folder = written(EXACT)
    output(folder, {"e": ([1.0, 0.5, 400.0], [3, 79, 3])}, 2)
    output(folder, {"e": ([2.0], [4]), "a": ([7.0], [0])}, 2, 1)

    run = thalia.Run(folder)

    assert run.spikes["e"].times.tolist() == [0.0005, 0.001, 0.002, 0.4]
    assert run.spikes["e"].neurons.tolist() == [79, 3, 4, 3]
    assert run.rates == {"given": 0.0, "e": 4 / 80 / 0.5, "i": 0.0, "a": 1 / 20 / 0.5}
    assert (run.results["backend"], run.results["synapses"], run.results["neurons"]) == (
        "nest",
        14,
        123,
    )
    figure = command("plot", "raster", folder, "-o", "raster.png", folder=folder.parent)
    assert figure.returncode == 0, figure.stderr

    output(folder, {"e": ([1.0], [3])}, 2)
    assert len(thalia.Run(folder).spikes["e"].times) == 2  # it has run anew


def test_a_program_that_has_not_run_or_left_files_is_told(written):
    folder = written(EXACT)
    with pytest.raises(CircuitError, match=r"circuit: its program has not run"):
        thalia.Run(folder)
    output(folder, {}, 3)
    with pytest.raises(CircuitError, match="has the spikes of 1 processes, expected 3"):
        thalia.Run(folder)
    with pytest.raises(CircuitError, match="is a folder, expected a run file"):
        thalia.Run(folder.parent)


def without_processes(h5):
    del h5.attrs["processes"]


def elsewhere(h5):
    del h5["spikes/e"]
    h5["spikes/e"] = h5py.ExternalLink("other.h5", "/spikes/e")


def too_few(h5):
    del h5["spikes/e/node_ids"]
    h5["spikes/e/node_ids"] = np.zeros(0, "u8")


@pytest.mark.parametrize(
    ("spikes", "change", "told"),
    [
        ({}, without_processes, r"spikes_0\.h5: is no output of the program"),
        ({}, elsewhere, r"spikes/e/timestamps: expected numbers in one dimension"),
        ({"e": ([1.0], [0])}, too_few, "spikes/e: expected a finite time for each neuron"),
        ({"e": ([np.nan], [0])}, None, "spikes/e: expected a finite time for each neuron"),
        ({"e": ([1.0], [80])}, None, "spikes/e: expected neurons from 0 to 79"),
        ({"e": ([500.0], [0])}, None, "spikes/e: expected times from 0 to 500 ms"),
    ],
)
def test_output_that_the_program_does_not_write_is_told(written, spikes, change, told):
    folder = written(EXACT)
    output(folder, spikes)
    if change:
        with h5py.File(folder / "output" / "spikes_0.h5", "r+") as h5:
            change(h5)

    with pytest.raises(CircuitError, match=told):
        thalia.Run(folder)


REFUSED = """
thalia: 1
name: refused
duration: 1 s
populations:
  e: {neuron: latency, size: 2}
  c: {neuron: lif_conductance, size: 2}
pathways:
  n: {pre: e, post: c, connect: {rule: all_to_all}, synapse: nmda, weight: 1 nS, delay: 1 ms}
  t: {pre: c, post: c, connect: {rule: all_to_all}, synapse: ampa, weight: 1 nS, delay: 1 ms, plasticity: {rule: bcm}}
stimuli:
  s: {kind: poisson_sine, target: c, rate: 8 Hz, synapse: ampa, weight: 1 nS}
  p: {kind: current, target: {population: c, neurons: "0:1"}, amplitude: 1 pA}
"""
REASONS = """\
refused.yaml:6:7: populations.e.neuron: latency: NEST has no cell like it here
    hint: --nestml; those that have one: lif_current, lif_conductance, adex, hodgkin_huxley, izhikevich, poisson, spike_source
refused.yaml:9:53: pathways.n.synapse: nmda: no synapse of NEST's cells is like it
    hint: --nestml; those that are: delta, current_exp, current_alpha, ampa, gaba_a, tsodyks_markram
refused.yaml:10:95: pathways.t.plasticity: bcm: no plastic synapse of NEST is like it here
    hint: --nestml; those that have one: stdp_pair, stdp_triplet, stdp_inhibitory, stdp_power_law, dopamine_stdp
refused.yaml:12:3: stimuli.s: poisson_sine: is not exported
    hint: poisson, poisson_pulses, current, spikes are
refused.yaml:13:3: stimuli.p: numbers over time, or for some of the neurons
    hint: one number for a population
5 problems
"""


@pytest.mark.parametrize("arguments", [
    ("check", "refused.yaml", "--for", "nest"),
    ("export", "refused.yaml", "--to", "nest"),
])  # fmt: skip
def test_what_nest_has_not_is_told_all_at_once(tmp_path, arguments):
    (tmp_path / "refused.yaml").write_text(REFUSED)

    done = command(*arguments, folder=tmp_path)

    assert (done.returncode, done.stderr) == (2, REASONS)
    assert not (tmp_path / "refused_nest").exists()


NEURONAL = """
thalia: 1
name: neuronal
duration: 1 s
populations:
  e: {neuron: lif_current, size: 4}
  vta: {neuron: poisson, size: 3, parameters: {rate: 5 Hz}}
modulators:
  dopamine: {kind: first_order, released_by: vta}
  lasting: {kind: two_stage, released_by: vta}
  rises: {kind: follower, input: dopamine*(1 - lasting)}
pathways:
  a: {pre: e, post: e, connect: {rule: all_to_all}, synapse: current_exp, weight: 1 pA, delay: 1 ms, w_max: 2 pA, plasticity: {rule: bcm}}
  b: {pre: e, post: e, connect: {rule: all_to_all}, synapse: current_exp, weight: 1 pA, delay: 1 ms, w_max: 2 pA, plasticity: {rule: stdp_calcium}}
  c: {pre: e, post: e, connect: {rule: all_to_all}, synapse: current_exp, weight: 1 pA, delay: 1 ms, w_max: 2 pA, plasticity: {rule: three_factor, modulator: dopamine*lasting}}
  d: {pre: e, post: e, connect: {rule: all_to_all}, synapse: current_exp, weight: 1 pA, delay: 1 ms, w_max: 2 pA, plasticity: {rule: three_factor, modulator: lasting}}
"""
NEURONAL_REASONS = """\
neuronal.yaml:11:3: modulators.rises: not a modulator of NEST, in which spikes are all that releases one
    hint: `released_by` alone has a counterpart
neuronal.yaml:13:115: pathways.a.plasticity: bcm: keeps state in the neuron, or reads it, for which NESTML has no synapse here
neuronal.yaml:14:115: pathways.b.plasticity: stdp_calcium: acts later than a spike, for which NESTML has no synapse here
neuronal.yaml:15:115: pathways.c.plasticity: three_factor: waits for dopamine and lasting at once, for which NESTML has no synapse here
4 problems
"""


@pytest.mark.parametrize("arguments", [
    ("check", "neuronal.yaml", "--for", "nest", "--nestml"),
    ("export", "neuronal.yaml", "--to", "nest", "--nestml"),
])  # fmt: skip
def test_what_nestml_has_not_is_told_all_at_once(tmp_path, arguments):
    """A modulator that follows an expression of others, and rules that need more than spikes; not the last."""
    (tmp_path / "neuronal.yaml").write_text(NEURONAL)

    done = command(*arguments, folder=tmp_path)

    assert (done.returncode, done.stderr) == (2, NEURONAL_REASONS)
    assert not (tmp_path / "neuronal_nest").exists()


MODULATED = """
thalia: 1
name: modulated
duration: 1 s
phases:
  - {name: early, duration: 0.5 s, modulators: {spikes: {tau: 300 ms}}}
  - {name: late, duration: 0.5 s}
populations:
  e: {neuron: lif_current, size: 2, modulation: {tau_m: tau_m*(1 + spikes)}}
  f: {neuron: lif_current, size: 3}
modulators:
  spikes: {kind: first_order, released_by: [e, f]}
  scheduled: {kind: first_order, schedule: {at: 100 ms}}
  follows: {kind: follower, input: spikes}
pathways:
  r: {pre: e, post: f, connect: {rule: all_to_all}, synapse: current_exp, weight: 1 pA, delay: 1 ms, release: 1 + spikes}
  s: {pre: e, post: f, connect: {rule: all_to_all}, synapse: current_exp, weight: 1 pA, delay: 1 ms, w_max: 2 pA,
      plasticity: {rule: dopamine_stdp, modulator: spikes - follows}}
  p: {pre: e, post: f, connect: {rule: all_to_all}, synapse: current_exp, weight: 1 pA, delay: 1 ms, w_max: 2 pA,
      plasticity: {rule: stdp_pair, modulator: spikes}}
"""


def test_modulators_that_nest_has_not_are_told_all_at_once(written):
    with pytest.raises(CircuitError) as told:
        written(MODULATED)

    assert [f"{'.'.join(map(str, each.path))}: {each.message}" for each in told.value.problems] == [
        "phases.0.modulators: parameters that change in phases",
        "populations.e.modulation: NEST has no modulated cells",
        "modulators.spikes: released by populations of several sizes",
        "modulators.scheduled: not a modulator of NEST, in which spikes are all that releases one",
        "modulators.follows: not a modulator of NEST, in which spikes are all that releases one",
        "pathways.r.release: NEST has no modulated release",
        "pathways.s.plasticity: dopamine_stdp with an expression of modulators: NEST's has one that spikes release",
        "pathways.p.plasticity: a rule that a modulator scales, or that waits for one",
    ]


def test_a_phase_without_the_learning_of_dopamine_is_told(written):
    """NEST would go on to turn the eligibility that is left into weight."""
    text = PLASTIC.replace("RULE", "rule: dopamine_stdp, modulator: dopamine")
    text = text.replace(
        "duration: 400 ms",
        "phases: [{name: on, duration: 200 ms}, {name: off, duration: 200 ms, plasticity: off}]",
    )

    with pytest.raises(
        CircuitError, match=r"pathways\.in\.plasticity: a phase without it, in which"
    ):
        written(text)


def test_dopamine_that_nest_delivers_late_is_told(written):
    """1.1 ms less the axonal 1 ms is the least delay; without its own delay it is a step, and late."""
    text = PLASTIC.replace("RULE", "rule: dopamine_stdp, modulator: dopamine")
    in_time = written(text)
    assert not any("its modulator acts" in each for each in written.remarks)
    assert lines(in_time, "transmit") == ["transmit('in', ['reward'], 1)"]

    written(text.replace(", delay: 1.1 ms}", "}"), "late")
    assert (
        "in: its modulator acts 1 ms later than in Thalia, relative to presynaptic spikes, "
        "whose axons have no delay in NEST"
    ) in written.remarks


def test_a_spike_in_the_first_step_is_told(written):
    with pytest.raises(
        CircuitError, match=r"stimuli\.given: a spike in the first step, which a gen"
    ):
        written(EXACT.replace("[1 ms, 50 ms", "[0 ms, 50 ms"))


def test_methods_that_are_not_taken_over_are_told(written):
    written(
        EXACT.replace(
            "{neuron: lif_conductance, size: 20}",
            "{neuron: lif_conductance, size: 20, method: rk4}",
        )
    )

    assert "a: `method` and `substeps` are Thalia's; NEST's cells have their own" in written.remarks


def test_weights_that_follow_places_are_not_drawn_by_nest(written):
    """One number would stand for all of them."""
    text = EXACT.replace(
        "  a: {neuron: lif_conductance, size: 20}",
        "  a: {neuron: lif_conductance, size: 20, space: {extent: [1 mm]}}",
    )
    text = text.replace(
        "  i: {neuron: lif_current, size: 20,",
        "  i: {neuron: lif_current, size: 20, space: {extent: [1 mm]},",
    )
    folder = written(
        text.replace("weight: 3 nS", 'weight: "3 nS * exp(-distance/(200*um))"'),
        connectivity="statistical",
    )

    assert not [line for line in lines(folder, "draw") if "'ia'" in line]
    assert [line for line in lines(folder, "connect") if "'ia'" in line]
    assert "ia: the same synapses as in Thalia, since NEST has no such rule" in written.remarks


def test_signs_and_distributions_without_width_are_drawn(written):
    """A conductance that inhibits has a negative weight in NEST."""
    text = EXACT.replace(
        "weight: 3 nS, delay: 1 ms",
        'weight: "lognormal(3 nS, 1 nS, max=9 nS)", delay: "uniform(1 ms, 1 ms)"',
    )
    folder = written(text, connectivity="statistical")

    (drawn,) = (line for line in lines(folder, "draw") if "'ia'" in line)
    assert drawn.endswith("weight=-lognormal(3.0, 1.0, high=9.0), delay=1.0)")


@pytest.mark.parametrize(("arguments", "message"), [
    (("-o", "."), ".: exists already"),
    (("--overwrite",), "--overwrite: a program for NEST is never replaced"),
    (("--connectivity", "like"), "--connectivity: expected same or statistical, found 'like'"),
    (("--scale", "0"), "--scale: expected a fraction above 0 and up to 1, found 0"),
    (("--seed", "-1"), "--seed: expected a whole number from 0 to 2^63 - 1, found -1"),
])  # fmt: skip
def test_options_are_checked(tmp_path, arguments, message):
    (tmp_path / "exact.yaml").write_text(EXACT)

    done = command("export", "exact.yaml", "--to", "nest", *arguments, folder=tmp_path)

    assert done.returncode == 2
    assert message in done.stderr


@pytest.mark.parametrize(("arguments", "message"), [
    (("export", "run.h5", "--to", "nwb", "--seed", "3"), "--seed: is for --to nest\n    hint: leave it out\n"),
    (("check", "exact.yaml", "--nestml"), "--nestml: is for --for nest\n    hint: leave it out\n"),
    (("export", "exact.yaml", "--to", "nset"), "no format is called 'nset'\n    hint: did you mean 'nest'? Known: graphml, neo, nest, nwb, rocrate, sonata\n"),
])  # fmt: skip
def test_options_of_nest_are_for_nest(tmp_path, arguments, message):
    (tmp_path / "exact.yaml").write_text(EXACT)

    done = command(*arguments, folder=tmp_path)

    assert (done.returncode, done.stderr) == (2, message)


def test_the_first_seed_is_a_seed(tmp_path):
    """And not the one of the file, which is 3."""
    (tmp_path / "exact.yaml").write_text(EXACT)

    command("export", "exact.yaml", "--to", "nest", "--seed", "0", "-o", "nest", folder=tmp_path)

    assert (
        'add_argument("--seed", type=int, default=1)' in (tmp_path / "nest" / "run.py").read_text()
    )


def run_nest(folder, *options, before=()):
    pytest.importorskip("nest")
    shutil.rmtree(folder / "output", ignore_errors=True)
    (folder / "run.h5").unlink(missing_ok=True)
    done = subprocess.run(
        [*before, sys.executable, "run.py", *options],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"},
    )
    assert done.returncode == 0, done.stderr
    return thalia.Run(folder)


def weights_of_nest(folder, pathway="in"):
    """The last weights of a pathway, in the order of sources and then targets."""
    columns = ("source", "target", "weight")
    parts = []
    for file in sorted((folder / "output").iterdir()):
        with h5py.File(file) as h5:
            parts.append([h5[f"weights/{pathway}"][key][:] for key in columns])
    source, target, weight = map(np.concatenate, zip(*parts, strict=True))
    return weight[np.lexsort((target, source))]


def nest_has_mpi():
    asked = "import nest; print(nest.build_info['have_mpi'])"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    return done.stdout.split()[-1] == "True"


def in_order(trains):
    return {
        name: sorted(zip(times.round(9).tolist(), neurons.tolist(), strict=True))
        for name, (times, neurons) in trains.items()
    }


@pytest.fixture
def here(tmp_path):
    def run(name, **options):
        return thalia.run(
            tmp_path / f"{name}.yaml",
            output=tmp_path / f"{name}.h5",
            backend="runtime",
            progress=False,
            **options,
        )

    return run


@pytest.mark.peer
def test_spikes_of_izhikevich_cells_are_those_of_thalia_by_the_same_method(written, here):
    there, mine = run_nest(written(CURVED)), here("circuit")

    assert there.spikes["r"].times == pytest.approx(mine.spikes["r"].times, abs=1e-9)
    assert there.spikes["r"].neurons.tolist() == mine.spikes["r"].neurons.tolist()
    assert len(mine.spikes["r"].times) > 50


@pytest.mark.peer
def test_spikes_of_potentials_that_jump_are_those_of_thalia(written, here):
    """NEST compares a potential with the threshold at once, Thalia a step later, 4 % lower at 0.5 ms."""
    there, mine = run_nest(written(JUMPING)), here("circuit")

    found = {name: (train.times, train.neurons) for name, train in there.spikes.items()}
    expected = {name: (train.times, train.neurons) for name, train in mine.spikes.items()}
    assert in_order(found) == in_order(expected)
    assert min(len(expected[name][0]) for name in "eix") > 100


@pytest.mark.peer
@pytest.mark.parametrize("threads", [1, 3])
def test_spikes_are_those_of_thalia_where_methods_are_the_same(written, here, threads):
    there, mine = run_nest(written(EXACT), "--threads", threads.__str__()), here("circuit")

    times = [(there.spikes[name].times, mine.spikes[name].times) for name in mine.spikes]
    assert [len(a) for a, _ in times] == [len(b) for _, b in times]
    assert sum(len(a) for a, _ in times) > 1000
    assert max(np.abs(a - b).max() for a, b in times) < 1e-9
    assert [there.spikes[n].neurons.tolist() for n in mine.spikes] == [
        mine.spikes[n].neurons.tolist() for n in mine.spikes
    ]


def run_described(folder):
    """A run of a program with models of NESTML, which are compiled here."""
    pytest.importorskip("pynestml")
    build = [sys.executable, "build.py"]
    path = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
    built = subprocess.run(
        build,
        cwd=folder,
        capture_output=True,
        text=True,
        env=os.environ | {"PATH": path},
        check=False,
    )
    assert (folder / "thaliamodule.so").exists(), built.stdout + built.stderr
    return run_nest(folder)


@pytest.mark.peer
def test_spikes_of_cells_in_nestml_are_those_of_thalia(written, here):
    """The step is the same, statement by statement."""
    there, mine = run_described(written(DESCRIBED, nestml=True)), here("circuit")

    found = {name: (train.times, train.neurons) for name, train in there.spikes.items()}
    expected = {name: (train.times, train.neurons) for name, train in mine.spikes.items()}
    assert in_order(found) == in_order(expected)
    assert min(len(expected[name][0]) for name in "rbc") > 20


@pytest.mark.peer
def test_weights_of_rules_in_nestml_are_those_of_thalia(written, here):
    """Delays as NEST has them: the dendritic one is twice the axonal one."""
    folder = written(LEARNED, nestml=True)
    run_described(folder)
    mine = here("circuit")

    for_each = {
        name: (weights_of_nest(folder, name), mine.weights[name].w[-1])
        for name in ("in", "two", "three")
    }
    found, expected = (np.concatenate(each) for each in zip(*for_each.values(), strict=True))
    assert found == pytest.approx(expected, abs=1e-12)
    assert min(weights.std() / weights.mean() for _, weights in for_each.values()) > 0.01


@pytest.mark.peer
def test_weights_of_rules_that_wait_for_modulators_are_those_of_thalia(written, here):
    """In three phases, of which the second is without learning; two rewards come in one step.

    A presynaptic spike reaches the synapse after its axon in Thalia, so that time there is 1 ms later.
    """
    folder = written(GATED, nestml=True)
    run_described(folder)
    text = GATED.replace("duration: 200 ms}", "duration: 201 ms}")
    (folder.parent / "later.yaml").write_text(text)
    mine = here("later")

    for_each = {
        name: (weights_of_nest(folder, name), mine.weights[name].w[-1])
        for name in ("three", "striatal", "scaled", "waits", "owns")
    }
    found, expected = (np.concatenate(each) for each in zip(*for_each.values(), strict=True))
    assert found == pytest.approx(expected, abs=1e-12)
    assert min(weights.std() / weights.mean() for _, weights in for_each.values()) > 0.001


@pytest.mark.peer
@pytest.mark.parametrize("rule", [
    *(f"rule: stdp_pair, a_plus: 0.05, a_minus: 0.06, mu_plus: 0.5, pairing: {pairing}"
      for pairing in ("all_to_all", "nearest_symmetric", "nearest_pre_centred", "nearest_restricted")),
    "rule: stdp_triplet, preset: hippocampus, a2_plus: 0.05",
    "rule: stdp_inhibitory, eta: 0.05, alpha: 0.3",
    "rule: stdp_power_law, rate: 0.2, alpha: 0.5, reference: 0.3",
])  # fmt: skip
def test_weights_are_those_of_thalia(written, here, rule):
    """The dendritic delay is twice the axonal one, as NEST has it; the weights are too small to be felt.

    Sources fire before any cell does: nearest pairings of NEST begin as if there were a spike at time 0.
    """
    folder = written(PLASTIC.replace("RULE", rule))
    run_nest(folder)

    expected = here("circuit").weights["in"].w[-1]
    found = weights_of_nest(folder)
    assert found == pytest.approx(expected, abs=1e-12)
    assert found.std() > 0.001


@pytest.mark.peer
@pytest.mark.parametrize("modulator", ["dopamine", "tonic, tau_eligibility: 100 ms"])
def test_weights_that_wait_for_dopamine_are_those_of_thalia(written, here, modulator):
    """NEST integrates in closed form; Thalia steps the product of two exponentials, to first order in dt.

    A presynaptic spike reaches the synapse after its axon in Thalia, so that time there is 1 ms later.
    """
    folder = written(
        PLASTIC.replace(
            "RULE", f"rule: dopamine_stdp, a_plus: 0.1, a_minus: 0.05, modulator: {modulator}"
        )
    )
    run_nest(folder)

    change = here("circuit", duration="401 ms").weights["in"].w[-1] - 0.04
    found = weights_of_nest(folder) - 0.04
    assert np.abs(change).max() > 0.01
    assert found == pytest.approx(change, abs=2e-3 * np.abs(change).max())


@pytest.mark.peer
def test_processes_give_the_spikes_and_weights_of_as_many_threads(written):
    """Two processes of one thread are as two threads of one process: virtual processes decide."""
    folder = written(
        PLASTIC.replace("RULE", "rule: dopamine_stdp, modulator: dopamine, a_plus: 0.1")
        + "  noise: {kind: poisson, target: e, rate: 400 Hz, weight: 90 pA}\n"
    )
    threads, weights = run_nest(folder, "--threads", "2"), weights_of_nest(folder)
    spikes = {name: (train.times, train.neurons) for name, train in threads.spikes.items()}
    if not nest_has_mpi():
        pytest.skip("this NEST was built without MPI")  # as its wheel is; docs/nest.md builds one
    processes = run_nest(folder, before=("mpirun", "-n", "2", "--oversubscribe"))

    assert sorted(each.name for each in (folder / "output").iterdir()) == [
        "spikes_0.h5",
        "spikes_1.h5",
    ]
    found = {name: (train.times, train.neurons) for name, train in processes.spikes.items()}
    assert len(found["e"][0]) > 50
    assert in_order(found) == in_order(spikes)
    assert weights_of_nest(folder) == pytest.approx(weights, abs=0)


@pytest.mark.peer
def test_short_term_plasticity_is_that_of_thalia(written, here):
    text = """
thalia: 1
name: tired
duration: 400 ms
populations: {given: {neuron: spike_source, size: 2}, e: {neuron: lif_current, size: 2}}
pathways:
  in: {pre: given, post: e, connect: {rule: one_to_one}, synapse: [SYNAPSE, current_exp], weight: 4 nA, delay: 1 ms}
stimuli:
  given: {kind: spikes, target: given, times: {0: [1 ms, 11 ms, 21 ms, 31 ms, 300 ms], 1: [5 ms, 7 ms, 30 ms, 31 ms, 60 ms]}}
  on: {kind: current, target: e, amplitude: 380 pA}
""".replace("SYNAPSE", "{part: tsodyks_markram, preset: facilitating}")
    there, mine = run_nest(written(text)), here("circuit")

    assert there.spikes["e"].times == pytest.approx(mine.spikes["e"].times, abs=1e-9)
    assert len(mine.spikes["e"].times) > 15


@pytest.mark.peer
@pytest.mark.reference
@pytest.mark.parametrize(
    ("name", "scale", "duration"),
    [("brunel", 0.2, "2 s"), ("coba", None, "1 s"), ("cortex", 0.1, "2 s")],
)
@pytest.mark.parametrize("connectivity", ["same", "statistical"])
def test_rates_and_irregularity_are_within_the_spread_over_seeds(
    tmp_path, name, scale, duration, connectivity
):
    """Cortex without its plasticity: five seeds of Thalia, and one of NEST within four standard deviations."""
    settings = {"pathways.thalamocortical.plasticity": "[]"} if name == "cortex" else {}
    file = ROOT / "circuits" / f"{name}.yaml"
    write_program(
        file,
        tmp_path / "nest",
        scale=scale,
        duration=duration,
        connectivity=connectivity,
        set=settings,
    )
    there = run_nest(tmp_path / "nest", "--threads", "2")
    mine = [
        thalia.run(
            file,
            scale=scale,
            duration=duration,
            seed=seed,
            set=settings,
            output=tmp_path / f"{seed}.h5",
            progress=False,
        )
        for seed in range(1, 6)
    ]

    for kind in ("rates_hz", "cv_isi"):
        for population, value in there.results[kind].items():
            values = np.array([run.results[kind][population] for run in mine], float)
            print(name, kind, population, value, values.mean(), values.std(ddof=1))
            assert abs(value - values.mean()) <= 4 * values.std(ddof=1) + 0.02 * values.mean()
