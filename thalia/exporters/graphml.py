"""The circuit as a graph of populations and pathways, for networkx, Gephi or Cytoscape."""

from pathlib import Path as FilePath

from thalia.compiler.graph import graph_of
from thalia.recording.run_file import Run

ENDING, FILES, NEEDS = ".graphml", (), ""


def write(run: Run, target: FilePath) -> None:
    """Write the circuit of a run.

    Edges have the number of synapses, in-degree, sign and plasticity.
    """
    import networkx

    networkx.write_graphml(graph_of(run.network), target)
