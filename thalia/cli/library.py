"""The commands about what there is to build from: parts, circuits, papers, starting points."""

import json
from typing import Annotated, Literal

import typer

from thalia.cli.options import CircuitFile, load_with
from thalia.cli.output import say


def list_command(
    what: Annotated[
        str | None,
        typer.Argument(
            metavar="[KIND or NAME]", help="neurons, synapses, plasticity, …, or a component."
        ),
    ] = None,
) -> None:
    """Show the library, or everything about one component.

    Example: thalia list stdp_pair
    """
    from thalia.cli.catalog import listing

    say(listing(what), end="")


def cite(circuit: CircuitFile) -> None:
    """Print the papers behind a circuit and its components.

    Example: thalia cite circuits/cortex.yaml
    """
    from thalia.publication.citations import citations

    say("\n".join(citations(load_with(circuit, None))))


def schema() -> None:
    """Print the JSON Schema of circuit files, for editors.

    Example: thalia schema > circuit.schema.json
    """
    from thalia.circuit.json_schema import json_schema

    say(json.dumps(json_schema(), indent=2))


def circuits() -> None:
    """List the circuits that come with Thalia, which every command finds by name.

    Example: thalia run cortex
    """
    from thalia.circuit.bundled import summaries

    known = summaries()
    width = max(map(len, known), default=0)
    say("\n".join(f"{name:<{width}}  {summary}" for name, summary in known.items()))


def new(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Name of what is written, in snake_case.")
    ],
    kind: Annotated[
        Literal["circuit", "neuron", "synapse", "rule", "region", "experiment", "task"],
        typer.Option(help="What to start: a part, or a task, comes with a circuit that uses it."),
    ] = "circuit",
) -> None:
    """Write a small circuit to start from, or a neuron, a rule, a region, an experiment, a task.

    Example: thalia new my_rule --kind rule
    """
    from thalia.cli.starters import start

    made = start(kind, name)
    say("\n".join(f"{file}: written" for file in made.files))
    say(f"try `{made.command}`")
