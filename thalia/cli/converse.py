"""The command with which one talks to a network: `thalia converse`."""

import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from thalia.cli.options import Backend, Seed
from thalia.cli.output import say
from thalia.errors import fail
from thalia.simulation.interruption import Terminated

if TYPE_CHECKING:
    from thalia.training.teachers import Teacher

LONGEST_LINE = 1_000_000  # characters that are read of a line; the rest of it is passed over


def converse(
    state: Annotated[
        Path, typer.Argument(metavar="STATE", help="File of the conversation, continued or new.")
    ] = Path("conversation.h5"),
    teacher: Annotated[
        str,
        typer.Option(
            help="scripted, the address of a chat endpoint of the OpenAI kind (http://…/v1), "
            "or none: you teach, with '= REPLY'."
        ),
    ] = "none",
    persona: Annotated[
        Path | None, typer.Option(help="Text file that says to the endpoint who it is.")
    ] = None,
    model: Annotated[str, typer.Option(help="Model that the endpoint is asked for.")] = "default",
    timeout: Annotated[
        float, typer.Option(min=0.1, help="Seconds to wait for the endpoint.")
    ] = 30.0,
    most_tokens: Annotated[
        int, typer.Option(min=1, help="Tokens that the endpoint may use in all.")
    ] = 100_000,
    turns: Annotated[int | None, typer.Option(min=1, help="Turns, after which it ends.")] = None,
    words: Annotated[
        int | None, typer.Option(help="Words for which a new network has neurons; by default 100.")
    ] = None,
    seed: Seed = None,
    backend: Backend = None,
) -> None:
    """Talk to a network that learns from every turn.

    All of it is kept in one file.

    With an endpoint, your sentences and its replies are sent there, with the key in
    THALIA_TEACHER_KEY if it is set; nothing is sent otherwise.

    Example: thalia converse friend.h5 --teacher scripted
    """
    from thalia.training.converse import Converse
    from thalia.training.partner import conversation_in

    chosen = _teacher(teacher, persona, model, timeout, most_tokens)
    try:
        with conversation_in(state, words, seed, backend) as partner:
            Converse(partner, chosen, turns, _tell).run(_lines(sys.stdin))
    except (KeyboardInterrupt, Terminated) as end:
        end.add_note(f"what was answered is kept; `thalia converse {state}` goes on")
        raise


def _teacher(
    name: str, persona: Path | None, model: str, timeout: float, tokens: int
) -> "Teacher | None":
    from thalia.syntax.folder import read_text
    from thalia.training.teachers import Endpoint, Script

    if name in ("none", "scripted"):
        if persona:
            raise fail("--persona: is for a chat endpoint", "--teacher http://localhost:8080/v1")
        return Script() if name == "scripted" else None
    told = read_text(persona) if persona else ""
    return Endpoint(name, model=model, persona=told, timeout=timeout, tokens=tokens)


def _tell(line: str) -> None:
    say(line)
    sys.stdout.flush()


def _lines(file: TextIO) -> Iterator[str]:
    """Lines as they are typed, or those of a pipe up to its end."""
    if isinstance(file, io.TextIOWrapper):
        file.reconfigure(errors="replace")  # what is not text is no word either
    typed = file.isatty()
    while True:
        if typed:
            say("> ", end="")
            sys.stdout.flush()
        line = file.readline(LONGEST_LINE)
        if not line:
            break
        rest = line
        while rest and not rest.endswith("\n"):
            rest = file.readline(LONGEST_LINE)
        yield line
    if typed:
        say("")
