"""Published models, written from their papers, next to the same in Brian2 by hand, with the same measures.

    uv run python -m benchmarks.published [NAME ...]

The scripts for Brian2 are in tests/reference/brian2_models and run beside the circuits. The numbers are kept in
results/published_models.json, from which the table in docs/results.md is rendered.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import thalia
from benchmarks.rendering import PUBLISHED_MODELS, render
from plots import receptive_field, song
from plots.conditions import provenance

ROOT = Path(__file__).parent.parent
BRIAN2 = ROOT / "tests" / "reference" / "brian2_models"

type Measures = Mapping[str, float]


def late_rates(run: thalia.Run, begin: float = 0.2) -> dict[str, float]:
    """Rates in Hz after the beginning, in seconds."""
    return {
        name: float(
            (run.spikes[name].times > begin).sum() / run.spikes[name].size / (run.duration - begin)
        )
        for name in run.rates
    }


def rhythm(times: NDArray[np.float64]) -> tuple[float, float]:
    """Frequency in Hz with the greatest power between 10 and 150 Hz of spikes from 0.2 to 1 s, and its share."""
    counts = np.histogram(times, 800, (0.2, 1.0))[0]
    power = np.abs(np.fft.rfft((counts - counts.mean()) * np.hanning(800), 8000)) ** 2
    hertz = np.fft.rfftfreq(8000, 1e-3)
    band = (hertz >= 10) & (hertz <= 150)
    peak = hertz[band][np.argmax(power[band])]
    near = band & (np.abs(hertz - peak) <= 10)
    return float(peak), float(power[near].sum() / power[band].sum())


def _izhikevich(run: thalia.Run) -> Measures:
    return dict(
        zip(("excitatory cells (Hz)", "inhibitory cells (Hz)"), run.rates.values(), strict=True)
    )


def _coba(run: thalia.Run) -> Measures:
    rates, irregular = late_rates(run), run.results["cv_isi"]["exc"]
    return {
        "excitatory cells (Hz)": rates["exc"],
        "inhibitory cells (Hz)": rates["inh"],
        "CV of intervals, excitatory cells": irregular,
    }


def _ping(run: thalia.Run) -> Measures:
    rates, (hertz, share) = late_rates(run), rhythm(run.spikes["fs"].times)
    return _gamma(rates, hertz, share)


def _gamma(rates: Measures, hertz: float, share: float) -> Measures:
    return {
        "pyramidal cells (Hz)": rates["rs"],
        "interneurons (Hz)": rates["fs"],
        "rhythm (Hz)": hertz,
        "power of the rhythm (share)": share,
    }


def _bimodal(found: Measures) -> Measures:
    return {
        "rate in the last fifth (Hz)": found["rate"],
        "weights below a tenth of the greatest (share)": found["weak"],
        "weights above nine tenths of it (share)": found["strong"],
    }


@dataclass(frozen=True)
class Model:
    """A published model: its circuit, how it is measured here and in Brian2, and what its paper has."""

    circuit: str
    measure: Callable[[thalia.Run], Measures]
    published: str
    seeds: Sequence[int] = (1, 2, 3)
    condition: str | None = None
    changes: Mapping[str, Any] = field(default_factory=dict)
    in_brian2: Callable[[Any, Path], Measures] | None = None  # of what it printed, and its file
    arguments: Sequence[str] = ()


MODELS = {
    "izhikevich": Model(
        "izhikevich",
        _izhikevich,
        "about 7 Hz (Izhikevich 2003; the published program, in tests/reference/test_izhikevich.py)",
        in_brian2=lambda said, _: {
            "excitatory cells (Hz)": said["e"],
            "inhibitory cells (Hz)": said["i"],
        },
    ),
    "coba": Model(
        "coba",
        _coba,
        "irregular activity that sustains itself (Vogels & Abbott 2005)",
        seeds=range(8),
        in_brian2=lambda said, _: {
            "excitatory cells (Hz)": said["exc"],
            "inhibitory cells (Hz)": said["inh"],
        },
    ),
    "ping": Model(
        "ping",
        _ping,
        "gamma of 30 to 50 Hz, in which pyramidal cells skip cycles (Susin & Destexhe 2021)",
        arguments=("{file}",),
        in_brian2=lambda said, file: _gamma(said, *rhythm(np.load(file))),
    ),
    "song": Model(
        "song",
        song.competition,
        "weights at both bounds (Song, Miller & Abbott 2000, figure 2)",
        seeds=(1, 2),
        arguments=("20", "400"),
        in_brian2=lambda said, _: _bimodal(said),
    ),
    "song, latency": Model(
        "song",
        song.latencies,
        "early inputs win, and the response comes earlier and is shorter (figure 4)",
        seeds=(1,),
        condition="latency",
        changes={"duration": "300 s"},
    ),
    "receptive_field": Model(
        "receptive_field",
        receptive_field.numbers,
        "one place, with the profile of its inputs, 10 wide (rule of Pfister & Gerstner 2006, "
        "input of Clopath et al. 2010)",
        in_brian2=lambda said, _: receptive_field.measures(np.array(said["weights"]), said["rate"]),
    ),
}


def here(model: Model, folder: Path) -> list[Measures]:
    """The measures of each seed in Thalia."""
    file = ROOT / "circuits" / f"{model.circuit}.yaml"
    circuit = thalia.load(file, condition=model.condition, set=model.changes)
    runs = (
        thalia.run(circuit, seed=seed, output=folder / f"{model.circuit}_{seed}.h5", overwrite=True)
        for seed in model.seeds
    )
    return [model.measure(run) for run in runs]


def in_brian2(model: Model, folder: Path) -> list[Measures]:
    """The measures of each seed in Brian2, one process after another.

    Raises
    ------
    subprocess.CalledProcessError
        If a script fails.
    """
    if model.in_brian2 is None:
        return []
    found = []
    for seed in model.seeds:
        file = folder / f"{model.circuit}_{seed}.npy"
        script = [sys.executable, str(BRIAN2 / f"{model.circuit}.py"), str(seed)]
        arguments = [each.format(file=file) for each in model.arguments]
        done = subprocess.run(
            [*script, *arguments], capture_output=True, encoding="utf-8", cwd=BRIAN2, check=True
        )
        found.append(model.in_brian2(json.loads(done.stdout.splitlines()[-1]), file))
    return found


def lines_of_circuit(name: str) -> list[str]:
    """The lines of a circuit that are no comment, without its summary, and its conditions."""
    text = (ROOT / "circuits" / f"{name}.yaml").read_text("utf-8").partition("\nconditions:")[0]
    code = (line for line in text.splitlines() if not line.strip().startswith("#"))
    return [line for line in code if line.strip() and not line.startswith("summary:")]


def lines_of_brian2(name: str) -> list[str]:
    """The same of a script, without its docstring, its imports, and what it does with the results."""
    text = (BRIAN2 / f"{name}.py").read_text("utf-8").partition("\n# results")[0]
    lines = text[text.index('"""', 3) + 3 :].splitlines()
    code = (line for line in lines if line.strip() and not line.strip().startswith("#"))
    return [line for line in code if not line.startswith(("import ", "from "))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(MODELS)}")
    parser.add_argument("-o", "--output", type=Path, default=PUBLISHED_MODELS)
    options = parser.parse_args()
    kept = json.loads(options.output.read_text("utf-8")) if options.output.exists() else {}
    for name in options.names or MODELS:
        model = MODELS[name]
        with tempfile.TemporaryDirectory() as folder:
            sides = {"here": here(model, Path(folder)), "brian2": in_brian2(model, Path(folder))}
        kept[name] = provenance(f'python -m benchmarks.published "{name}"') | {
            "circuit": model.circuit,
            "published": model.published,
            "seeds": list(model.seeds),
            "lines": {
                "here": len(lines_of_circuit(model.circuit)),
                "brian2": len(lines_of_brian2(model.circuit)),
            },
            **{side: _intervals(found) for side, found in sides.items()},
        }
        options.output.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")
        print(name, flush=True)
    if options.output == PUBLISHED_MODELS:
        render()


def _intervals(found: list[Measures]) -> dict[str, Any]:
    return {
        name: asdict(thalia.analysis.mean_interval(np.array([each[name] for each in found])))
        for name in (found[0] if found else ())
    }


if __name__ == "__main__":
    main()
