"""A drive is the weight whose mean current is a share of the rheobase, and a gain multiplies what excites."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

import thalia
from thalia.compiler.expand import expand
from thalia.compiler.pipeline import compile_circuit
from thalia.library import lookup
from thalia.library.schema import Neuron
from thalia.syntax.drive_weights import DriveTarget, parse_weight
from thalia.syntax.equations import evaluate
from thalia.syntax.units import si_unit
from thalia.toolchain.compiler import find_compiler

CIRCUIT = """
thalia: 1
name: driven
duration: 2 s
dt: 0.1 ms
populations:
  pre: {{neuron: poisson, size: 400, parameters: {{rate: {rate} Hz}}}}
  post: {{neuron: {neuron}, size: 50{parameters}}}
pathways:
  p: {{pre: pre, post: post, connect: {{rule: fixed_indegree, number: 50}}, synapse: {synapse}, weight: "{weight}", delay: 1 ms}}
"""


def loaded(
    neuron="lif_conductance", synapse="ampa", weight="drive(0.5, 8 Hz)", rate=8, parameters=""
):
    return thalia.loads(
        CIRCUIT.format(
            neuron=neuron, synapse=synapse, weight=weight, rate=rate, parameters=parameters
        )
    )


def weight_of(circuit):
    return next(pathway.weight for _, pathway in thalia.plan_of(circuit).pathways())


@pytest.mark.parametrize(
    ("neuron", "synapse", "weight", "expected"),
    [
        ("lif_conductance", "ampa", "drive(0.5, 8 Hz)", 0.5 * 100e-12 / (50 * 8 * 5e-3 * 50e-3)),
        ("lif_conductance", "gaba_a", "drive(-0.5, 8 Hz)", 0.5 * 100e-12 / (50 * 8 * 10e-3 * 30e-3)),
        ("lif_current", "current_exp", "drive(-0.5, 8 Hz)", -0.5 * 375e-12 / (50 * 8 * 0.5e-3)),
        ("lif_current", "delta", "drive(2, 8 Hz)", 2 * 15e-3 / (50 * 8 * 10e-3)),  # J K r tau = 2 (theta - E)
        ("lif_conductance", "[{part: tsodyks_markram, baseline: 0.5, tau_rec: 800 ms}, ampa]", "drive(0.5, 10 Hz)",
         0.5 * 100e-12 / (50 * 10 * 5e-3 * 50e-3) * (1 + 0.5 * 10 * 0.8) / 0.5),
    ],
)  # fmt: skip
def test_a_weight_is_the_closed_form(neuron, synapse, weight, expected):
    """Share x rheobase / (in-degree x rate x area of a spike x distance to reversal x efficacy), by hand."""
    assert weight_of(loaded(neuron, synapse, weight)).mean == pytest.approx(expected, rel=1e-4)


SHARES = {"below": 0.7, "above": 1.4}
DRIVING = {
    "ampa": "ampa",
    "nmda": "nmda",
    "depressing": "[{part: tsodyks_markram, baseline: 0.2, tau_rec: 200 ms}, ampa]",
}
AROUND_ONE = """
thalia: 1
name: around_one
duration: 2 s
dt: 0.1 ms
populations: {{pre: {{neuron: poisson, size: 400, parameters: {{rate: 50 Hz}}}}, {populations}}}
pathways: {{{pathways}}}
"""


@pytest.fixture(scope="module")
def around_one(tmp_path_factory):
    """Populations below and above a drive of one through each kind of synapse, all with the same inputs.

    Many weak inputs, so that the mean decides and not the noise: 20,000 spikes a second, each of a nine hundredth of a drive.
    """
    populations, pathways = [], []
    for kind, synapse in DRIVING.items():
        for side, share in SHARES.items():
            name = f"{kind}_{side}"
            populations.append(f"{name}: {{neuron: lif_conductance, size: 20}}")
            pathways.append(
                f"{name}: {{pre: pre, post: {name}, connect: {{rule: fixed_indegree, number: 400}}, synapse: {synapse},"
                f' weight: "drive({share}, 50 Hz)", delay: 1 ms}}'
            )
    text = AROUND_ONE.format(populations=", ".join(populations), pathways=", ".join(pathways))
    file = tmp_path_factory.mktemp("around_one") / "run.h5"
    return thalia.run(thalia.loads(text), backend="cpp", output=file)


@pytest.mark.parametrize("synapse", DRIVING)
@pytest.mark.parametrize(("side", "fires"), [("below", False), ("above", True)])
def test_below_a_drive_of_one_a_population_is_silent_and_above_it_fires(
    around_one, synapse, side, fires
):
    late = around_one.spikes[f"{synapse}_{side}"].times > 1  # at first nothing is depressed yet

    assert late.any() == fires


WITH_RHEOBASE = [
    name
    for name in lookup.names("neurons")
    if getattr(lookup.find("neurons", name)[0], "rheobase", None)
]


@pytest.fixture(scope="module")
def stepped(tmp_path_factory):
    """Two cells of each neuron, that receive three hundredths less and more than its rheobase."""
    populations, stimuli = [], []
    for neuron in WITH_RHEOBASE:
        part = lookup.find("neurons", neuron)[0]
        assert isinstance(part, Neuron)
        defaults = {name: parameter.default.mean for name, parameter in part.parameters.items()}
        current = 1e12 * evaluate(part.rheobase.current, defaults)
        for name, share in {f"below_{neuron}": 0.97, f"above_{neuron}": 1.03}.items():
            populations.append(f"  {name}: {{neuron: {neuron}, size: 1}}")
            stimuli.append(
                f"  {name}: {{kind: current, target: {name}, amplitude: {share * current} pA}}"
            )
    head = ["thalia: 1", "name: stepped", "duration: 1 s", "dt: 0.05 ms"]
    text = "\n".join([*head, "populations:", *populations, "stimuli:", *stimuli])
    file = tmp_path_factory.mktemp("stepped") / "run.h5"
    return thalia.run(thalia.loads(text), output=file, backend="cpp")


@pytest.mark.parametrize("neuron", WITH_RHEOBASE)
def test_a_neuron_fires_from_its_rheobase_on(stepped, neuron):
    """Silent at three hundredths below it, and firing at three hundredths above."""
    below, above = (stepped.spikes[f"{side}_{neuron}"].times for side in ("below", "above"))

    assert not (below > 0.1).any()  # a burst at onset
    assert (above > 0.1).any()


def test_a_spread_of_weights_is_lognormal_with_that_ratio():
    weight = weight_of(loaded(weight="drive(0.5, 8 Hz, cv=0.3)"))

    assert weight.kind == "lognormal"
    assert weight.arguments[1] / weight.arguments[0] == pytest.approx(0.3)


@given(
    st.floats(-10, 10).filter(lambda share: abs(share) > 1e-9),
    st.floats(1e-3, 1e3),
    st.just(0.0) | st.floats(1e-6, 10),
)
def test_a_drive_survives_writing_and_reading(share, rate, cv):
    assert parse_weight(str(DriveTarget(share, rate, cv))) == DriveTarget(share, rate, cv)


def test_a_circuit_with_drives_survives_writing_and_reading():
    circuit = loaded(weight="drive(0.5, 8 Hz, cv=0.3)")

    assert thalia.loads(thalia.dumps(circuit)) == circuit


GAINED = """
thalia: 1
name: gained
duration: 100 ms
populations:
  e: {neuron: lif_conductance, size: 50}
  i: {neuron: lif_conductance, size: 50}
pathways:
  out: {pre: e, post: [e, i], connect: {rule: all_to_all}, synapse: ampa, weight: 1 nS, delay: 1 ms, w_max: 3 nS, plasticity: [stdp_pair]}
  inhibit: {pre: i, post: e, connect: {rule: all_to_all}, synapse: gaba_a, weight: 1 nS, delay: 1 ms}
stimuli:
  drive: {kind: poisson, target: [e, i], rate: 100 Hz, weight: 0.5 nS}
gains: {e: 2}
"""


def test_a_gain_multiplies_what_excites_its_population_and_nothing_else():
    plan = thalia.plan_of(thalia.loads(GAINED))
    pathways = {pathway.name: pathway for _, pathway in plan.pathways()}
    weights = {name: pathway.weight.mean for name, pathway in pathways.items()}
    bounds = {name: pathway.w_max.mean for name, pathway in pathways.items() if pathway.w_max}
    stimuli = {
        member.population: member.weight.mean for drive in plan.drives for member in drive.members
    }

    assert weights == pytest.approx({"out.e_to_e": 2e-9, "out.e_to_i": 1e-9, "inhibit": 1e-9})
    assert bounds == pytest.approx({"out.e_to_e": 6e-9, "out.e_to_i": 3e-9})
    assert stimuli == pytest.approx({"e": 1e-9, "i": 0.5e-9})


def test_gains_may_stand_in_a_file_and_go_into_the_run_file(tmp_path):
    text = GAINED.replace("gains: {e: 2}", "gains: ./found.yaml")
    (tmp_path / "found.yaml").write_text("e: 2\n")
    (tmp_path / "circuit.yaml").write_text(text)
    circuit = thalia.load(tmp_path / "circuit.yaml")

    assert expand(circuit).gains == thalia.loads(GAINED).gains
    assert compile_circuit(circuit).files[str(tmp_path / "found.yaml")] == "e: 2\n"


REGION = """
summary: Cells that are known.
reference: {source: a book, ranges: {cells: [1 Hz, 5 Hz], others: [2 Hz, 6 Hz]}, pacemakers: [others]}
populations:
  cells: {neuron: lif_conductance, share: 0.5}
  others: {neuron: lif_conductance, share: 0.5}
"""


def test_what_a_region_says_of_its_rates_holds_unless_the_circuit_says_otherwise(tmp_path):
    (tmp_path / "known.yaml").write_text(REGION)
    (tmp_path / "circuit.yaml").write_text(
        "{thalia: 1, name: one, duration: 1 s, regions: {here: {template: ./known.yaml, size: 10}},"
        " reference: {source: a paper, ranges: {here.cells: [3 Hz, 4 Hz]}}}"
    )
    reference = expand(thalia.load(tmp_path / "circuit.yaml")).reference

    ranges = {name: (low.mean, high.mean) for name, (low, high) in reference.ranges.items()}
    assert ranges == {"here.cells": (3, 4), "here.others": (2, 6)}
    assert (reference.pacemakers, reference.source) == (("here.others",), "a paper; a book")


def test_a_circuit_whose_region_is_asynchronous_may_say_that_it_oscillates(tmp_path):
    claims = "{source: a book, asynchronous: [cells, others]}"
    (tmp_path / "known.yaml").write_text(re.sub("reference: .*", f"reference: {claims}", REGION))
    (tmp_path / "circuit.yaml").write_text(
        "{thalia: 1, name: one, duration: 1 s, regions: {here: {template: ./known.yaml, size: 10}},"
        " reference: {source: a paper, bands: {here.cells: gamma}}}"
    )
    reference = expand(thalia.load(tmp_path / "circuit.yaml")).reference

    assert reference.bands == {"here.cells": "gamma"}
    assert reference.asynchronous == ("here.others",)


CAPACITORS = """
thalia: 1
name: capacitors
duration: {duration} ms
dt: {dt} ms
populations: {{source: {source}, {populations}}}
pathways: {{{pathways}}}
{stimuli}
record: {{traces: {{{states}}}}}
"""
RECEPTORS = [
    name
    for name in lookup.names("synapses")
    if getattr(lookup.find("synapses", name)[0], "charge", "") and name != "delta"
]


def on_capacitors(synapses, weights, every, file, backend, **more):
    """What each kind of synapse brings to a capacitor of 100 nF that keeps its potential of -50 mV: volts over time, by name."""
    cell = "{neuron: lif_conductance, size: 1, parameters: {c_m: 1e5 pF, g_l: 1e-6 nS, e_l: -50 mV, v_th: 1000 mV}}"
    text = CAPACITORS.format(
        populations=", ".join(f"{name}: {cell}" for name in synapses),
        pathways=", ".join(
            f"{name}: {{pre: source, post: {name}, connect: {{rule: all_to_all}}, synapse: {synapse}, weight: {weights[name]}, delay: 1 ms}}"
            for name, synapse in synapses.items()
        ),
        states=", ".join(f"{name}: {{population: {name}, variables: [v], every: {every} ms}}" for name in synapses),
        **more,
    )  # fmt: skip
    run = thalia.run(thalia.loads(text), backend=backend, output=file, seed=3)
    return {name: run.traces[name]["v"][:, 0] for name in synapses}


@pytest.fixture(scope="module")
def charged(tmp_path_factory):
    """The potentials that one spike through each receptor leaves, of 1 nS or 100 pA, until nothing comes any more."""
    return on_capacitors(
        {name: name for name in RECEPTORS},
        {name: "100 pA" if is_current(name) else "1 nS" for name in RECEPTORS},
        duration=1000,
        dt=0.02,
        source='{neuron: spike_source, size: 1, excites_and_inhibits: "each synapse is tried here"}',
        stimuli="stimuli: {given: {kind: spikes, target: source, times: {0: [1 ms]}}}",
        every=100,
        file=tmp_path_factory.mktemp("charged") / "run.h5",
        backend="cpp" if find_compiler() else "runtime",
    )


def is_current(receptor):
    return si_unit(lookup.find("synapses", receptor)[0].weight) == "amp"


@pytest.mark.parametrize("receptor", RECEPTORS)
def test_a_charge_is_what_one_spike_brings(charged, receptor):
    part = lookup.find("synapses", receptor)[0]
    values = {name: parameter.default.mean for name, parameter in part.parameters.items()}
    w = 100e-12 if is_current(receptor) else 1e-9
    expected = evaluate(part.charge, values | {"w": w, "v": -0.05})

    v = charged[receptor]

    assert (v[-1] - v[0]) * 1e-3 * 1e-7 == pytest.approx(expected, rel=0.04)


RELEASES = {
    "depressing": "{part: tsodyks_markram, preset: depressing}",
    "facilitating": "{part: tsodyks_markram, preset: facilitating}",
    "prefrontal": "{part: tsodyks_markram, preset: prefrontal}",
    "fast": "{part: tsodyks_markram_baseline, baseline: 0.25, tau_rec: 150 ms, tau_fac: 20 ms}",
    "slow": "{part: tsodyks_markram_baseline, baseline: 0.1, tau_rec: 150 ms, tau_fac: 300 ms}",
}


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    """What 200 synapses bring at 10 Hz, without short-term plasticity and with each kind of it, from the same spikes."""
    found = on_capacitors(
        {"plain": "current_exp", **{name: f"[{release}, current_exp]" for name, release in RELEASES.items()}},
        dict.fromkeys(("plain", *RELEASES), "100 pA"),
        duration=6000,
        dt=0.25,
        source="{neuron: poisson, size: 200, parameters: {rate: 10 Hz}}",
        stimuli="",
        every=1000,
        file=tmp_path_factory.mktemp("released") / "run.h5",
        backend="cpp",
    )  # fmt: skip
    return {name: v[-1] - v[2] for name, v in found.items()}


@pytest.mark.parametrize("name", RELEASES)
def test_a_mean_efficacy_is_what_poisson_spikes_release(released, name):
    """Over what they bring without short-term plasticity; the closed form neglects correlations."""
    driven = loaded(synapse=f"[{RELEASES[name]}, ampa]", weight="drive(0.5, 10 Hz)")

    efficacy = weight_of(loaded(weight="drive(0.5, 10 Hz)")).mean / weight_of(driven).mean
    assert efficacy == pytest.approx(released[name] / released["plain"], rel=0.1)
