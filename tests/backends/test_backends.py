"""The compiled backend and the runtime give the same bits; one program serves every seed, weight and duration."""

import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import thalia
from tests.helpers import DRIVEN, ROOT
from thalia.backends import in_kind, runtime
from thalia.backends.cpp import backend
from thalia.backends.cpp.device import EXPONENTIAL
from thalia.errors import CircuitError
from thalia.toolchain import compiler
from thalia.toolchain.compiler import FLAGS, find_compiler

pytestmark = pytest.mark.skipif(not find_compiler(), reason="needs a C++ compiler")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    return {
        name: thalia.run(thalia.loads(DRIVEN), backend=name, output=folder / f"{name}.h5")
        for name in ("cpp", "runtime")
    }


@pytest.mark.parametrize("population", ["e", "i", "given"])
def test_spikes_are_identical_on_both_backends(runs, population):
    compiled, interpreted = (runs[name].spikes[population] for name in ("cpp", "runtime"))

    assert len(compiled) > 4
    assert np.array_equal(compiled.times, interpreted.times)
    assert np.array_equal(compiled.neurons, interpreted.neurons)


@pytest.mark.parametrize(
    ("pathway", "tolerance"), [("kick", 0), ("rec.e_to_i", 0), ("learn", 1e-14)]
)
def test_weights_are_identical_on_both_backends(runs, pathway, tolerance):
    """With random delays, NumPy's vectorised exp can differ from C's in the last place: `learn`."""
    compiled, interpreted = (runs[name].weights[pathway] for name in ("cpp", "runtime"))

    assert np.array_equal(compiled.pre, interpreted.pre)
    assert compiled.w == pytest.approx(interpreted.w, rel=tolerance, abs=0)


@pytest.mark.parametrize("backend", ["cpp", "runtime"])
def test_a_profile_names_what_a_step_runs_and_its_parts_make_no_more_than_the_whole(
    tmp_path, backend
):
    results = thalia.run(
        thalia.loads(DRIVEN), backend=backend, output=tmp_path / "run.h5", profile=True
    ).results
    spent = results["profile_s"]

    assert {"synapses_rec_pre", "synapses_learn_post"} <= spent.keys()
    assert any(name.startswith("neurons_lif_current") for name in spent)
    assert 0 < sum(spent.values()) <= results["timings_s"]["simulate"] + 1e-3


EXPONENTIALS = """
#include <cstdint>
#include <cstdio>
#include <cstring>
{code}
int main() {{ double x; while (std::fread(&x, 8, 1, stdin)) {{ x = _exponential(x); std::fwrite(&x, 8, 1, stdout); }} }}
"""


def test_the_exponential_is_right_to_the_last_place_and_at_its_ends(tmp_path):
    given = np.concatenate(
        [np.linspace(-708, 709.7, 200_001), [0.0, -1e5, -np.inf, 710.0, np.inf, np.nan]]
    )
    (tmp_path / "main.cpp").write_text(EXPONENTIALS.format(code=EXPONENTIAL))
    subprocess.run([*find_compiler(), *FLAGS, "main.cpp", "-o", "main"], cwd=tmp_path, check=True)
    done = subprocess.run(
        [tmp_path / "main"], input=given.tobytes(), capture_output=True, check=True
    )
    found = np.frombuffer(done.stdout)

    with np.errstate(over="ignore"):
        expected = np.exp(given)
    assert (np.abs(found[:-6] - expected[:-6]) <= 2 * np.spacing(expected[:-6])).all()
    assert np.array_equal(found[-6:], [1.0, 0.0, 0.0, np.inf, np.inf, np.nan], equal_nan=True)


def test_the_smallest_circuit_is_identical_to_the_bit(tmp_path):
    circuit = ROOT / "circuits" / "pair.yaml"
    compiled, interpreted = (
        thalia.run(circuit, backend=b, output=tmp_path / f"{b}.h5") for b in ("cpp", "runtime")
    )

    assert compiled.weights["synapse"].w.tobytes() == interpreted.weights["synapse"].w.tobytes()
    assert compiled.spikes["second"].times.tobytes() == interpreted.spikes["second"].times.tobytes()


def test_samples_are_identical_on_both_backends(runs):
    compiled, interpreted = (runs[name].traces["v"] for name in ("cpp", "runtime"))

    assert compiled["v"].shape == (120, 10)
    assert np.array_equal(compiled.time, interpreted.time)
    assert compiled["v"] == pytest.approx(interpreted["v"], rel=1e-6)


def test_given_spikes_are_played_at_their_times(runs):
    spikes = runs["cpp"].spikes["given"]

    assert list(zip(np.round(spikes.times * 1e3, 6), spikes.neurons, strict=True)) == [
        (5.0, 0), (5.0, 1), (50.0, 0), (79.9, 2), (80.0, 2)
    ]  # fmt: skip


def test_another_seed_weight_and_duration_compile_nothing(runs, tmp_path):
    changed = {
        "pathways.learn.weight": "uniform(60 pA, 90 pA)",
        "stimuli.drive.amplitude": "normal(500 pA, 20 pA)",
        "pathways.kick.w_max": "500 pA",
    }
    circuit = thalia.loads(DRIVEN, set=changed)

    run = thalia.run(circuit, backend="cpp", seed=7, duration="50 ms", output=tmp_path / "other.h5")

    assert run.results["compiled"]["cached"] is True
    assert run.duration == pytest.approx(0.05)
    assert [name for name, _, _ in run.phases] == ["one"]


@pytest.mark.parametrize("backend", ["cpp", "runtime"])
def test_all_of_the_seed_reaches_the_noise(tmp_path, backend):
    """Also the bits beyond the 32 that a generator takes."""
    text = "{thalia: 1, name: noise, duration: 100 ms, populations: {a: {neuron: poisson, size: 50, parameters: {rate: 50 Hz}}}}"
    runs = [
        thalia.run(thalia.loads(text), backend=backend, seed=s, output=tmp_path / f"{n}.h5")
        for n, s in enumerate((1, 1, 2, 1 + 2**32, 1 + 2**33))
    ]
    first, again, *others = (run.spikes["a"].times.tobytes() for run in runs)

    assert first == again
    assert len({first, *others}) == 4


def test_numbers_that_a_program_would_wrap_are_refused():
    assert in_kind("x", np.array([2**31 - 1]), "<i4")[0] == 2**31 - 1
    with pytest.raises(RuntimeError, match="x: numbers up to 2147483648 do not fit int32"):
        in_kind("x", np.array([2**31]), "<i4")


@pytest.mark.parametrize("backend", ["cpp", "runtime"])
def test_poisson_drive_has_the_mean_and_variance_of_independent_sources(tmp_path, backend):
    """Shot noise (Campbell) on the grid, where spikes act at the start of a step, which then decays by d: the mean is
    n w d / (1 - d) and the variance n w^2 d^2 / (1 - d^2) for n spikes a step; 200 neurons over 1 s.
    """
    text = """
thalia: 1
name: shot
duration: 1 s
dt: 0.5 ms
populations: {cells: {neuron: lif_current, size: 200, parameters: {v_th: 1 V}}, others: {neuron: lif_current, size: 50}}
stimuli: {noise: {kind: poisson, target: cells, rate: 8 Hz, number: 250, weight: 1 pA, synapse: {part: current_exp, tau: 5 ms}}}
record: {traces: {i: {population: cells, variables: [current_exp_i], every: 20 ms, neurons: 200},
                  none: {population: others, variables: [v], every: 20 ms}}}
"""
    spikes, decay = 2000 * 0.5e-3, np.exp(-0.5 / 5)

    run = thalia.run(thalia.loads(text), backend=backend, output=tmp_path / "run.h5")

    values = run.traces["i"]["current_exp_i"][5:]
    assert values.mean() == pytest.approx(spikes * decay / (1 - decay), rel=0.02)
    assert values.var() == pytest.approx(spikes * decay**2 / (1 - decay**2), rel=0.05)
    assert (run.traces["none"]["v"] == -65).all()


@pytest.mark.parametrize("backend", ["cpp", "runtime"])
def test_a_refractory_neuron_takes_no_input_from_the_drive(tmp_path, backend):
    """15 mV at 10 mV/ms take 1.5 ms on average after the refractory 20 ms; what came before must not count."""
    text = """
thalia: 1
name: closed
duration: 300 ms
populations: {cells: {neuron: lif_current, size: 20, parameters: {t_ref: 20 ms}}}
stimuli: {noise: {kind: poisson, target: cells, rate: 10 kHz, weight: 1 mV}}
"""
    spikes = thalia.run(thalia.loads(text), backend=backend, output=tmp_path / "run.h5").spikes[
        "cells"
    ]
    intervals = np.concatenate(
        [np.diff(spikes.times[spikes.neurons == neuron]) for neuron in range(20)]
    )

    assert len(intervals) > 200
    assert intervals.min() > 20.5e-3
    assert intervals.mean() == pytest.approx(21.6e-3, rel=0.02)


@pytest.mark.parametrize("backend", ["cpp", "runtime"])
def test_a_rate_that_varies_in_time_drives_its_target_only(tmp_path, backend):
    text = """
thalia: 1
name: wave
duration: 1 s
dt: 0.5 ms
populations: {cells: {neuron: lif_current, size: 100, parameters: {v_th: 1 V}}, others: {neuron: lif_current, size: 10}}
stimuli: {noise: {kind: poisson_pulses, target: cells, rate: 8 Hz, number: 250, weight: 1 pA, start: 500 ms, width: 200 ms}}
record: {traces: {i: {population: cells, variables: [current_exp_i], every: 10 ms, neurons: 100}, none: {population: others, variables: [v], every: 10 ms}}}
"""
    run = thalia.run(thalia.loads(text), backend=backend, output=tmp_path / "run.h5")
    time, current = run.traces["i"].time, run.traces["i"]["current_exp_i"]
    inside = (time > 0.51) & (time < 0.7)

    correction = 1 / np.expm1(1.0)  # tau is one step
    assert current[inside].mean() == pytest.approx(2000 * 0.5e-3 * correction, rel=0.05)
    assert np.abs(current[~inside & (time < 0.49)]).max() == 0
    assert (run.traces["none"]["v"] == -65).all()


def test_another_circuit_compiles_only_what_is_its_own(monkeypatch):
    """One circuit after another: the server and the headers are there already."""
    compiled, compile = [], compiler._compile
    monkeypatch.setattr(
        compiler, "_compile", lambda *given: (compiled.append(given[1]), compile(*given))
    )

    for size in (41, 42):
        compiled.clear()
        text = f"{{thalia: 1, name: own, duration: 1 ms, populations: {{a: {{neuron: poisson, size: {size}}}}}}}"
        backend.build(thalia.plan_of(thalia.loads(text)), lambda what, fraction: None)

    assert sorted(compiled) == ["circuit.cpp.o", "main", "unit_0.cpp.o"]


def test_parts_of_all_programs_that_are_damaged_are_compiled_again(monkeypatch, tmp_path):
    monkeypatch.setenv("THALIA_CACHE", str(tmp_path))
    common = {"common.h": "#pragma once", "one.cpp": "int one = 1;"}
    header, (part,), _ = compiler._common_parts(common)
    whole = part.read_bytes()
    part.write_bytes(whole[:100])

    again, (mended,), _ = compiler._common_parts(common)

    assert (again, mended) == (header, part)
    assert mended.read_bytes() == whole


def test_parts_of_all_programs_are_compiled_by_one_of_those_who_need_them(monkeypatch, tmp_path):
    monkeypatch.setenv("THALIA_CACHE", str(tmp_path))
    compiled, compile, together = [], compiler._compile, threading.Barrier(4)
    monkeypatch.setattr(
        compiler, "_compile", lambda *given: (compiled.append(given[1]), compile(*given))
    )
    common = {"common.h": "#pragma once", "two.cpp": "int two = 2;"}

    def parts(_):
        together.wait()
        return compiler._common_parts(common)[0]

    with ThreadPoolExecutor(4) as pool:
        (header,) = {*pool.map(parts, range(4))}

    assert sorted(compiled) == ["common.h.gch", "two.cpp.o"]
    assert header.exists()


def test_an_array_of_another_length_is_refused(tmp_path):
    plan = thalia.plan_of(thalia.load(ROOT / "circuits" / "pair.yaml"))
    from thalia.connectivity.build import wire

    session = backend.start(
        plan, backend.build(plan, lambda what, fraction: None), wire(plan), (), 1
    )

    session.write("neurons_second.v", np.zeros(5))  # confirmed with the next answer
    with pytest.raises(RuntimeError, match=r"length mismatch for neurons_second\.v"):
        session.read("neurons_second.v")
    session.close()


def test_without_a_compiler_the_compiled_backend_refuses_and_the_default_is_numpy(monkeypatch):
    from thalia import backends

    monkeypatch.setattr(compiler, "find_compiler", lambda: ())
    monkeypatch.setattr(backend, "find_compiler", lambda: ())
    plan = thalia.plan_of(thalia.load(ROOT / "circuits" / "pair.yaml"))

    assert backend.refuse(plan) == [
        "no C++ compiler was found: install g++ or clang++, or use `--backend runtime`"
    ]
    assert backends.choose()[0] == "runtime"
    assert "no C++ compiler was found" in backends.choose()[1]
    assert runtime.refuse(plan) == []


def test_an_unknown_backend_is_told_with_those_there_are():
    with pytest.raises(CircuitError, match="no backend is called 'gpu'"):
        thalia.run(ROOT / "circuits" / "pair.yaml", backend="gpu")
