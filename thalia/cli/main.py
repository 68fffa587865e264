"""The commands: each is one call of the Python interface, and does its heavy imports itself."""

import gc
import io
import json
import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn

import typer
from typer.core import TyperGroup

from thalia.cli import (
    assistant,
    cache,
    calibrate,
    converse,
    fit,
    jobs,
    library,
    memory,
    protocols,
    runs,
    study,
    training,
)
from thalia.cli.options import (
    Backend,
    CheckpointEvery,
    Chunk,
    CircuitFile,
    Duration,
    Lower,
    Nestml,
    Precision,
    Scale,
    Seed,
    Set,
    Threads,
    completed_circuit,
    found_circuit,
    interruptible,
    load_with,
    progress_bar,
    settings_of,
    tell,
)
from thalia.cli.output import say
from thalia.errors import (
    CircuitError,
    FormerNameWarning,
    NoChecksums,
    NoLocks,
    NotCompiled,
    counted,
    fail,
    is_of_the_machine,
    printable,
    system_error,
)

if TYPE_CHECKING:
    from thalia.compiler.plan import Plan
    from thalia.recording.run_file import Run

KIND_HELP = (
    "raster, rates, weights, traces, spectrum, isi, correlation, modulators or graph; of a memory, "
    "retention, calibration or cues."
)


class Commands(TyperGroup):
    """All commands, with what they have in common."""

    def invoke(self, ctx: Any) -> Any:
        """Run one of them."""
        with interruptible():
            return super().invoke(ctx)


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=True,
)


def _show_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        say(version("thalia"))
        raise typer.Exit


@app.callback()
def of_all_commands(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Simulate brain regions: circuits in YAML, checked and compiled; one file per run."""


@app.command()
def check(
    circuit: CircuitFile,
    set_: Set = None,
    scale: Scale = None,
    for_: Annotated[
        Literal["nest"] | None,
        typer.Option("--for", help="nest: also find what `thalia export --to nest` would refuse."),
    ] = None,
    nestml: Nestml = False,
) -> None:
    """Find every mistake in a circuit, without running it.

    Each of its conditions is checked too.

    Example: thalia check circuits/cortex.yaml --scale 0.05
    """
    from thalia.compiler.options import with_options
    from thalia.compiler.pipeline import plan_of
    from thalia.compiler.resources import expected_synapses

    if nestml and for_ != "nest":
        raise fail("--nestml: is for --for nest", "leave it out")
    settings = settings_of(set_) | ({} if scale is None else {"scale": str(scale)})
    loaded = with_options(load_with(circuit, set_), scale=scale)
    plan = plan_of(loaded)
    if for_ == "nest":
        from thalia.exporters.nest import compiled_for_nest

        compiled_for_nest(circuit, settings_of(set_), scale=scale, nestml=nestml)
    large = _check_recorded(plan)
    left = list[str]()
    if loaded.conditions:
        from thalia.parallel.study import circuits_in_conditions, soon_compiled

        names, others = soon_compiled(loaded.conditions, plan, circuit)
        circuits_in_conditions(circuit, loaded, names, set=settings)
        left += others
    if loaded.experiment:
        from thalia.parallel.study import soon_compiled
        from thalia.training.experiment import conditions_of

        names, others = soon_compiled(loaded.experiment.controls, plan, circuit)
        conditions_of(circuit, None, names, settings, {})
        left += others
    neurons = sum(group.size for group in plan.groups)
    synapses = sum(expected_synapses(pathway, plan) for _, pathway in plan.pathways())
    say(
        f"{circuit}: OK: {plan.name}, {counted(neurons, 'neuron')}, "
        f"{counted(synapses, 'synapse')}, {plan.duration:g} s"
    )
    for note in plan.notes:
        say(f"  {note}")
    for name in large:
        say(f"  not checked, since the population is large: which neurons {name} records")
    if left:
        say(
            f"  not checked, since all together take long: {counted(len(left), 'condition')} "
            f"from '{left[0]}' on; `thalia study` and `thalia learn` check what they run"
        )


def _check_recorded(plan: "Plan") -> list[str]:
    """Check which neurons are recorded; the names of records of populations too large for that."""
    if not plan.record.traces:
        return []
    from thalia.circuit.limits import MOST_CHOSEN_FROM
    from thalia.connectivity.selection import recorded_neurons

    sizes = {name: plan.population(t.population)[1].size for name, t in plan.record.traces.items()}
    large = [name for name, size in sizes.items() if size > MOST_CHOSEN_FROM]
    for name in sizes:
        if name not in large:
            recorded_neurons(plan, name)
    return large


@app.command("plan")
def plan_command(
    circuit: CircuitFile,
    set_: Set = None,
    scale: Scale = None,
    lower: Lower = "on",
    precision: Precision = "double",
    after: Annotated[
        str,
        typer.Option(
            metavar="PASS",
            help="Stop after this pass: the circuit as YAML after expand, read_data, "
            "drive_to_weight or downscale, the plan after resolve, fuse or lower.",
        ),
    ] = "lower",
) -> None:
    """Print the equations that would run, and what they cost.

    Shows how they were fused, and how each variable is integrated.

    Example: thalia plan circuits/cortex.yaml --after expand
    """
    from thalia.codegen.listing import after_pass
    from thalia.compiler.options import CompilerOptions, with_options

    loaded = with_options(load_with(circuit, set_), scale=scale)
    say(after_pass(loaded, CompilerOptions(lower, precision), after), end="")


@app.command()
def run(
    circuit: CircuitFile,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The run file; by default runs/CIRCUIT/TIME.h5."),
    ] = None,
    backend: Backend = None,
    seed: Seed = None,
    set_: Set = None,
    duration: Duration = None,
    scale: Scale = None,
    lower: Lower = "on",
    precision: Precision = "double",
    threads: Threads = None,
    checkpoint_every: CheckpointEvery = None,
    chunk: Chunk = None,
    start_from: Annotated[
        Path | None,
        typer.Option("--from", help="Run file whose weights and rule state to start from."),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the run file if it exists.")
    ] = False,
    plot: Annotated[
        bool, typer.Option("--plot", help="Write the figures next to the run file.")
    ] = False,
    profile: Annotated[
        bool, typer.Option("--profile", help="Show where the time went, by pass and by object.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object instead of the table.")
    ] = False,
) -> None:
    """Simulate a circuit and store everything in one file.

    Example: thalia run circuits/cortex.yaml --plot
    """
    from thalia.simulation.run import RunOptions, run_with

    loaded = load_with(circuit, set_)
    with progress_bar(quiet=as_json) as progress:
        options = RunOptions(
            output=output,
            backend=backend,
            seed=seed,
            duration=duration,
            scale=scale,
            lower=lower,
            precision=precision,
            threads=threads,
            overwrite=overwrite,
            checkpoint_every=checkpoint_every,
            chunk=chunk,
            start_from=start_from,
            profile=profile,
            progress=progress,
        )
        result = run_with(loaded, options)
    try:
        figures = _figures(result) if plot else []
    except BaseException as error:
        error.add_note(f"{result.file} is complete")
        raise
    tell(result, figures, as_json)


app.command()(runs.resume)
app.command("verify-resume")(runs.verify_resume)
app.command()(runs.diff)
app.command()(runs.health)
app.command()(runs.report)
app.command()(runs.export)
app.command()(runs.sweep)
app.command()(study.study)
app.command()(jobs.job)
app.command()(fit.fit)
app.command()(calibrate.calibrate)
app.command()(training.learn)
app.command()(converse.converse)


@app.command()
def plot(
    kind: Annotated[str, typer.Argument(metavar="KIND", help=KIND_HELP)],
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="A run file; for a graph, also a circuit; or a memory.",
            parser=found_circuit,
            autocompletion=completed_circuit,
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The figure; its ending decides the format."),
    ] = None,
    start: Annotated[
        str | None, typer.Option("--from", help="Show the run from a time on, such as '200 ms'.")
    ] = None,
    stop: Annotated[str | None, typer.Option("--to", help="Show the run up to a time.")] = None,
    neurons: Annotated[
        str | None,
        typer.Option(
            help="Show some neurons of each population: 10 (the first ten), 0:50, 'i % 2 == 0' or, "
            "of those from a table, 'id in (AVAL, AVAR)'."
        ),
    ] = None,
    population: Annotated[
        list[str] | None, typer.Option(help="Show this population only; may be repeated.")
    ] = None,
) -> None:
    """Draw a figure of a run, or of a part of it, or of a memory.

    Example: thalia plot raster runs/cortex/2026-11-22T10-00-00.h5 --from '200 ms' --neurons 0:50
    """
    from thalia.circuit.bundled import beside
    from thalia.compiler.graph import network_of
    from thalia.compiler.pipeline import plan_of
    from thalia.figures.kinds import GRAPH, OF_MEMORIES, check_kind, draw
    from thalia.figures.network import graph
    from thalia.figures.style import save
    from thalia.recording.run_file import Run

    check_kind(kind)
    is_circuit = file.suffix in (".yaml", ".yml")
    if is_circuit and kind != GRAPH:
        needed = "memory" if kind in OF_MEMORIES else "run"
        hint = "" if kind in OF_MEMORIES else f"thalia run {file} --plot"
        raise fail(f"{file}: is a circuit, and a {kind} needs a {needed}", hint)
    target = output or beside(file, f"{file.stem}_{kind}.png")
    part = {"start": start, "stop": stop, "neurons": neurons, "populations": population or None}
    if kind in (GRAPH, *OF_MEMORIES) and any(part.values()):
        whole = "circuit" if kind == GRAPH else "memory"
        raise fail(f"a {kind} shows the whole {whole}", "leave --from, --to and so on out")
    if kind in OF_MEMORIES:
        figure = OF_MEMORIES[kind](file)
    elif is_circuit:
        figure = graph(network_of(plan_of(load_with(file, None))))
    else:
        loaded = Run(file)
        figure = graph(loaded.network) if kind == GRAPH else draw(kind, loaded, part)
    try:
        say(save(figure, target))
    except ValueError as error:
        raise fail(f"{target}: {error}") from None


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Report what this machine can run circuits on.

    Says how to add what is missing.

    Example: thalia doctor
    """
    from thalia.backends import doctor as examination

    findings = examination.examine()
    if as_json:
        say(json.dumps(examination.as_data(findings)))
        return
    for each in findings:
        say(
            f"{'ok' if each.good else '--'}  {each.name:14}{each.found}"
            f"{f': {each.remedy}' if each.remedy else ''}"
        )
    for name, why in examination.backends_here(findings).items():
        say(f"--backend {name:8}{(why and f'cannot run here: {why}') or 'can run here'}")


app.add_typer(cache.app, name="cache")
app.command()(protocols.window)
app.command()(protocols.protocol)
app.add_typer(memory.app, name="memory")
app.command()(assistant.mcp)
app.command("list")(library.list_command)
app.command()(library.cite)
app.command()(library.schema)
app.command()(library.circuits)
app.command()(library.new)


def _figures(result: "Run") -> list[Path]:
    from thalia.figures.kinds import figures_of
    from thalia.figures.network import graph
    from thalia.figures.style import save

    stem = result.file.with_suffix("")
    drawn = figures_of(result).items()
    written = [save(draw(result), f"{stem}_{name}.png") for name, draw in drawn]
    return [*written, save(graph(result.network), f"{stem}_graph.png")]


def _formatted(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    line: str | None = None,
    default: Callable[..., str] = warnings.formatwarning,
) -> str:
    """A warning as it is printed on standard error; notices about files have their own place."""
    if issubclass(category, FormerNameWarning | NoChecksums | NoLocks | NotCompiled):
        return f"{printable(str(message))}\n"
    return default(message, category, filename, lineno, line)


def main() -> None:
    """Run a command; mistakes in its input end with status 2 and without a traceback."""
    # a command has no plugins of pydantic, for which the metadata of every package would be read
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    warnings.formatwarning = _formatted
    if isinstance(sys.stdout, io.TextIOWrapper):  # what `LC_ALL=C` cannot show becomes codes
        sys.stdout.reconfigure(errors="backslashreplace")
    gc.set_threshold(100_000)  # imports make much that stays; looking through it costs a twentieth
    try:
        app()
    except CircuitError as error:
        _refused(error)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
    except MemoryError as error:
        _refused(fail(f"memory is exhausted: {error}", "run a smaller one with --scale"))
    except OSError as error:
        if not is_of_the_machine(error):
            raise
        _refused(system_error(error))


def _refused(error: CircuitError) -> NoReturn:
    """End with every problem on standard error, and status 2."""
    say(error, file=sys.stderr)
    count = len(error.problems)
    if count > 1:
        say(f"{count} problems", file=sys.stderr)
    sys.exit(2)
