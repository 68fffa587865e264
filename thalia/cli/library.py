"""The commands about what there is to build from: parts, circuits, papers, starting points."""

import json
import sys
from typing import Annotated, Literal

import typer

from thalia.cli.options import CircuitFile, Scale, Set, load_with
from thalia.cli.output import say
from thalia.errors import fail


def list_command(
    what: Annotated[
        str | None,
        typer.Argument(
            metavar="[KIND or NAME]",
            help="neurons, synapses, plasticity, …, or a component, also as plasticity/stdp_pair.",
        ),
    ] = None,
    as_yaml: Annotated[
        bool, typer.Option("--yaml", help="Print the component exactly as one would write it.")
    ] = False,
) -> None:
    """Show the library, or everything about one component.

    Example: thalia list stdp_pair --yaml
    """
    from thalia.cli.catalog import listing, written

    text, others = written(what) if as_yaml else (listing(what), "")
    say(text, end="")
    say(others, sys.stderr, end="")  # where the text of a part goes to a file


def cite(
    circuit: CircuitFile,
    methods: Annotated[
        bool,
        typer.Option(
            "--methods",
            help="Print the description of the model as tables instead (Nordlie et al. 2009).",
        ),
    ] = False,
    latex: Annotated[bool, typer.Option("--latex", help="With --methods: in LaTeX.")] = False,
    set_: Set = None,
    scale: Scale = None,
) -> None:
    """Print the papers behind a circuit, or its description.

    Example: thalia cite circuits/cortex.yaml --methods --latex
    """
    from thalia.compiler.options import with_options
    from thalia.compiler.pipeline import compile_circuit
    from thalia.publication.citations import citations
    from thalia.publication.description import describe_model
    from thalia.publication.formats import as_latex, as_markdown

    loaded = with_options(load_with(circuit, set_), scale=scale)
    if latex and not methods:
        raise fail("--latex: is for the tables of --methods", "give --methods as well")
    if not methods:
        say("\n".join(citations(loaded)))
        return
    compiled = compile_circuit(loaded)
    sizes = {member.name: member.size for _, member in compiled.plan.populations()}
    tables = describe_model(compiled.read, sizes)
    say((as_latex if latex else as_markdown)(tables), end="")


def schema() -> None:
    """Print the JSON Schema of circuit files, for editors.

    Example: thalia schema > circuit.schema.json
    """
    from thalia.circuit.json_schema import json_schema

    say(json.dumps(json_schema(), indent=2))


def circuits() -> None:
    """List the circuits that come with Thalia, by name.

    Example: thalia circuits
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
    """Write a small circuit, or a part of one, to start from.

    Example: thalia new my_rule --kind rule
    """
    from thalia.cli.starters import start

    made = start(kind, name)
    say("\n".join(f"{file}: written" for file in made.files))
    say(f"try `{made.command}`")
