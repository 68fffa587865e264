"""The CUDA program computes what the C++ program does: emulated on a processor core here, and by hand on a GPU."""

import numpy as np
import pytest

import thalia
from tests.backends import emulation
from tests.backends.test_prescribed_spikes import COINS
from tests.backends.test_prescribed_spikes import circuit as several
from tests.compiler import test_series as series
from tests.helpers import DRIVEN, ROOT
from tests.neurons.test_refractory import STEPS, firing, intervals
from tests.rules import GATED, SETTINGS, SIGNALS, STACKED
from thalia.backends.cuda import backend, compiler
from thalia.backends.cuda.kernel_fusion import Piece, joined
from thalia.cli import main
from thalia.codegen.brian_model import model_of
from thalia.compiler.pipeline import plan_of
from thalia.errors import CircuitError
from thalia.parallel.axes import axis_of
from thalia.parallel.sweep import sweep
from thalia.simulation.pairing_protocols import outcome
from thalia.toolchain.compiler import find_compiler

GPU = compiler.Gpu("an emulated GPU", "90", "580.1", 1e12)
RATES = "{thalia: 1, name: noise, dt: 1 ms, duration: 2 s, populations: {a: {neuron: poisson, size: 400, parameters: {rate: 50 Hz}}}}"
DRIVE = """
thalia: 1
name: drive
duration: 1 s
dt: 1 ms
populations: {{a: {{neuron: lif_current, size: 300, parameters: {{v_th: 1 V, tau_m: 1000 s}}}}}}
stimuli:
  first: {{kind: poisson, target: a, number: {number}, rate: 1 Hz, weight: 1 uV, synapse: delta}}
record: {{spikes: all, traces: {{v: {{population: a, variables: [v], every: 999 ms, neurons: 300}}}}}}
"""


@pytest.fixture
def emulated(monkeypatch, tmp_path):
    """A GPU that is none: the CUDA program is compiled for a processor core."""
    if not find_compiler():
        pytest.skip("needs a C++ compiler")
    text = "".join(file.read_text() for file in sorted(emulation.HERE.glob("*.*")))
    monkeypatch.setattr(compiler, "compile_program", emulation.compile_program)
    monkeypatch.setattr(compiler, "find_gpu", lambda: GPU)
    monkeypatch.setattr(compiler, "free_bytes", lambda: 1e12)
    monkeypatch.setattr(compiler, "find_nvcc", lambda: "nvcc")
    monkeypatch.setattr(compiler, "version", lambda: "13.0")
    monkeypatch.setattr(compiler, "identity", lambda: text)


def run(circuit, folder, backend, **options):
    return thalia.run(
        circuit, backend=backend, output=folder / f"{backend}.h5", overwrite=True, **options
    )


def same(first, second):
    """Whether two runs have the same spikes, weights and samples to the bit."""
    spikes = [
        np.array_equal(first.spikes[name].times, second.spikes[name].times)
        and np.array_equal(first.spikes[name].neurons, second.spikes[name].neurons)
        for name in first.spikes
    ]
    weights = [
        first.weights[name].w.tobytes() == second.weights[name].w.tobytes()
        for name in first.weights
    ]
    samples = [
        np.array_equal(values, second.traces[name][variable])
        for name, traces in first.traces.items()
        for variable, values in traces.items()
    ]
    return all(spikes) and all(weights) and all(samples)


def test_spikes_weights_and_samples_are_those_of_the_compiled_backend(emulated, tmp_path):
    """Random delays on both sides, a kernel of convolved current, plasticity that is switched off, spikes that are given."""
    circuit = thalia.loads(DRIVEN)
    compiled, on_gpu = (run(circuit, tmp_path, backend) for backend in ("cpp", "cuda"))

    assert sum(len(on_gpu.spikes[name]) for name in on_gpu.spikes) > 1000
    assert same(compiled, on_gpu)


@pytest.mark.slow
def test_currents_and_rates_over_time_are_those_of_their_arrays(emulated, tmp_path):
    series.write_files(tmp_path)
    circuit = thalia.loads(series.TEXT.replace("RECORDED", series.RECORDED), folder=tmp_path)
    on_gpu = run(circuit, tmp_path, "cuda")

    series.test_a_trace_for_each_neuron_is_that_of_brian2s_timed_array_and_then_zero(on_gpu)
    series.test_neurons_that_are_listed_take_the_traces_in_that_order(on_gpu)
    series.test_rates_over_time_give_as_many_spikes_as_they_say(on_gpu)


def test_the_next_spike_is_a_step_after_the_refractory_period(emulated, tmp_path):
    on_gpu = run(firing(["lif_conductance", "adex"]), tmp_path, "cuda")

    assert [intervals(on_gpu, f"adex_{index}") for index in range(len(STEPS))] == [
        {steps + 1} for steps in STEPS.values()
    ]


def test_three_spikes_in_a_step_act_as_three(emulated, tmp_path):
    on_gpu, compiled = (run(several(plastic=""), tmp_path, each) for each in ("cuda", "cpp"))

    assert len(on_gpu.spikes["given"]) == 7
    assert same(on_gpu, compiled)


def test_three_spikes_in_a_step_are_refused_where_they_change_a_synapse(emulated, tmp_path):
    with pytest.raises(CircuitError, match="learns: a prescribed neuron has several spikes"):
        run(several(), tmp_path, "cuda")


def test_three_spikes_in_a_step_are_refused_where_a_synapse_draws(emulated, tmp_path):
    with pytest.raises(CircuitError, match="would draw the same number for all of them"):
        run(thalia.loads(COINS), tmp_path, "cuda")


def test_a_run_in_pieces_is_the_run_in_one(emulated, tmp_path):
    """The emulation adds in a fixed order; on a GPU this holds to rounding."""
    text = "\n".join(line for line in DRIVEN.splitlines() if not line.startswith("phases"))
    circuit = thalia.loads(f"{text}\nduration: 100 ms")
    whole = run(circuit, tmp_path, "cuda")
    piece = thalia.run(circuit, backend="cuda", output=tmp_path / "piece.h5", duration="47.3 ms")

    assert same(whole, thalia.resume(piece.file, for_="52.7 ms"))


@pytest.mark.parametrize(("rule", "numbers"), [GATED[1]])
def test_rules_give_the_weights_of_the_compiled_backend(emulated, rule, numbers):
    """To rounding, since neurons may sleep on the C++ backend."""
    compiled = weights(rule, numbers, "cpp")

    assert weights(rule, numbers, "cuda") == pytest.approx(compiled, rel=1e-12)


def weights(rule, numbers, backend):
    """The weights of four synapses after spike trains of their own."""
    generator = np.random.default_rng(7)
    trains = [
        [sorted(generator.choice(np.arange(2, 2000), 20, replace=False) / 10) for _ in range(4)]
        for _ in range(2)
    ]
    before = (
        [{"rule": "stdp_pair", "a_plus": 0.05, "a_minus": 0.06}]
        if (rule, numbers) in STACKED
        else []
    )
    return list(
        outcome(
            rule,
            *trains,
            settings=numbers,
            before=before,
            tail=260,
            backend=backend,
            modulators=SIGNALS,
        ).weight
    )


def test_poisson_neurons_fire_at_their_rate(emulated, tmp_path):
    """400 neurons for 2 s at 50 Hz, in bins of 1 ms: binomial, 40,000 spikes with a standard deviation of 195."""
    first, again, other = (
        thalia.run(thalia.loads(RATES), backend="cuda", output=tmp_path / f"{k}.h5", seed=seed)
        for k, seed in enumerate((1, 1, 2))
    )

    assert abs(len(first.spikes["a"]) - 40_000) < 4 * 195
    assert same(first, again)
    assert not same(first, other)


@pytest.mark.parametrize("number", [1500, 40_000, 100_000])
def test_poisson_input_has_its_mean_and_its_variance(emulated, tmp_path, number):
    """From tables of few events and by rejection of many; a cell without leak counts them."""
    values = run(thalia.loads(DRIVE.format(number=number)), tmp_path, "cuda").traces["v"]["v"]
    counts = (values[1] - values[0]) / (values[1] - values[0]).mean() * 0.999 * number

    assert counts.var() == pytest.approx(0.999 * number, rel=4 * np.sqrt(2 / 300))


@pytest.mark.slow
def test_the_points_of_a_sweep_in_one_network_are_the_runs_alone(emulated, tmp_path):
    """Two amplitudes and two seeds, with connectivity and weights of their own; no noise, so that they are the same to the bit."""
    (tmp_path / "driven.yaml").write_text(DRIVEN)
    axes = [axis_of("stimuli.wave.amplitude=200pA,250pA")]
    together, alone = (
        sweep(tmp_path / "driven.yaml", axes, (1, 2), output=tmp_path / backend, backend=backend)
        for backend in ("cuda", "cpp")
    )

    assert together.failed == ()
    assert [numbers for _, numbers in together.rows] == [numbers for _, numbers in alone.rows]


@pytest.mark.skipif(compiler.find_nvcc() is None, reason="needs nvcc")
@pytest.mark.parametrize("name", ["pair"])
def test_the_program_compiles_without_a_gpu(tmp_path, name):
    plan = plan_of(thalia.load(ROOT / "circuits" / f"{name}.yaml"))
    sources, _ = backend._generate(model_of(plan, native_drives=True), tmp_path)

    compiler.compile_program(tmp_path, sources)

    assert (tmp_path / "main").is_file()


def test_a_machine_without_a_gpu_is_told_so(monkeypatch, tmp_path):
    monkeypatch.setattr(compiler, "find_gpu", lambda: None)
    monkeypatch.setattr(compiler, "find_nvcc", lambda: "nvcc")

    with pytest.raises(CircuitError, match=r"backend 'cuda': no NVIDIA GPU was found") as error:
        thalia.run(ROOT / "circuits" / "pair.yaml", backend="cuda", output=tmp_path / "run.h5")

    assert len(error.value.problems) == 1
    assert not (tmp_path / "run.h5").exists()


def test_a_machine_without_a_compiler_is_told_so(monkeypatch):
    monkeypatch.setattr(compiler, "find_gpu", lambda: GPU)
    monkeypatch.setattr(compiler, "free_bytes", lambda: 1e12)
    monkeypatch.setattr(compiler, "find_nvcc", lambda: None)

    plan = plan_of(thalia.load(ROOT / "circuits" / "pair.yaml"))

    assert backend.refuse(plan) == [
        "no CUDA compiler was found: install the CUDA toolkit, or set CUDA_PATH to its folder"
    ]


def test_a_circuit_that_does_not_fit_is_told_so(monkeypatch):
    monkeypatch.setattr(compiler, "find_gpu", lambda: compiler.Gpu("small", "90", "580", 2e9))
    monkeypatch.setattr(compiler, "free_bytes", lambda: 1e9)
    monkeypatch.setattr(compiler, "find_nvcc", lambda: "nvcc")

    plan = plan_of(thalia.load(ROOT / "circuits" / "cortex.yaml", {"scale": "1"}))

    assert backend.refuse(plan) == [
        "needs about 4.0 GB of the GPU's memory, of which 1.0 GB are free: run a smaller one with --scale"
    ]


def test_more_groups_than_a_spike_can_name_are_refused(emulated):
    plan = plan_of(thalia.load(ROOT / "circuits" / "pair.yaml"))

    assert (
        backend.refuse(
            plan.with_(groups=(*plan.groups, *plan.groups[:1] * (256 - len(plan.groups))))
        )
        == []
    )
    assert backend.refuse(
        plan.with_(groups=(*plan.groups, *plan.groups[:1] * (257 - len(plan.groups))))
    ) == [
        "makes 257 groups of neurons, and a GPU runs at most 256: use fewer neuron models, or `--backend cpp`"
    ]


def test_the_free_memory_of_a_gpu_is_asked_for_each_time(monkeypatch, tmp_path):
    driver = tmp_path / "nvidia-smi"
    driver.write_text(f"#!/bin/sh\necho {tmp_path} >> {tmp_path}/asked\nwc -l < {tmp_path}/asked\n")
    driver.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    assert (compiler.free_bytes(), compiler.free_bytes()) == (2**20, 2 * 2**20)


def test_doctor_says_what_is_missing_and_what_to_do(monkeypatch, capsys):
    monkeypatch.setattr(compiler, "find_gpu", lambda: None)
    monkeypatch.setattr(compiler, "find_nvcc", lambda: None)

    main.doctor()
    told = capsys.readouterr().out

    assert "--  GPU           none found by nvidia-smi: only needed for --backend cuda" in told
    assert (
        "--  CUDA compiler not found: for --backend cuda, install the CUDA toolkit, or set CUDA_PATH to its folder"
        in told
    )
    assert "--backend cuda    cannot run here: no NVIDIA GPU was found" in told
    assert "--backend runtime can run here" in told


def test_a_state_of_brian2cuda_is_not_resumed(emulated, tmp_path):
    """The emulation has no brian2cuda program; what is refused is what the file says."""
    circuit = thalia.loads(f"{DRIVEN}\nbackend: {{unmodified: true}}")
    done = thalia.run(circuit, backend="cpp", output=tmp_path / "run.h5")

    with pytest.raises(
        CircuitError, match=r"backend\.unmodified, whose state brian2cuda cannot restore"
    ):
        thalia.resume(done.file, for_="10 ms")


@pytest.mark.parametrize(
    ("first", "second", "kernels"),
    [
        (
            {"reads": {"v"}, "writes": {"v"}},
            {"reads": {"w"}, "writes": {"g"}},
            2,
        ),  # the reset may overtake the arrival
        (
            {"reads": {"v"}, "writes": {"v"}},
            {"reads": {"w"}, "writes": {"v"}},
            3,
        ),  # which would then change what it sets
        (
            {"reads": {"y"}, "writes": {"y"}},
            {"reads": {"y"}, "writes": {"w"}},
            3,
        ),  # or need what it had been
    ],
)
def test_a_reset_joins_the_threshold_only_where_nothing_between_them_minds(first, second, kernels):
    neurons = Piece(
        "threshold", "neurons", "g", frozenset("v"), frozenset({"spikes"}), is_threshold=True
    )
    arrival = Piece(
        "arrival",
        "arrivals",
        "p",
        frozenset(second["reads"] | {"spikes"}),
        frozenset(second["writes"]),
    )
    reset = Piece("reset", "spikes", "g", frozenset(first["reads"]), frozenset(first["writes"]))

    assert len(joined([neurons, arrival, reset])) == kernels


@pytest.mark.gpu
@pytest.mark.parametrize(
    "text", [(ROOT / "circuits" / "pair.yaml").read_text(), DRIVEN], ids=["pair", "driven"]
)
def test_a_gpu_gives_the_bits_of_the_compiled_backend(tmp_path, text):
    assert same(*(run(thalia.loads(text), tmp_path, backend) for backend in ("cpp", "cuda")))


@pytest.mark.gpu
@pytest.mark.parametrize(("rule", "numbers"), [*SETTINGS, *GATED, *STACKED])
def test_a_gpu_gives_the_weights_of_the_compiled_backend_for_every_rule(rule, numbers):
    assert weights(rule, numbers, "cuda") == pytest.approx(weights(rule, numbers, "cpp"), rel=1e-12)


@pytest.mark.gpu
def test_a_gpu_gives_the_rates_and_weights_of_the_plastic_microcircuit(tmp_path):
    """Five seeds each: means of eight rates and of all that is learned differ by less than four standard errors."""

    def numbers(made):
        learned = [made.weights[name].w[-1].mean() for name in made.weights]
        return [*[*made.rates.values()][:8], *learned]

    found = {
        backend: np.array([
            numbers(run(ROOT / "circuits" / "cortex.yaml", tmp_path, backend, seed=seed, duration="3 s")) for seed in range(1, 6)
        ])
        for backend in ("cpp", "cuda")
    }  # fmt: skip
    error = np.sqrt(sum(each.var(axis=0, ddof=1) / 5 for each in found.values()))

    assert found["cpp"].shape[1] > 8
    assert (abs(found["cpp"].mean(axis=0) - found["cuda"].mean(axis=0)) < 4 * error).all()


@pytest.mark.gpu
@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # brian2cuda leaves files open
@pytest.mark.parametrize("text", [(ROOT / "circuits" / "pair.yaml").read_text()], ids=["pair"])
def test_brian2cuda_as_it_is_gives_the_same(tmp_path, text):
    unmodified, own = (
        thalia.run(
            thalia.loads(text, set={"backend.unmodified": value}),
            backend="cuda",
            output=tmp_path / f"{value}.h5",
        )
        for value in ("true", "false")
    )

    assert np.array_equal(unmodified.spikes["second"].times, own.spikes["second"].times)
    assert unmodified.weights["synapse"].w == pytest.approx(own.weights["synapse"].w, rel=1e-6)
