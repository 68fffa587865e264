"""What a third factor costs: pair STDP, two eligibility traces times dopamine, and the same by peers.

All sides have the same numbers: `--pre` sources and as many neurons, all connected, Poisson spikes on both ends, ten dopamine
neurons at 5 Hz. Each side is run in turn in a process of its own, at three settings of rate and time step; `--growth` varies
the number of synapses instead.

uv run --group peers python -m benchmarks.three_factor --seconds 5 --rounds 3

The medians are kept in results/speed/three_factor.json (and growth_three_factor.json) and rendered on the pages that name them.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

from benchmarks.speed import median_of
from benchmarks.tables import SPEED, keep, times

ROOT = Path(__file__).parent.parent
KEPT = SPEED / "three_factor.json"

PAIR = {
    "tau_plus": 20.0,
    "tau_minus": 20.0,
    "a_plus": 1e-6,
    "a_minus": 1e-6,
}  # ms; so small that all sides do the same work
FAST, SLOW, SHARE = 200.0, 1500.0, 0.3


def thalia_side(options: argparse.Namespace, rule: str, backend: str = "cpp") -> float:
    """Seconds of simulation."""
    import thalia

    use = {"rule": "stdp_pair"} if rule == "pair" else {"rule": "d1_stdp", "modulator": "dopamine"}
    numbers = {key: value if key.startswith("a_") else f"{value} ms" for key, value in PAIR.items()}
    circuit = {
        "thalia": 1, "name": "three_factor", "duration": f"{options.seconds} s", "dt": f"{options.dt} ms", "seed": options.seed,
        "populations": {
            "pre": {"neuron": "poisson", "size": options.pre, "parameters": {"rate": f"{options.rate} Hz"}},
            "post": {"neuron": "lif_current", "size": options.post},
            "vta": {"neuron": "poisson", "size": 10, "parameters": {"rate": "5 Hz"}},
        },
        "modulators": {"dopamine": {"kind": "first_order", "released_by": "vta", "baseline": 1}},
        "pathways": {"p": {
            "pre": "pre", "post": "post", "connect": {"rule": "all_to_all"}, "synapse": "current_exp", "weight": "0.001 pA",
            "delay": "1 ms", "plasticity": [{**use, **numbers}],
        }},
        "stimuli": {"drive": {"kind": "poisson", "target": "post", "rate": f"{options.rate} Hz", "synapse": "delta", "weight": "100 mV"}},
        "record": {"spikes": "none", "weights": {"pathways": "none"}},
    }  # fmt: skip
    lower = "off" if rule == "clock" else "on"
    with tempfile.TemporaryDirectory() as folder:
        run = thalia.run(thalia.loads(json.dumps(circuit)), output=f"{folder}/run.h5", backend=backend, lower=lower,
                         precision=options.precision, checkpoint_every=f"{options.seconds} s")  # fmt: skip
        return run.results["timings_s"]["simulate"]


def brian2_side(options: argparse.Namespace) -> float:
    """The rule as one writes it by hand, in C++ standalone: Brian2 integrates eligibility and weight in every step."""
    import brian2 as b2
    from brian2 import Hz, ms, mV, second

    folder = tempfile.mkdtemp()
    b2.set_device("cpp_standalone", directory=folder, build_on_run=False)
    b2.defaultclock.dt = options.dt * ms
    pre = b2.PoissonGroup(options.pre, options.rate * Hz)
    post = b2.NeuronGroup(
        options.post,
        "dv/dt = -v/(10*ms) : volt",
        threshold="v > 15*mV",
        reset="v = 0*mV",
        method="exact",
    )
    drive = b2.PoissonInput(post, "v", 1, options.rate * Hz, weight=100 * mV)
    vta = b2.PoissonGroup(10, 5 * Hz)
    dopamine = b2.NeuronGroup(1, "dlevel/dt = -level/(200*ms) : 1", method="exact")
    release = b2.Synapses(vta, dopamine, on_pre="level_post += 0.1")
    release.connect()
    synapses = b2.Synapses(
        pre, post,
        """level : 1 (linked)
        dpre_trace/dt = -pre_trace/(20*ms) : 1 (event-driven)
        dpost_trace/dt = -post_trace/(20*ms) : 1 (event-driven)
        dfast/dt = -fast/(200*ms) : 1 (clock-driven)
        dslow/dt = -slow/(1500*ms) : 1 (clock-driven)
        dw/dt = (fast + 0.3*slow)*(level - 1)/second : 1 (clock-driven)""",
        on_pre="v_post += w*1e-6*volt\npre_trace += 1\nfast -= 1e-6*post_trace\nslow -= 1e-6*post_trace",
        on_post="post_trace += 1\nfast += 1e-6*pre_trace\nslow += 1e-6*pre_trace",
        delay=1 * ms, method="exponential_euler",
    )  # fmt: skip
    synapses.connect()
    synapses.level = b2.linked_var(dopamine, "level")
    b2.Network(pre, post, drive, vta, dopamine, release, synapses).run(
        options.seconds * second, namespace={}
    )
    b2.device.build(directory=folder, compile=True, run=True, with_output=False)
    return float(b2.device._last_run_time)


def nest_side(options: argparse.Namespace, model: str) -> float:
    """NEST on one thread, with one eligibility trace (it has no second one) or with pair STDP."""
    import nest

    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.ResetKernel()
    nest.resolution = options.dt
    nest.rng_seed = options.seed
    pre, post = (
        nest.Create("parrot_neuron", options.pre),
        nest.Create("iaf_psc_delta", options.post, {"tau_minus": 20.0}),
    )
    nest.Connect(nest.Create("poisson_generator", params={"rate": options.rate}), pre)
    nest.Connect(
        nest.Create("poisson_generator", params={"rate": options.rate}),
        post,
        syn_spec={"weight": 100.0},
    )
    vta, transmitter = nest.Create("parrot_neuron", 10), nest.Create("volume_transmitter")
    nest.Connect(nest.Create("poisson_generator", params={"rate": 5.0}), vta)
    nest.Connect(vta, transmitter, "all_to_all")
    if model == "stdp_dopamine_synapse":
        nest.CopyModel(
            model,
            "dopamine",
            {
                "volume_transmitter": transmitter,
                "A_plus": 1e-6,
                "A_minus": 1e-6,
                "tau_c": SLOW,
                "tau_n": FAST,
                "b": 0.001,
            },
        )
        model = "dopamine"
    nest.Connect(pre, post, "all_to_all", {"synapse_model": model, "weight": 1e-6, "delay": 1.0})
    nest.Prepare()
    start = perf_counter()
    nest.Run(1000 * options.seconds)
    return perf_counter() - start


SETTINGS = {  # rate in Hz, time step in ms
    "10 Hz, dt 1 ms": (10.0, 1.0),
    "10 Hz, dt 0.1 ms": (10.0, 0.1),
    "1 Hz, dt 0.1 ms": (1.0, 0.1),
}
FIRST = next(iter(SETTINGS))
OWN = "thalia, two traces x dopamine"
SIDES = {
    "thalia, pair STDP": lambda o: thalia_side(o, "pair"),
    OWN: lambda o: thalia_side(o, "dopamine"),
    "thalia, the same clock-driven": lambda o: thalia_side(o, "clock"),
    "brian2, the same by hand": brian2_side,
    "nest, stdp_dopamine_synapse": lambda o: nest_side(o, "stdp_dopamine_synapse"),
    "nest, stdp_synapse": lambda o: nest_side(o, "stdp_synapse"),
}
AT_ONE = {side for side in SIDES if "clock-driven" in side or "nest" in side}  # at one setting only


def measured(side: str, options: argparse.Namespace, **changes: object) -> float | None:
    """Times model time of one side, run in a process of its own."""
    given = {**vars(options), **changes, "side": side}
    arguments = [
        text
        for key in ("side", "pre", "post", "rate", "dt", "seconds", "seed", "precision")
        for text in (f"--{key}", str(given[key]))
    ]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.three_factor", *arguments],
        capture_output=True,
        encoding="utf-8",
        cwd=ROOT,
        check=False,
    )
    if done.returncode:
        print(f"{side} failed:\n{done.stderr[-1500:]}", file=sys.stderr)
        return None
    return float(done.stdout.split()[-1])


def table(options: argparse.Namespace) -> None:
    """Keep medians of all sides at every setting, and their ratios to Thalia's three factors."""
    words = options.only.split(",")
    found: dict[str, dict[str, list[float]]] = {}
    for setting, (rate, dt) in SETTINGS.items():
        asked = [side for side in SIDES if any(word in side for word in words)]
        sides = [side for side in asked if side not in AT_ONE or setting == FIRST]
        for round_ in range(options.rounds + 1):  # the first round compiles
            for side in sides if round_ else [side for side in sides if "thalia" in side]:
                value = measured(side, options, rate=rate, dt=dt, seed=round_ + 1)
                if round_ and value is not None:
                    found.setdefault(setting, {}).setdefault(side, []).append(value)
        _keep(found, options)


def _keep(found: dict[str, dict[str, list[float]]], options: argparse.Namespace) -> None:
    medians = {
        setting: {
            side: median_of([{"rtf": value} for value in values], "rtf")
            for side, values in sides.items()
        }
        for setting, sides in found.items()
    }
    keep(
        options.output,
        f"python -m benchmarks.three_factor --seconds {options.seconds:g} --rounds {options.rounds}",
        {setting: setting for setting in medians},
        {
            side: {setting: each[side] for setting, each in medians.items() if side in each}
            for side in medians[FIRST]
        },
        seeds=range(1, options.rounds + 1),
        side="times model time",
        times_thalia={setting: times(each, OWN) for setting, each in medians.items()},
    )


def growth(options: argparse.Namespace) -> None:
    """Keep the time for each event at a presynaptic or postsynaptic end, as synapses become more."""
    rows = {}
    for post in (100, 300, 1000, 3000, 10000):
        measured(OWN, options, pre=1000, post=post, seconds=0.1)
        values = [
            measured(OWN, options, pre=1000, post=post, seed=k + 1) for k in range(options.rounds)
        ]
        value = statistics.median(each for each in values if each is not None)
        events = 2 * 1000 * post * options.rate
        rows[f"{1000 * post:,}"] = {"rtf": value, "event": 1e9 * value / events}
        print(post, rows[f"{1000 * post:,}"], flush=True)
    keep(
        options.output,
        f"python -m benchmarks.three_factor --growth --seconds {options.seconds:g} --rounds {options.rounds}",
        {"rtf": "times model time", "event": "ns for each event at a synapse"},
        rows,
        seeds=range(1, options.rounds + 1),
        side="synapses",
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--side", default="all", choices=["all", *SIDES])
    parser.add_argument("--only", default="", help="words of the sides to run, separated by commas")
    parser.add_argument("--growth", action="store_true")
    parser.add_argument(
        "--precision", default="double", choices=["double", "single"], help="of Thalia's synapses"
    )
    for name, default in (("pre", 1000), ("post", 1000), ("rounds", 3), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    for name, default in (("rate", 10.0), ("dt", 1.0), ("seconds", 5.0)):
        parser.add_argument(f"--{name}", type=float, default=default)
    parser.add_argument("-o", "--output", type=Path)
    given = parser.parse_args()
    given.output = given.output or (SPEED / "growth_three_factor.json" if given.growth else KEPT)
    if given.growth:
        growth(given)
    elif given.side == "all":
        table(given)
    else:
        print(SIDES[given.side](given) / given.seconds)
