"""The cortical microcircuit in Thalia, from an empty cache or from a warm one.

python benchmarks/cortex_thalia.py --scale 0.1 --duration 2 --seed 1 [--cold]
"""

import os
import tempfile
from pathlib import Path

from microcircuit import NAMES, command_line, processor_seconds, report

options = command_line(cold=False)

with tempfile.TemporaryDirectory() as folder:
    if options.cold:
        os.environ["THALIA_CACHE"] = folder
    started = processor_seconds()
    import thalia

    circuit = Path(__file__).parent.parent / "circuits" / "cortex.yaml"
    run = thalia.run(
        circuit,
        output=f"{folder}/run.h5",
        backend="cpp",
        scale=options.scale,
        seed=options.seed,
        duration=f"{options.duration} s",
    )
    seconds = run.results["timings_s"]
    everything = processor_seconds()
    built = everything - seconds["simulate"] - seconds["store"]
    rates = [run.rates[name] for name in NAMES]
    side = "thalia, cold" if options.cold else "thalia, cached"
    report(side, options.seed, started, built, seconds["simulate"], rates, options.duration)
