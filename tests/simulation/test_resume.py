"""A resumed run is the uninterrupted run, to the bit, wherever and however it was interrupted."""

import itertools
import re
import subprocess
import sys

import h5py
import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import thalia
from tests.rules import CELLS, SOURCES, STACKS
from thalia.compiler.pipeline import plan_of
from thalia.errors import CircuitError, FormerNameWarning
from thalia.library import lookup
from thalia.simulation.checkpoint import changed, derived, read_state
from thalia.simulation.diff import compare
from thalia.simulation.verify_resume import verify

RULES = lookup.names("plasticity")
TEXT = """
thalia: 1
name: pieces
duration: {duration}
seed: {seed}
neurons:
  erring:
    summary: A Poisson source with an error that follows its spikes.
    parameters: {{rate: {{default: 0 Hz, meaning: rate}}}}
    equations: "dsignal/dt = (0.3 - signal)/(20*ms) : 1"
    threshold: rand() < rate*dt
    reset: signal -= 1
  noisy:
    summary: A leaky neuron with white noise.
    parameters:
      tau_m: {{default: 10 ms, meaning: time constant}}
      c_m: {{default: 250 pF, meaning: capacitance}}
    equations: "dv/dt = (-65*mV - v)/tau_m + input_current/c_m + 3*mV*sqrt(2/tau_m)*xi : volt"
    threshold: v > -50*mV
    reset: v = -65*mV
    initial: {{v: -65 mV}}
populations:
  source: {{neuron: {source}, size: 12, parameters: {{rate: 150 Hz}}}}
  player: {{neuron: spike_source, size: 3}}
  cells: {{neuron: {neuron}, size: 6, initial: {{v: "uniform(-65 mV, -52 mV)"}}}}
modulators: {{m: {{kind: first_order, released_by: player, baseline: 0.3}}}}
pathways:
  p: {{pre: source, post: cells, connect: {{probability: 0.6}}, synapse: {synapse}, weight: "uniform(0.5 nA, 2 nA)",
       delay: {delay}, w_max: 3 nA, plasticity: {rules}}}
  q: {{pre: player, post: cells, connect: {{rule: all_to_all}}, synapse: delta, weight: 4 mV, delay: 1.7 ms}}
  r: {{pre: cells, post: cells, connect: {{probability: 0.4}}, synapse: {{part: current_exp, tau: 3 ms}}, weight: 100 pA,
       delay: "normal(3 ms, 1 ms, min=0.1 ms)"}}
stimuli:
  times: {{kind: spikes, target: player, times: {{0: [3 ms, 11 ms], 1: [17.3 ms], 2: [5 ms, 29 ms, 41 ms]}}}}
  noise: {{kind: poisson, target: cells, rate: 3 kHz, weight: 60 pA}}
  wave: {{kind: poisson_sine, target: cells, rate: 500 Hz, weight: 50 pA}}
phases: {phases}
record:
  weights: {{pathways: all, every: 24 ms}}
  traces: {{v: {{population: cells, variables: [v], every: 0.4 ms}}}}
"""
PHASES = ["[]", "[{name: one, duration: 13 ms, plasticity: off}, {name: two, duration: 37 ms}]"]


def text(rule="stdp_pair", delay="1.3 ms", synapse="current_exp", phases=0, seed=1):
    rules = STACKS.get(rule, f"[{rule}]")
    duration = "50 ms"
    return TEXT.format(
        duration=duration,
        seed=seed,
        source=SOURCES.get(rule, "poisson"),
        neuron=CELLS.get(rule, "lif_current"),
        synapse=synapse,
        delay=delay,
        rules=rules,
        phases=PHASES[phases],
    )


# each kind of state: of the synapse, of the neuron, at every step, beside a modulator, in a stack of rules, of the connectivity
KINDS = (
    "stdp_triplet",
    "bcm",
    "stdp_voltage",
    "d1_stdp",
    "tag_and_capture",
    "structural",
    "normalise",
    "predictive",
)


DELAYS = "{axonal: 1.3 ms, dendritic: 0.6 ms}"


def joined(rules):
    """One circuit in which each rule has cells and pathways of its own."""
    whole = yaml.safe_load(text())
    for part in ("populations", "pathways"):
        whole[part] = {}
    for rule in rules:
        one = yaml.safe_load(text(rule, delay=DELAYS))
        names = {"cells": f"cells_{rule}"}
        for name, population in one["populations"].items():
            whole["populations"][names.get(name, name)] = population
        for name, pathway in one["pathways"].items():
            ends = {side: names.get(pathway[side], pathway[side]) for side in ("pre", "post")}
            whole["pathways"][f"{name}_{rule}"] = pathway | ends
    cells = [f"cells_{rule}" for rule in rules]
    whole["stimuli"] |= {
        name: each | {"target": cells}
        for name, each in whole["stimuli"].items()
        if each["target"] == "cells"
    }
    whole["record"]["traces"]["v"]["population"] = cells[0]
    return thalia.loads(yaml.safe_dump(whole, sort_keys=False))


def test_every_kind_of_state_resumes_to_the_bit():
    """Traces, state in the neuron, spikes on their way, on the interpreted backend."""
    verdict = verify(joined(KINDS), backend="runtime", pieces=2)

    assert verdict.different == ()
    assert verdict.spikes > 30 * len(KINDS)


@pytest.mark.reference
@pytest.mark.parametrize("rule", RULES)
def test_every_rule_resumes_to_the_bit(rule):
    verdict = verify(thalia.loads(text(rule, delay=DELAYS)), backend="runtime", pieces=2)

    assert verdict.different == ()
    assert verdict.spikes > 50


@pytest.mark.parametrize("rule", ["stdp_triplet", "d1_stdp"])
def test_the_compiled_program_resumes_to_the_bit(rule):
    verdict = verify(
        thalia.loads(text(rule, delay='"uniform(0.5 ms, 6 ms)"', phases=1)), backend="cpp", pieces=4
    )

    assert verdict.different == ()
    assert "bit-identical" in verdict.text()


def test_single_precision_resumes_to_the_bit(tmp_path):
    """Synapses in single precision, everything else in double, and the file says so."""
    circuit = thalia.loads(text("d1_stdp"))
    whole = thalia.run(circuit, output=tmp_path / "whole.h5", backend="cpp", precision="single")

    thalia.run(
        circuit, output=tmp_path / "part.h5", backend="cpp", precision="single", duration="21 ms"
    )
    resumed = thalia.resume(tmp_path / "part.h5", for_="29 ms")

    with h5py.File(whole.file) as one, h5py.File(resumed.file) as other:
        states = [read_state(h5, whole.file).variables for h5 in (one, other)]
    assert changed(*states) == []
    assert states[0]["synapses_p.w"].dtype == np.float32
    assert states[0]["neurons_cells.v"].dtype == np.float64
    assert "synapses in single precision" in resumed.attributes["determinism"]


@given(
    rule=st.sampled_from(RULES), delay=st.sampled_from(["1.3 ms", '"uniform(0.5 ms, 6 ms)"', "{axonal: 2 ms, dendritic: 1 ms}"]),
    synapse=st.sampled_from(["current_exp", "[tsodyks_markram, current_exp]", "[dse, current_exp]"]),
    phases=st.integers(0, 1), pieces=st.integers(2, 6), seed=st.integers(0, 99),
)  # fmt: skip
@settings(max_examples=2, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_random_circuits_resume_to_the_bit(rule, delay, synapse, phases, pieces, seed):
    circuit = thalia.loads(text(rule, delay, synapse, phases, seed))

    assert verify(circuit, backend="runtime", pieces=pieces).different == ()


@pytest.mark.reference
@given(
    rule=st.sampled_from(RULES), seed=st.integers(0, 10_000), precision=st.sampled_from(["double", "single"]),
    neuron=st.sampled_from(["lif_current", "noisy", "izhikevich", "adex"]),
    delay=st.sampled_from(["1.3 ms", '"uniform(0.5 ms, 6 ms)"', "{axonal: 2 ms, dendritic: 1 ms}"]),
    synapse=st.sampled_from(["current_exp", "[tsodyks_markram, current_exp]", "[dse, current_exp]"]), phases=st.integers(0, 1),
    cuts=st.lists(st.integers(1, 499), min_size=1, max_size=4, unique=True), clock=st.sampled_from(["24 ms", "7.3 ms", "0.1 ms"]),
)  # fmt: skip
@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
def test_many_random_circuits_cut_anywhere_resume_to_the_bit(
    tmp_path_factory, rule, seed, precision, neuron, delay, synapse, phases, cuts, clock
):
    """Neurons with noise, every rule, delays, short-term plasticity, modulators, several stimuli and clocks; by hand."""
    given_text = text(rule, delay, synapse, phases, seed).replace("every: 24 ms", f"every: {clock}")
    if rule not in CELLS:
        given_text = given_text.replace(
            "neuron: lif_current, size: 6", f"neuron: {neuron}, size: 6"
        )
    circuit, folder = thalia.loads(given_text), tmp_path_factory.mktemp("pieces")
    whole = thalia.run(circuit, output=folder / "whole.h5", backend="runtime", precision=precision)

    ends = [*sorted(cuts), 500]
    parts = thalia.run(
        circuit,
        output=folder / "parts.h5",
        backend="runtime",
        precision=precision,
        duration=f"{ends[0] / 10} ms",
    )
    for start, stop in itertools.pairwise(ends):
        thalia.resume(parts.file, for_=f"{(stop - start) / 10} ms")

    assert compare(whole.file, parts.file) == []


def test_a_difference_would_be_found(monkeypatch):
    """The control: a state that forgets the spikes on their way gives another run."""
    from thalia.backends.runtime import RuntimeSession

    whole = RuntimeSession.state
    monkeypatch.setattr(
        RuntimeSession,
        "state",
        lambda self, without: {
            k: v for k, v in whole(self, without).items() if not k.endswith(".queue")
        },
    )

    verdict = verify(thalia.loads(text(delay="6 ms")), backend="runtime", pieces=4)

    assert not verdict.identical
    assert "DIFFERENT" in verdict.text()


def test_every_variable_of_every_object_is_kept_or_made_again(tmp_path):
    """Complete by construction: the program's arrays are the state and what wiring makes, and nothing else."""
    file = tmp_path / "run.h5"
    circuit = thalia.loads(text("bcm", delay="{axonal: 1.3 ms, dendritic: 0.6 ms}"))
    thalia.run(circuit, output=file, backend="cpp")

    plan = plan_of(circuit)
    from thalia.backends.cpp import backend

    program = backend.build(plan, lambda what, fraction: None)
    with h5py.File(file) as h5:
        kept = set(read_state(h5, file).variables)
    every = {*program.arrays, *(f"{name}.queue" for name in program.queues), "random.key"}
    assert kept | derived(plan) >= every
    assert kept <= every
    assert "synapses_q.w" not in kept  # static weights follow from the seed
    names = [
        "synapses_p.w",
        *(
            name
            for name in every
            if name.rpartition(".")[2] in ("v", "lastspike", "lastupdate", "queue", "generator")
        ),
    ]
    assert set(names) <= kept


def test_a_finished_run_goes_on_for_longer(tmp_path):
    """A second and a half in two goes is a second and a half in one; phases are those of the circuit."""
    circuit = thalia.loads(text(phases=1))
    whole = thalia.run(circuit, output=tmp_path / "whole.h5", backend="runtime")

    thalia.run(circuit, output=tmp_path / "first.h5", backend="runtime", duration="9 ms")
    first = thalia.resume(tmp_path / "first.h5", for_="30 ms")
    second = thalia.resume(tmp_path / "first.h5", for_="11 ms")

    assert first.duration == pytest.approx(0.039)
    assert second.duration == whole.duration
    assert np.array_equal(second.spikes["cells"].times, whole.spikes["cells"].times)
    assert np.array_equal(second.weights["p"].w, whole.weights["p"].w)
    assert second.results["rates_by_phase_hz"] == whole.results["rates_by_phase_hz"]


def test_a_disk_that_fills_up_later_leaves_a_file_that_goes_on(tmp_path, monkeypatch):
    from thalia.recording.journal import JournalledFile

    circuit, commit, commits = thalia.loads(text()), JournalledFile.commit, iter(range(100))
    whole = thalia.run(circuit, output=tmp_path / "whole.h5", backend="runtime")

    def full(self):
        if next(commits) >= 3:
            raise OSError(28, "No space left on device")
        commit(self)

    monkeypatch.setattr(JournalledFile, "commit", full)
    with pytest.raises(CircuitError, match=r"no space left on device\n.*thalia resume"):
        thalia.run(circuit, output=tmp_path / "run.h5", backend="runtime", checkpoint_every="10 ms")
    monkeypatch.setattr(JournalledFile, "commit", commit)
    resumed = thalia.resume(tmp_path / "run.h5")

    assert np.array_equal(resumed.spikes["cells"].times, whole.spikes["cells"].times)
    assert np.array_equal(resumed.weights["p"].w, whole.weights["p"].w)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 12 MB."""
    place = tmp_path / "small"
    place.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", place], capture_output=True, check=False
    ).returncode:
        pytest.skip("needs the right to mount a small file system")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


@pytest.mark.slow
def test_a_real_disk_that_fills_up_costs_nothing_that_was_kept(small_disk, tmp_path):
    """Spikes fill it; the file can be read, and goes on to the bits of the undisturbed run once there is room."""
    many = text().replace("size: 12", "size: 4000").replace("duration: 50 ms", "duration: 1 s")
    circuit = thalia.loads(many.replace("pathways: all, every: 24 ms", "pathways: none"))
    whole = thalia.run(circuit, output=tmp_path / "whole.h5", backend="runtime")

    with pytest.raises(CircuitError, match=r"no space left on device\n.*thalia resume"):
        thalia.run(
            circuit, output=small_disk / "run.h5", backend="runtime", checkpoint_every="50 ms"
        )
    kept = thalia.Run(small_disk / "run.h5").spikes["source"]
    (tmp_path / "run.h5").write_bytes((small_disk / "run.h5").read_bytes())
    resumed = thalia.resume(tmp_path / "run.h5")

    assert 10_000 < len(kept) < len(whole.spikes["source"])
    assert np.array_equal(kept.times, whole.spikes["source"].times[: len(kept)])
    assert compare(resumed.file, whole.file) == []


@pytest.mark.slow
def test_a_disk_without_room_for_the_weights_is_told_before_the_start(small_disk):
    circuit = thalia.loads(
        text().replace("every: 24 ms", "every: 0.1 ms").replace("duration: 50 ms", "duration: 60 s")
    )

    with pytest.raises(
        CircuitError,
        match=r"needs about [\d.]+ MB for weights and state, and 12\.\d MB are free in .*small",
    ):
        thalia.run(circuit, output=small_disk / "run.h5", backend="runtime")
    assert list(small_disk.iterdir()) == []


def test_memory_does_not_grow_with_the_time_between_states(tmp_path, monkeypatch):
    """What is recorded waits for the next state; when it is much, a state is kept early, and the run is the same."""
    from thalia.recording.writer import RunWriter
    from thalia.simulation import checkpoint

    held, commit = [], RunWriter.commit
    monkeypatch.setattr(RunWriter, "commit", lambda self: held.append(self.held) or commit(self))
    options = {"backend": "runtime", "checkpoint_every": "50 ms", "chunk": "1 ms"}
    plain = thalia.run(thalia.loads(text()), output=tmp_path / "plain.h5", **options)
    commits = len(held)
    monkeypatch.setattr(checkpoint, "MOST_HELD", 1_000)
    held.clear()

    bounded = thalia.run(thalia.loads(text()), output=tmp_path / "bounded.h5", **options)

    assert commits == 3  # the empty file, the state at the end, and the results
    assert len(held) > 5
    assert compare(plain.file, bounded.file) == []


def test_the_length_of_chunks_changes_nothing(tmp_path):
    circuit = thalia.loads(text("stdp_triplet", phases=1))
    files = [
        thalia.run(circuit, output=tmp_path / f"{k}.h5", backend="runtime", chunk=c).file
        for k, c in enumerate([None, "1.7 ms"])
    ]

    assert compare(*files) == []


def test_progress_tells_time_speed_and_spikes(tmp_path):
    told = []
    thalia.run(
        thalia.loads(text()), output=tmp_path / "run.h5", backend="runtime", chunk="10 ms",
        progress=lambda what, fraction, detail="": told.append((what, fraction, detail)),
    )  # fmt: skip

    simulating = [(fraction, detail) for what, fraction, detail in told if what == "simulating"]
    assert [fraction for fraction, _ in simulating] == pytest.approx(
        [0.2, 0.4, 0.48, 0.6, 0.8, 0.96, 1]
    )
    assert re.fullmatch(r"0\.01 of 0\.05 s, \S+ x model time, \d+ spikes", simulating[0][1])


def test_an_edited_circuit_is_not_resumed_as_if_nothing_had_happened(tmp_path):
    file, circuit = tmp_path / "run.h5", tmp_path / "circuit.yaml"
    circuit.write_text(text())
    thalia.run(circuit, output=file, backend="runtime", duration="20 ms")
    circuit.write_text(text().replace("rate: 3 kHz", "rate: 1 kHz"))

    with pytest.raises(CircuitError) as told:
        thalia.resume(file, for_="30 ms")
    resumed = thalia.resume(file, for_="30 ms", as_it_was=True)

    message, ran = str(told.value), text().splitlines()
    line = 1 + next(n for n, each in enumerate(ran) if "rate: 3 kHz" in each)
    assert (
        f"{circuit}: was edited since {file} was written: line {line} was `  noise: {{kind: poisson, target: cells, rate: 3 kHz"
        in message
    )
    assert f"`thalia run {circuit} --from {file}` starts the edited circuit" in message
    circuit.write_text(text())
    whole = thalia.run(circuit, output=tmp_path / "whole.h5", backend="runtime")
    assert np.array_equal(resumed.spikes["cells"].times, whole.spikes["cells"].times)


def test_an_edit_of_a_list_or_of_the_spikes_is_found(tmp_path):
    """Lines that begin with a dash themselves, and files beside the circuit; a mark of the byte order is no edit."""
    circuit, spikes = tmp_path / "circuit.yaml", tmp_path / "spikes.csv"
    played = (
        "stimuli:\n  times: {kind: spikes, target: player, file: spikes.csv}\ncite:\n- one\n- two\n"
    )
    whole = text().split("stimuli:")[0] + played + "record:" + text().split("record:")[1]
    whole += "duration: 50 ms\n" if "duration" not in whole else ""
    spikes.write_text("0,3\n")
    circuit.write_bytes(b"\xef\xbb\xbf" + whole.encode())
    file = thalia.run(circuit, output=tmp_path / "run.h5", backend="runtime", duration="20 ms").file
    thalia.resume(file, for_="1 ms")

    circuit.write_text(whole.replace("- two\n", ""))
    with pytest.raises(CircuitError, match=r"was edited since .*: line \d+ was `- two`"):
        thalia.resume(file, for_="1 ms")
    circuit.write_text(whole)
    spikes.write_text("0,4\n")
    with pytest.raises(
        CircuitError,
        match=r"spikes\.csv: was edited since .*: line 1 was `0,3`\n.*thalia run \S+circuit\.yaml --from",
    ):
        thalia.resume(file, for_="1 ms")


@pytest.mark.parametrize(
    "name", ["reports/v/v/cells/data", "modulators/m/value", "spikes/cells/timestamps"]
)
def test_damaged_recordings_are_named_and_not_believed(finished, name):
    with h5py.File(finished, "r+") as h5:
        h5[name][3] += 1e-3

    run = thalia.Run(finished)
    read = {
        "reports": lambda: run.traces["v"],
        "modulators": lambda: run.modulators["m"],
        "spikes": lambda: run.spikes["cells"],
    }
    with pytest.raises(CircuitError, match=f"is damaged: {name} is not what was written"):
        read[name.partition("/")[0]]()


@pytest.fixture
def finished(tmp_path):
    return thalia.run(thalia.loads(text()), output=tmp_path / "run.h5", backend="runtime").file


def test_a_complete_run_has_nothing_left_to_do(finished):
    with pytest.raises(CircuitError, match="is complete"):
        thalia.resume(finished)


def test_a_state_of_a_newer_version_is_refused(finished):
    with h5py.File(finished, "r+") as h5:
        h5["state"].attrs["version"] = 99

    with pytest.raises(CircuitError, match="its state is of version 99"):
        thalia.resume(finished, for_="1 ms")


def test_a_damaged_state_is_named_and_not_believed(finished):
    with h5py.File(finished, "r+") as h5:
        h5["state/synapses_p/w"][3] *= 1.0000001

    with pytest.raises(CircuitError, match="is damaged: state/synapses_p/w"):
        thalia.resume(finished, for_="1 ms")


def test_a_truncated_file_is_told(finished):
    finished.write_bytes(finished.read_bytes()[: finished.stat().st_size // 2])

    with pytest.raises(CircuitError, match="cannot be read as HDF5"):
        thalia.resume(finished, for_="1 ms")


def test_a_file_that_somebody_else_writes_is_refused(finished):
    code = "import sys, time, fcntl; f = open(sys.argv[1], 'r+b'); fcntl.lockf(f, fcntl.LOCK_EX); print('held', flush=True); time.sleep(60)"
    holder = subprocess.Popen([sys.executable, "-c", code, str(finished)], stdout=subprocess.PIPE)
    try:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(CircuitError, match="another process is writing it"):
            thalia.resume(finished, for_="1 ms")
    finally:
        holder.kill()
        holder.communicate()


def test_a_file_of_another_tool_is_refused(tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as h5:
        h5["data"] = 1

    with pytest.raises(CircuitError, match="no run of Thalia"):
        thalia.resume(tmp_path / "other.h5")


def test_a_circuit_with_files_beside_it_resumes_without_them(tmp_path):
    """What a run drew in is in its file, also the rule that stood beside the circuit."""
    rule, _ = lookup.part_text("plasticity", "stdp_pair", tmp_path)
    (tmp_path / "mine.yaml").write_text(rule)
    (tmp_path / "circuit.yaml").write_text(text().replace("[stdp_pair]", "[{rule: ./mine.yaml}]"))
    whole = thalia.run(tmp_path / "circuit.yaml", output=tmp_path / "whole.h5", backend="runtime")
    thalia.run(
        tmp_path / "circuit.yaml", output=tmp_path / "part.h5", backend="runtime", duration="20 ms"
    )
    (tmp_path / "mine.yaml").unlink()
    (tmp_path / "circuit.yaml").unlink()

    resumed = thalia.resume(tmp_path / "part.h5", for_="30 ms")

    assert np.array_equal(resumed.weights["p"].w, whole.weights["p"].w)


OF_A_STIMULUS = """
thalia: 1
name: beside
duration: 50 ms
dt: 0.5 ms
populations: {cells: {neuron: lif_current, size: 5}}
stimuli: {input: {kind: poisson, target: cells, rate: 2 kHz, synapse: ./mine.yaml, weight: 300 pA}}
"""


def test_a_stimulus_through_a_synapse_beside_the_circuit_resumes_without_it(tmp_path):
    synapse, _ = lookup.part_text("synapses", "current_exp", tmp_path)
    (tmp_path / "mine.yaml").write_text(synapse)
    (tmp_path / "circuit.yaml").write_text(OF_A_STIMULUS)
    whole = thalia.run(tmp_path / "circuit.yaml", output=tmp_path / "whole.h5", backend="runtime")
    thalia.run(
        tmp_path / "circuit.yaml", output=tmp_path / "part.h5", backend="runtime", duration="20 ms"
    )
    (tmp_path / "mine.yaml").unlink()

    resumed = thalia.resume(tmp_path / "part.h5", for_="30 ms")

    assert len(whole.spikes["cells"].times)
    assert np.array_equal(resumed.spikes["cells"].times, whole.spikes["cells"].times)


def test_a_warm_start_takes_weights_and_state_by_name(tmp_path):
    """The learned weights and threshold are where the new run begins, also for a circuit that differs elsewhere."""
    first = thalia.run(thalia.loads(text("bcm")), output=tmp_path / "first.h5", backend="runtime")
    other = text("bcm").replace("rate: 3 kHz", "rate: 1 kHz").replace("name: pieces", "name: other")

    warm = thalia.run(
        thalia.loads(other), output=tmp_path / "warm.h5", backend="runtime", start_from=first.file
    )

    assert np.array_equal(warm.weights["p"].w[0], first.weights["p"].w[-1])
    assert "weights and traces of p and state of rules in cells" in " ".join(warm.results["notes"])


def warmed(rule, tmp_path):
    """The state at the end of a run, and that one step into a run that starts with what it learned."""
    circuit = thalia.loads(text(rule))
    first = thalia.run(circuit, output=tmp_path / "first.h5", backend="runtime")
    warm = thalia.run(
        circuit,
        output=tmp_path / "warm.h5",
        backend="runtime",
        start_from=first.file,
        duration="0.1 ms",
    )
    with h5py.File(first.file) as one, h5py.File(warm.file) as other:
        return read_state(one, first.file).variables, read_state(other, warm.file).variables


@pytest.mark.parametrize("rule", ["stdp_triplet", "d1_stdp"])
def test_a_warm_start_keeps_rescaled_traces(rule, tmp_path):
    """In the units of the new run, whatever those of the old one had grown to."""
    before, after = warmed(rule, tmp_path)

    name, tau = {"stdp_triplet": ("stdp_triplet_r2", 101), "d1_stdp": ("d1_stdp_slow", 1500)}[rule]
    old, new = (
        each[f"synapses_p.{name}"] * each[f"shared.p_decay_of_{name}"] for each in (before, after)
    )
    assert np.isclose(new, old * np.exp(-0.1 / tau), rtol=1e-9).mean() > 0.8
    assert np.abs(new).max() > 0


def test_a_warm_start_keeps_the_traces(tmp_path):
    """Each trace, and the time since it was last brought up to date, are those of the end before."""
    before, after = warmed('{rule: stdp_triplet, tau_x: "uniform(90 ms, 110 ms)"}', tmp_path)

    untouched = after["synapses_p.lastupdate"] < 0
    assert untouched.sum() > 10
    assert np.array_equal(
        after["synapses_p.stdp_triplet_r2"][untouched],
        before["synapses_p.stdp_triplet_r2"][untouched],
    )
    assert after["synapses_p.lastupdate"][untouched] == pytest.approx(
        before["synapses_p.lastupdate"][untouched] - 0.05
    )
    assert after["neurons_cells.p_stdp_triplet_o2"] == pytest.approx(
        before["neurons_cells.p_stdp_triplet_o2"] * np.exp(-0.1 / 125)
    )


def test_a_warm_start_says_what_did_not_match(tmp_path):
    first = thalia.run(thalia.loads(text()), output=tmp_path / "first.h5", backend="runtime")

    with pytest.raises(CircuitError, match="nothing in it fits pieces"):
        thalia.run(
            thalia.loads(text(seed=2)),
            output=tmp_path / "warm.h5",
            backend="runtime",
            start_from=first.file,
        )
    assert not (tmp_path / "warm.h5").exists()


def test_the_same_run_twice_has_no_differences(tmp_path):
    one, other = (
        thalia.run(thalia.loads(text()), output=tmp_path / f"{k}.h5", backend="runtime").file
        for k in range(2)
    )

    assert compare(one, other) == []


def test_what_differs_between_two_runs_is_said(tmp_path):
    one = thalia.run(thalia.loads(text()), output=tmp_path / "one.h5", backend="runtime").file
    other = thalia.run(
        thalia.loads(text().replace("rate: 3 kHz", "rate: 4 kHz")),
        output=tmp_path / "other.h5",
        backend="runtime",
    ).file

    found = compare(one, other)

    assert [line for line in found if line.startswith("circuit")] == [
        "circuit -    rate: 3 kHz",
        "circuit +    rate: 4 kHz",
    ]
    assert any(line.startswith("spikes/cells/timestamps") for line in found)
    assert "state neurons_cells.v" in found


def test_a_warm_start_that_is_killed_at_once_goes_on_with_what_it_took_over(tmp_path):
    """Not with the weights that wiring would make again."""
    first = thalia.run(thalia.loads(text()), output=tmp_path / "first.h5", backend="runtime")
    whole = thalia.run(
        thalia.loads(text()), output=tmp_path / "whole.h5", backend="runtime", start_from=first.file
    )

    def interrupt(what, fraction, detail=""):
        if what == "simulating":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        thalia.run(
            thalia.loads(text()),
            output=tmp_path / "cut.h5",
            backend="runtime",
            start_from=first.file,
            progress=interrupt,
        )
    resumed = thalia.resume(tmp_path / "cut.h5")

    assert np.array_equal(resumed.weights["p"].w, whole.weights["p"].w)


def test_damaged_spikes_are_named_and_not_believed(finished):
    with h5py.File(finished, "r+") as h5:
        name = next(iter(h5["spikes"]))
        h5[f"spikes/{name}/node_ids"][0] += 1

    with pytest.raises(CircuitError, match=f"is damaged: spikes/{name}/node_ids"):
        thalia.Run(finished).spikes[name]


def test_a_run_of_an_earlier_version_resumes_with_the_former_names_in_its_circuit(tmp_path):
    """The neuron model `spike_source` was called `input`, also in the names of objects in the state."""
    player = "  player: {neuron: spike_source, size: 3}\n"
    circuit = thalia.loads(
        text("tag_and_capture").replace(player, f"{player}{player.replace('player', 'other')}")
    )
    whole = thalia.run(circuit, output=tmp_path / "whole.h5", backend="runtime")
    old = thalia.run(circuit, output=tmp_path / "old.h5", backend="runtime", duration="20 ms").file
    with h5py.File(old, "r+") as h5:
        written = h5["origin/circuit"].asstr()[()]
        del h5["origin/circuit"]
        h5["origin/circuit"] = written.replace("spike_source", "input")
        for name in [name for name in h5["state"] if "spike_source" in name]:
            h5.move(f"state/{name}", f"state/{name.replace('spike_source', 'input')}")
        assert "neurons_input" in h5["state"]

    with pytest.warns(FormerNameWarning, match="'input' is now called 'spike_source'"):
        thalia.resume(old, for_="10 ms")
    with pytest.warns(FormerNameWarning):
        resumed = thalia.resume(old, for_="20 ms")

    former = ("circuit ", "state neurons_input.")
    assert [line for line in compare(whole.file, old) if not line.startswith(former)] == []
    assert resumed.attributes["complete"]
