"""The circuit as a graph, for networkx, Gephi, Cytoscape and the like: populations, and pathways with their numbers."""

from pathlib import Path as FilePath

from thalia.compiler.graph import graph_of
from thalia.recording.run_file import Run

ENDING, MARK, NEEDS = ".graphml", "", ""


def write(run: Run, target: FilePath) -> None:
    """Write the circuit of a run; edges carry synapses, synapses per postsynaptic neuron, sign and plasticity."""
    import networkx

    networkx.write_graphml(graph_of(run.network), target)
