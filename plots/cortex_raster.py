"""The raster at the head of the README, from a run of circuits/cortex.yaml.

uv run python plots/cortex_raster.py runs/cortex/….h5 plots/cortex_raster.png
"""

import sys

import thalia

run_file, figure_file = sys.argv[1:]
thalia.figures.save(thalia.figures.raster(thalia.Run(run_file)), figure_file)
