"""How long, and with how much memory, synapses are loaded from a file, from 10,000 to 100 million.

    uv run python -m benchmarks.loading --counts 1e4 1e6 2.5e7 --formats csv npz
    uv run python -m benchmarks.loading --render       # the table from `benchmarks/loading.json`

writes `benchmarks/loading.json`, or `--output`, and its table in `benchmarks/README.md`. Each measurement is a process of its own. A synapse is a row of two identifiers as those of FlyWire,
a count and a sign; the neurons are those of MaleCNS, 166,700. `load` is everything that
`thalia check` does; `--run` also measures a whole run of one step, the program being compiled in it
or before.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
RESULTS = HERE / "loading.json"
BEGIN, END = "<!-- loading: begin -->", "<!-- loading: end -->"
NEURONS, SEED = 166_700, 1
CIRCUIT = """
thalia: 1
name: loading
duration: 1 ms
populations: {{neurons: {{file: neurons.csv, neuron: lif_current}}}}
pathways:
  synapses: {{pre: neurons, post: neurons, connect: {{file: edges.{ending}}}, synapse: delta,
             weight: count * 0.275 mV * sign, delay: 1.8 ms}}
"""


def write(folder: Path, count: int, ending: str) -> None:
    """A table of neurons, and one of distinct synapses in the order of their sources."""
    generator = np.random.default_rng(SEED)
    neurons = NEURONS if count > NEURONS else max(1000, count // 20)
    identifiers = 720_575_940_600_000_000 + np.sort(generator.choice(10**9, neurons, replace=False))
    pairs = np.unique(generator.integers(0, neurons * neurons, int(count * 1.01)))[:count]
    pre, post = np.divmod(pairs, neurons)
    sign = np.where(generator.random(neurons) < 0.2, -1, 1)[pre]
    counts = generator.integers(1, 30, len(pre))
    columns = {"pre": identifiers[pre], "post": identifiers[post], "count": counts, "sign": sign}
    (folder / "neurons.csv").write_text(
        "\n".join(["id", *map(str, identifiers.tolist())]) + "\n", encoding="utf-8"
    )
    (folder / "circuit.yaml").write_text(CIRCUIT.format(ending=ending), encoding="utf-8")
    file = folder / f"edges.{ending}"
    if ending == "npz":
        np.savez(file, **columns)
        return
    import pyarrow as pa
    from pyarrow import csv, parquet

    table = pa.table(columns)
    if ending == "parquet":
        parquet.write_table(table, file)
    else:
        csv.write_csv(table, file, csv.WriteOptions(quoting_style="none"))


def peak() -> float:
    """The most memory that this process had, in GB; that of `getrusage` is its parent's, if more."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return round(next(float(line.split()[1]) for line in lines if "VmHWM" in line) / 1e6, 2)


def measure(folder: Path) -> None:
    """Load the circuit in a folder, run it for a millisecond, and print what that took."""
    import thalia

    begin, used = time.perf_counter(), time.process_time()
    plan = thalia.plan_of(thalia.load(folder / "circuit.yaml"))
    found = {
        "synapses": sum(len(p.connect.edges) for _, p in plan.pathways()),
        "load_s": round(time.perf_counter() - begin, 2),
        "load_cpu_s": round(time.process_time() - used, 2),
        "load_GB": peak(),
    }
    del plan
    for turn in ("compiling", "compiled") if "--run" in sys.argv else ():
        begin = time.perf_counter()
        thalia.run(folder / "circuit.yaml", output=folder / f"{turn}.h5", duration="0.1 ms")
        found[f"first_step_{turn}_s"] = round(time.perf_counter() - begin, 2)
        found["run_GB"] = peak()
    print(json.dumps(found))


def table(results: dict) -> str:
    """The results as a page shows them: a row for each number of synapses, columns by format."""
    rows = results["rows"]
    formats = list(dict.fromkeys(row["format"] for row in rows))
    found = {(row["synapses"], row["format"]): row for row in rows}
    units = ("wall-clock s", "processor s", "GB")
    lines = [
        f"| synapses | {' | '.join(f'{each}, {unit}' for each in formats for unit in units)} |",
        f"| --- |{' --- |' * len(formats) * len(units)}",
    ]
    for count in sorted({row["synapses"] for row in rows}):
        cells = [f"{count:,}"]
        for each in formats:
            row = found.get((count, each))
            cells += (
                [f"{row['load_s']:.1f}", f"{row['load_cpu_s']:.1f}", f"{row['load_GB']:.2f}"]
                if row
                else [""] * len(units)
            )
        lines.append(f"| {' | '.join(cells)} |")
    lines += ["", "| synapses, format | a run of one step, s | if compiled before, s | GB |"]
    lines += ["| --- | --- | --- | --- |"]
    for row in results.get("first_steps", []):
        times = (row[f"first_step_{turn}_s"] for turn in ("compiling", "compiled"))
        cells = [f"{row['synapses']:,}, {row['format']}", *(f"{each:.1f}" for each in times)]
        lines.append(f"| {' | '.join(cells)} | {row['run_GB']:.2f} |")
    return "\n".join(lines)


def render() -> None:
    """Put the table of the stored results into the page."""
    page = HERE / "README.md"
    before, _, rest = page.read_text("utf-8").partition(BEGIN)
    shown = table(json.loads(RESULTS.read_text("utf-8")))
    page.write_text(f"{before}{BEGIN}\n\n{shown}\n\n{END}{rest.partition(END)[2]}", "utf-8")


def measured(ending: str, count: int, simulated: bool) -> dict[str, object]:
    """The numbers of one table, from a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), count, ending)
        command = [
            sys.executable,
            "-m",
            "benchmarks.loading",
            "--measure",
            folder,
            *["--run"] * simulated,
        ]
        done = subprocess.run(
            command, cwd=HERE.parent, capture_output=True, encoding="utf-8", check=True
        )
    row = {"format": ending, **json.loads(done.stdout)}
    print(row, flush=True)
    return row


def main() -> None:
    """Measure every format with every number of synapses, or show what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--counts", nargs="+", type=float, default=[1e4, 1e5, 1e6, 1e7, 2.5e7])
    parser.add_argument("--formats", nargs="+", default=["csv", "npz", "parquet"])
    parser.add_argument("--run", action="store_true", help="run it for a step, too")
    parser.add_argument("--output", type=Path, default=RESULTS)
    parser.add_argument("--render", action="store_true", help="only write the table again")
    parser.add_argument("--measure", type=Path)
    options = parser.parse_args()
    if options.measure:
        measure(options.measure)
        return
    if not options.render:
        rows = [
            measured(ending, int(count), options.run)
            for ending in options.formats
            for count in options.counts
        ]
        from plots.conditions import provenance  # whose imports the measured sides do without

        results = provenance(" ".join(["python -m benchmarks.loading", *sys.argv[1:]])) | {
            "seeds": [SEED],
            "processors": len(os.sched_getaffinity(0)),
            "numpy": np.__version__,
            "first_steps" if options.run else "rows": rows,
        }
        options.output.write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    if options.output == RESULTS:
        render()


if __name__ == "__main__":
    main()
