"""The command about the build cache: what is in it, and how to empty it."""

import json
from dataclasses import asdict
from datetime import datetime
from typing import Annotated

import typer

from thalia.cli.output import say

app = typer.Typer(rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def show(
    context: typer.Context,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object instead of the table.")
    ] = False,
) -> None:
    """List the compiled programs that later runs reuse.

    The most recently used come first.

    The cache is in $THALIA_CACHE, by default `thalia` in your cache folder. After each build the
    least recently used programs are removed until it fits into $THALIA_CACHE_LIMIT, by default
    2 GB. Folders in $THALIA_CACHE_LAYERS are looked in first, and only read.

    Example: thalia cache
    """
    from thalia.toolchain import cache, cache_folder

    if context.invoked_subcommand:
        return
    limit, entries = cache.limit(), cache.entries()[::-1]
    layers = {str(layer): cache.size_of(layer) for layer in cache_folder.layers()}
    total = sum(each.bytes for each in entries)
    if as_json:
        listed = [asdict(each) | {"folder": str(each.folder)} for each in entries]
        place = {"folder": str(cache_folder.folder()), "limit": limit, "layers": layers}
        say(json.dumps({**place, "bytes": total, "entries": listed}))
        return
    for each in entries:
        used = datetime.fromtimestamp(each.last_used).strftime("%Y-%m-%d %H:%M")
        state = "in use" if each.in_use else used
        kind, circuit = each.description.kind, each.description.circuit
        say(f"{kind:20}{circuit:24}{_size(each.bytes):>10}  {state:18}{each.folder.name}")
    for layer, size in layers.items():
        say(f"{layer}: {_size(size)}, only read")
    say(f"{cache_folder.folder()}: {_entries(len(entries))}, {_size(total)} of {_size(limit)}")


@app.command()
def clear() -> None:
    """Remove all compiled programs that are not in use.

    Example: thalia cache clear
    """
    from thalia.toolchain import cache

    removed = cache.trim(0)
    left = len(cache.entries())
    kept = f"; {left} in use" if left else ""
    say(f"{_entries(len(removed))} removed, {_size(sum(each.bytes for each in removed))}{kept}")


def _size(count: int) -> str:
    """A number of bytes, for people."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"


def _entries(count: int) -> str:
    return "1 entry" if count == 1 else f"{count} entries"
