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
    started, built = processor_seconds(), 0.0
    import thalia

    def begins(what, fraction, detail=""):
        """Take note of the processor time until the simulation begins."""
        global built
        if what == "simulating":
            built = built or processor_seconds()

    circuit = Path(__file__).parent.parent / "circuits" / "cortex.yaml"
    run = thalia.run(
        circuit,
        output=f"{folder}/run.h5",
        backend="cpp",
        scale=options.scale,
        seed=options.seed,
        duration=f"{options.duration} s",
        progress=begins,
    )
    seconds = run.results["timings_s"]
    rates = [run.rates[name] for name in NAMES]
    side = "thalia, cold" if options.cold else "thalia, cached"
    report(side, options.seed, started, built, seconds["simulate"], rates, options.duration)
