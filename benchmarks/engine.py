"""What one circuit costs here, row by row: time of the command, building, sparse cells, plasticity; every side beside another.

    python -m benchmarks.engine [--rounds 3] [--seconds 4] [--output benchmarks/engine.json]

Every number is the least of some rounds in turn, since other work can only add to it; each side runs in a process of its own, on one
thread. `--render` writes the table of `benchmarks/engine*.json`, a column for each file, into benchmarks/README.md instead. The speed on
many threads is measured by `threads.py`, wiring and loading by `wiring.py`.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage

from plots.conditions import provenance

HERE = Path(__file__).parent
CIRCUIT = HERE.parent / "circuits" / "cortex.yaml"
BEGIN, END = "<!-- engine: begin -->", "<!-- engine: end -->"
COMMAND = [sys.executable, "-m", "thalia"]


def processor_seconds(words: list[str], **environment: str) -> tuple[float, float, str]:
    """Processor and wall-clock seconds of a command, and what it printed."""
    before, begin = getrusage(RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        words,
        cwd=HERE.parent,
        env={**os.environ, "THALIA_THREADS": "1", **environment},
        stdout=subprocess.PIPE,
        encoding="utf-8",
        check=True,
    )
    wall, after = time.perf_counter() - begin, getrusage(RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return used, wall, done.stdout


def lines_of(*words: str) -> list[dict]:
    """What Python reports, line by line, of a script or a module with its options."""
    said = processor_seconds([sys.executable, *words])[2]
    return [json.loads(line) for line in said.splitlines() if line.startswith("{")]


def first_step(**environment: str) -> tuple[float, float]:
    """Processor seconds of a run of one step, and seconds of the whole command without the step."""
    with tempfile.TemporaryDirectory() as folder:
        words = ["run", str(CIRCUIT), "--duration", "0.1 ms", "--json", "-o", f"{folder}/run.h5"]
        used, wall, said = processor_seconds([*COMMAND, *words], **environment)
    return used, wall - json.loads(said)["timings_s"]["simulate"]


def command(options: argparse.Namespace) -> dict[str, float]:
    """The command line, with every program in the cache."""
    first_step()
    check = [*COMMAND, "check", str(CIRCUIT)]
    return {
        "`thalia check circuits/cortex.yaml`, processor s": min(
            processor_seconds(check)[0] for _ in range(options.rounds + 2)
        ),
        "`thalia run circuits/cortex.yaml` without the steps, program cached, s": min(
            first_step()[1] for _ in range(options.rounds)
        ),
    }


def building(options: argparse.Namespace) -> dict[str, float]:
    """Building from an empty cache, and another circuit of the same models after that."""
    with tempfile.TemporaryDirectory() as folder:
        cache = {"THALIA_CACHE": f"{folder}/cache"}
        cold = first_step(**cache)[0]
        cached = first_step(**cache)[0]
        words = ["run", str(CIRCUIT), "--duration", "0.1 ms", "--json", "--set", "phases=[]"]
        words += ["--set", "pathways.thalamocortical.plasticity=[]", "-o"]
        second, _, said = processor_seconds([*COMMAND, *words, f"{folder}/a.h5"], **cache)
        again = processor_seconds([*COMMAND, *words, f"{folder}/b.h5"], **cache)[0]
    assert not json.loads(said)["compiled"]["cached"]
    return {
        "building cortex.yaml from an empty cache, processor s": cold - cached,
        "building a second circuit of the same models, processor s": second - again,
    }


def sparse(options: argparse.Namespace) -> dict[str, float]:
    """The network of the size of a fly's brain."""
    with tempfile.TemporaryDirectory() as folder:
        given = f"--duration={options.seconds}", f"--rounds={options.rounds}"
        lines = lines_of("-m", "benchmarks.fly", *given, "-o", f"{folder}/fly.json")
    return {
        f"fly-sized network, {name}, times model time": min(
            line["times_model_time"] for line in lines if name in line["side"]
        )
        for name in ("static", "two traces × dopamine")
    }


def plasticity(options: argparse.Namespace) -> dict[str, float]:
    """The microcircuit at scale 0.1: static, and with pair STDP on a third of its synapses."""
    rules = "none", "stdp_pair"
    least = dict.fromkeys(rules, float("inf"))
    for index in range(options.rounds + 1):
        for rule in rules:
            given = f"--rule={rule}", f"--duration={options.seconds}", f"--seed={max(index, 1)}"
            (line,) = lines_of(str(HERE / "plasticity_thalia.py"), *given)
            least[rule] = min(least[rule], line["rtf"])
    return {
        "microcircuit, scale 0.1, static, times model time": least["none"],
        "pair STDP on E→E against static": least["stdp_pair"] / least["none"],
    }


def third_factor(options: argparse.Namespace) -> dict[str, float]:
    """A million synapses at 10 Hz: two traces times dopamine against pair STDP."""
    sides = "thalia, pair STDP", "thalia, two traces x dopamine"
    least = dict.fromkeys(sides, float("inf"))
    for _ in range(options.rounds + 1):
        for side in sides:
            given = f"--side={side}", f"--seconds={options.seconds}"
            said = processor_seconds([sys.executable, "-m", "benchmarks.three_factor", *given])[2]
            least[side] = min(least[side], float(said.split()[-1]))
    pair, dopamine = (least[side] for side in sides)
    return {
        "a million synapses, pair STDP, times model time": pair,
        "three factors against pair STDP": dopamine / pair,
    }


PARTS: Mapping[str, Callable[[argparse.Namespace], dict[str, float]]] = {
    each.__name__: each for each in (command, building, sparse, plasticity, third_factor)
}


def processor() -> str:
    """Its name, as the system has it."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))


def render() -> None:
    """Write the table of all machines."""
    tables = [json.loads(file.read_text("utf-8")) for file in sorted(HERE.glob("engine*.json"))]
    heads = [f"{each['processors']} processors, {each['date']}" for each in tables]
    lines = [f"| what | {' | '.join(heads)} |", f"| --- {'| --- ' * len(heads)}|"]
    names = dict.fromkeys(name for each in tables for name in each["rows"])
    for name in names:
        cells = (f"{each['rows'][name]:.3g}" if name in each["rows"] else "" for each in tables)
        lines.append(f"| {name} | {' | '.join(cells)} |")
    page = HERE / "README.md"
    before, _, rest = page.read_text("utf-8").partition(BEGIN)
    text = "\n".join(lines)
    page.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{rest.partition(END)[2]}", "utf-8")


def main() -> None:
    """Measure, or write what was measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=4, help="model time of every run")
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--output", type=Path)
    parser.add_argument("--render", action="store_true")
    options = parser.parse_args()
    if options.render:
        render()
        return
    rows: dict[str, float] = {}
    for part in options.parts.split(","):
        rows |= PARTS[part](options)
        print(part, json.dumps(rows), file=sys.stderr, flush=True)
    table = provenance(" ".join(["python -m benchmarks.engine", *sys.argv[1:]])) | {
        "processors": len(os.sched_getaffinity(0)),
        "processor": processor(),
        "seeds": [*range(1, options.rounds + 1)],
        "rounds": options.rounds,
        "model_s": options.seconds,
        "rows": {name: round(number, 4) for name, number in rows.items()},
    }
    text = json.dumps(table, indent=1, ensure_ascii=False)
    print(text)
    if options.output:
        options.output.write_text(f"{text}\n", "utf-8")


if __name__ == "__main__":
    main()
