"""The commands of a memory in a file: `thalia memory store`, `recall` and so on."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from thalia.cli.options import Backend, Seed
from thalia.cli.output import say
from thalia.errors import fail
from thalia.simulation.interruption import Terminated

if TYPE_CHECKING:
    from thalia.memory.answers import Recalled
    from thalia.memory.memory import Memory

app = typer.Typer(rich_markup_mode=None, no_args_is_help=True)

SHOWN = 60  # characters of a text in a table
LONGEST_GRADE = 20  # characters

File = Annotated[Path, typer.Argument(metavar="FILE", help="The file of the memory.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object for each line.")]


@app.callback()
def memory() -> None:
    """Store vectors or texts in synapses, and recall them.

    They are in the synapses of a circuit, whose spikes recall them. All of a memory is in one
    file, which is on disk before a command answers.

    Example: thalia memory store notes.h5 --text "sleep consolidates memories"
    """


@app.command()
def store(
    file: File,
    text: Annotated[
        list[str] | None, typer.Option(help="A text to store; may be repeated.")
    ] = None,
    vectors: Annotated[
        Path | None, typer.Option(help="A file of NumPy (.npy) with a vector in each row.")
    ] = None,
    other: Annotated[
        Path | None,
        typer.Option(
            "--from",
            help="Another memory, also of another version of Thalia, whose items are stored again.",
        ),
    ] = None,
    seed: Seed = None,
    backend: Backend = None,
    as_json: Json = False,
) -> None:
    """Store texts or vectors, and print the number of each.

    Example: thalia memory store faces.h5 --vectors faces.npy
    """
    contents = [*_texts(text), *_rows(vectors)]
    if not contents and other is None:
        raise fail(
            "there is nothing to store", "say --text '…', --vectors FILE.npy or --from MEMORY"
        )
    with _opened(file, seed, backend) as found:
        numbers = () if other is None else found.store_from(_existing(other))
        for number in chain(numbers, map(found.store, contents)):
            say(json.dumps({"item": number}) if as_json else number)
            sys.stdout.flush()


@app.command()
def recall(
    file: File,
    text: Annotated[list[str] | None, typer.Option(help="A text as cue; may be repeated.")] = None,
    vectors: Annotated[
        Path | None, typer.Option("--vector", help="A file of NumPy (.npy): a vector, or rows.")
    ] = None,
    k: Annotated[int, typer.Option("--k", help="Items that are recalled at most.")] = 5,
    backend: Backend = None,
    as_json: Json = False,
) -> None:
    """Recall what cues remind of: number, confidence, chance, text.

    Confidence is the share of volleys of the cue at which the cells of an item fire; that of
    unrelated items stays below some 0.15. The chance that it is right is known after a sleep.

    Example: thalia memory recall notes.h5 --text "what happens in sleep" --k 3
    """
    cues = [*_texts(text), *_rows(vectors)]
    if not cues:
        raise fail("there is no cue", "say --text '…' or --vector FILE.npy")
    with _opened(_existing(file), None, backend) as found:
        for place, cue in enumerate(cues):
            recalled = found.recall(cue, k)
            if as_json:
                say(json.dumps({"cue": place, "recalled": [_as_data(each) for each in recalled]}))
                continue
            if place:
                say("")
            for each in recalled:
                chance = "" if each.chance is None else f"{each.chance:.2f}"
                line = f"{each.item:>6}  {each.confidence:.2f}  {chance:4}  {_short(each.text)}"
                say(line.rstrip())
            if not recalled:
                say("  nothing is recalled")


@app.command()
def forget(
    file: File,
    items: Annotated[list[int], typer.Argument(metavar="ITEM…", help="Numbers of items.")],
    backend: Backend = None,
) -> None:
    """Forget items: their synapses, and what they were.

    Example: thalia memory forget notes.h5 12 13
    """
    with _opened(_existing(file), None, backend) as found:
        for item in items:
            found.forget(item)
            say(f"{item}: forgotten")


@app.command()
def status(file: File, backend: Backend = None, as_json: Json = False) -> None:
    """Show how many items a memory has, and how many it can recall.

    It is asked for each item by the whole code of it, and left as it was.

    Example: thalia memory status notes.h5 --json
    """
    with _opened(_existing(file), None, backend) as found:
        now = asdict(found.status())
    if as_json:
        say(json.dumps(now))
        return
    for name, value in now.items():
        say(f"{name.replace('_', ' '):19}{_in_words(value)}")


@app.command()
def sleep(
    file: File,
    replays: Annotated[
        int | None, typer.Option(help="Reactivations in all; by default two for each item.")
    ] = None,
    backend: Backend = None,
    as_json: Json = False,
) -> None:
    """Let a memory sleep: items are reactivated, and slow synapses learn them.

    Weak ones come most often, and those with surprising or good outcomes.

    Example: thalia memory sleep notes.h5
    """
    with _opened(_existing(file), None, backend) as found:
        slept = found.sleep(replays)
    if as_json:
        say(json.dumps(asdict(slept)))
    else:
        say(f"{slept.replays} reactivations; {slept.recallable} items can be recalled")


@app.command()
def review(
    file: File,
    grade: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ITEM=GRADE",
            help="What was remembered of an item: 1 nothing, 2 with effort, 3 well, 4 at once; "
            "may be repeated.",
        ),
    ] = None,
    backend: Backend = None,
    as_json: Json = False,
) -> None:
    """Show which items to review when, or report how reviews went.

    Times and the chance to remember are those of FSRS, confidence that of the circuit. A grade is
    an outcome, too: the circuit learns what to expect of the item, which it is shown once more.

    Example: thalia memory review notes.h5 --grade 12=3
    """
    grades = [_grade(each) for each in grade or []]
    with _opened(_existing(file), None, backend) as found:
        for item, value in grades:
            told = found.review(item, value)
            if as_json:
                say(json.dumps(asdict(told)))
            else:
                say(f"{item}: expected {told.expected:.1f}, found {value}")
        if grades:
            return
        for each in found.due():
            if as_json:
                say(json.dumps(asdict(each)))
                continue
            chance = "" if each.retrievability is None else f"{each.retrievability:.2f}"
            say(
                f"{each.item:>6}  {each.due or 'never reviewed':25}  {chance:>4}  "
                f"{each.confidence:.2f}  {_short(each.text)}".rstrip()
            )


def _grade(given: str) -> tuple[int, int]:
    item, _, value = given.partition("=")
    if not (item.isdecimal() and value.isdecimal() and len(given) < LONGEST_GRADE):
        raise fail(f"--grade: expected ITEM=GRADE, such as 12=3, found '{given}'")
    return int(item), int(value)


@contextmanager
def _opened(file: Path, seed: int | None, backend: str | None) -> "Iterator[Memory]":
    from thalia.memory.memory import Memory

    try:
        with Memory(file, seed=seed, backend=backend) as found:
            yield found
    except (KeyboardInterrupt, Terminated) as end:
        end.add_note(f"what was answered is in {file}")
        raise


def _existing(file: Path) -> Path:
    if not file.exists():
        raise fail(f"{file}: no such file", "`thalia memory store` makes a new memory")
    return file


def _texts(given: list[str] | None) -> list[str]:
    return given or []


def _rows(file: Path | None) -> list[Any]:
    """The vectors in a file of NumPy."""
    if file is None:
        return []
    from thalia.memory.vector_file import read_vectors

    return [*read_vectors(file)]


def _as_data(recalled: "Recalled") -> dict[str, Any]:
    vector = None if recalled.vector is None else recalled.vector.tolist()
    return {**asdict(recalled), "vector": vector}


def _in_words(value: object) -> str:
    """A value of the status: shares and factors with two digits."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {_in_words(each)}" for name, each in value.items())
    if isinstance(value, tuple):
        return " to ".join(map(_in_words, value))
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def _short(text: str | None) -> str:
    from thalia.errors import shortened

    return shortened(" ".join((text or "").split()), SHOWN)
