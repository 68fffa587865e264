"""The command that offers Thalia to an assistant: `thalia mcp`, by the Model Context Protocol.

Each tool is a command, in a process of its own: it answers what a user would see, problems with
their places and hints included, and cannot harm the server.
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from thalia.syntax.late_imports import optional

SECONDS = 120  # for which a command that only reads may take
SECONDS_OF_RUN = 3600
MOST_SHOWN = 60_000  # characters of an answer
INSTRUCTIONS = """\
Thalia simulates circuits of spiking neurons that are written in YAML. `circuits` lists those that
come with it, and `list_components` the neurons, synapses and plasticity rules they are built from;
with a name it shows one of them. `schema` has every key. Write a circuit, `check` it until there is
no problem (each comes with file:line:column, what was expected, and a hint), look at the equations
with `plan`, and judge a run with `health`.
"""


def mcp(
    allow_run: Annotated[
        bool,
        typer.Option(
            "--allow-run", help="Also offer to simulate, which compiles and writes files."
        ),
    ] = False,
) -> None:
    """Serve commands that only read to an assistant.

    They are check, plan, list, circuits, schema, cite and health, over standard input and output.
    Nothing is simulated or written without --allow-run.

    Example: thalia mcp
    """
    server_of(allow_run).run("stdio")


def server_of(allow_run: bool) -> Any:
    """The server, with the tools that read, and with the one that simulates if that is allowed.

    Raises
    ------
    CircuitError
        If the package `mcp` is not installed.
    """
    optional("mcp", "thalia mcp")
    from mcp.server.mcpserver import MCPServer
    from mcp.types import ToolAnnotations

    server: Any = MCPServer("thalia", instructions=INSTRUCTIONS, version=version("thalia"))
    reads = ToolAnnotations(read_only_hint=True, open_world_hint=False)
    for tool in (check, plan, list_components, circuits, schema, cite, health):
        server.tool(annotations=reads)(tool)
    if allow_run:
        writes = ToolAnnotations(read_only_hint=False, destructive_hint=False)
        server.tool(annotations=writes)(run)
    return server


def check(circuit: str = "", text: str = "", set: dict[str, str] | None = None) -> str:
    """Find every mistake in a circuit, without running it.

    `circuit` is a file or a name from `circuits`, or `text` is the YAML itself; `set` replaces
    values by dotted path.
    """
    return _of_circuit("check", circuit, text, set)


def plan(circuit: str = "", text: str = "", set: dict[str, str] | None = None) -> str:
    """Show the equations that would run, how they are integrated, and what they cost.

    Arguments are those of `check`.
    """
    return _of_circuit("plan", circuit, text, set)


def list_components(what: str = "") -> str:
    """Show the library: all of it, one kind (such as neurons or plasticity), or one component.

    A name that parts of several kinds have is said with its kind, as in `stimuli/poisson`.
    """
    return _answer(["list", *_positional(what)])


def circuits() -> str:
    """List the circuits that come with Thalia."""
    return _answer(["circuits"])


def schema() -> str:
    """The JSON Schema of circuit files, with the meaning and an example of every key."""
    return _answer(["schema"], most=10 * MOST_SHOWN)


def cite(circuit: str) -> str:
    """The papers behind a circuit and its components."""
    return _answer(["cite", *_positional(circuit)])


def health(file: str) -> str:
    """Judge the activity of a run file, population by population, as JSON."""
    return _answer(["health", "--json", *_positional(file)], fine=(0, 2))


def run(
    circuit: str,
    set: dict[str, str] | None = None,
    seed: int | None = None,
    duration: str = "",
    scale: float | None = None,
) -> str:
    """Simulate a circuit; the answer is its summary as JSON, with the name of the run file."""
    options = _settings(set)
    options += ["--seed", str(seed)] if seed is not None else []
    options += ["--scale", str(scale)] if scale is not None else []
    options += [f"--duration={duration}"] if duration else []
    return _answer(["run", "--json", *options, *_positional(circuit)], seconds=SECONDS_OF_RUN)


def _of_circuit(command: str, circuit: str, text: str, set: Mapping[str, str] | None) -> str:
    """What a command says of a circuit that is named, or given as text.

    Raises
    ------
    ToolError
        With what it says of mistakes, or if it is not one of the two; no other error is passed on.
    """
    from mcp.server.mcpserver.exceptions import ToolError

    if bool(circuit) == bool(text):
        raise ToolError(f"{command}: expected either 'circuit' or 'text'")
    if circuit:
        return _answer([command, *_settings(set), *_positional(circuit)])
    with TemporaryDirectory() as folder:
        file = Path(folder) / "circuit.yaml"
        file.write_text(text, "utf-8")
        return _answer([command, *_settings(set), *_positional(file.name)], folder=file.parent)


def _settings(values: Mapping[str, str] | None) -> list[str]:
    return [f"--set={path}={value}" for path, value in (values or {}).items()]


def _positional(text: str) -> list[str]:
    """An argument that is none of the options, whatever it begins with."""
    return ["--", text] if text else []


def _answer(
    command: Sequence[str],
    seconds: int = SECONDS,
    fine: tuple[int, ...] = (0,),
    most: int = MOST_SHOWN,
    folder: Path | None = None,
) -> str:
    """What a command says, in the current folder or in another.

    Raises
    ------
    ToolError
        With what it says, if its status is none of those that are fine.
    """
    from mcp.server.mcpserver.exceptions import ToolError

    # -P: nothing of the current folder is imported
    process = [sys.executable, "-P", "-m", "thalia", *command]
    try:
        done = subprocess.run(
            process,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=seconds,
            cwd=folder,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ToolError(f"`thalia {command[0]}` was ended after {seconds} s") from None
    said = done.stdout or done.stderr if done.returncode in fine else done.stderr or done.stdout
    if done.returncode not in fine or (done.returncode and not _is_json(done.stdout)):
        raise ToolError(said[:most])
    return said if len(said) <= most else f"{said[:most]}\n… and {len(said) - most:,} characters"


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
