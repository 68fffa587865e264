"""What users read when something is wrong: every mistake at once, with its place and a remedy."""

import errno
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from difflib import get_close_matches
from heapq import nlargest
from itertools import takewhile
from pathlib import Path as FilePath
from typing import Any

Path = tuple[str | int, ...]
TextPlace = tuple[int, int]
MOST_PROBLEMS = 100  # that are told
MOST_COMPARED, FEW = 100_000, 16  # letters of a word and of names that it may have been; else few
# what a machine refuses to any program, and what people do about it
_OF_THE_MACHINE = {
    errno.ENOSPC: "make room there",
    errno.EDQUOT: "your quota there is used up, which `quota -s` shows: make room",
    errno.EFBIG: "raise the limit of the size of a file: `ulimit -f`",
    errno.EROFS: "its file system is mounted read-only: choose another folder",
    errno.EACCES: "",
    errno.EPERM: "",
    errno.ENOTDIR: "",
    errno.ELOOP: "",
    errno.ENAMETOOLONG: "",
    errno.EMFILE: "raise the limit of open files: `ulimit -n`",
    errno.ENFILE: "the machine has too many open files: end other programs",
    errno.EAGAIN: "run fewer at once, or raise the limit of processes: `ulimit -u`",
    errno.ENOMEM: "run a smaller one with --scale, or fewer at once",
    errno.EIO: "the disk, or the network that it is on, has a fault",
    errno.ESTALE: "the network file system lost it: try again",
}


def located(place: str, path: Path) -> str:
    """A place and a path as a message begins with them; an option contains its path."""
    written = dotted(path)
    is_option = bool(written) and place.endswith(f" {written}")
    return ": ".join(filter(None, (place, "" if is_option else written)))


@dataclass(frozen=True)
class Problem:
    """One mistake: the path of the key that it belongs to, what is wrong, and how to fix it.

    `place` is `file:line:column`, known only for a circuit that came from a file. If something is
    used that is not there, `missing` is the path at which it would be, as `("populations", "e")`.
    In a text of several lines, such as equations, `at` is the line and the column, both from 0.
    """

    path: Path
    message: str
    hint: str = ""
    place: str = ""
    missing: Path = ()
    at: TextPlace | None = None

    def __str__(self) -> str:
        where = located(self.place, self.path)
        text = f"{where}: {self.message}" if where else self.message
        return f"{text}\n    hint: {self.hint}" if self.hint else text

    def under(self, *prefix: str | int) -> "Problem":
        """The same problem, with `prefix` before its path: seen from further up the file."""
        return replace(self, path=(*prefix, *self.path))

    def in_variant(self, name: str, *section: str) -> "Problem":
        """The same problem, told to be in the variant of this `name` of the circuit.

        `section` is the path of all variants, as "conditions"; a path below it tells which one.
        """
        if self.path[: len(section)] == section:
            return self
        kind = section[-1].removesuffix("s")
        return replace(self, message=f"in the {kind} '{name}': {self.message}")


class CircuitError(Exception):
    """Raised for anything a user can fix; carries every problem that was found, in file order.

    As text it has the first hundred. `rest` is the circuit without what is wrong, if that can be
    read, so that later passes can look for more mistakes.
    """

    def __init__(self, problems: Iterable[Problem], rest: object = None):
        self.problems = tuple(problems)
        self.rest = rest
        told = [str(problem) for problem in self.problems[:MOST_PROBLEMS]]
        more = len(self.problems) - len(told)
        super().__init__("\n".join([*told, f"and {more:,} more problems"] if more else told))

    def __reduce__(self) -> tuple[Any, ...]:
        # from a worker; what is left of a circuit stays there
        return type(self), (self.problems,)


class FormerNameWarning(FutureWarning):
    """A circuit uses a key or a component by the name that it had in an earlier version."""


class NoChecksums(UserWarning):
    """A run file has no checksums, so that damage to it would not be noticed."""


class NoLocks(UserWarning):
    """Files in the build cache cannot be locked, so processes do not know of each other."""


class NotCompiled(UserWarning):
    """What is compiled elsewhere is interpreted here: the result is the same, and comes later."""


class MistakeInText(ValueError):
    """A text that cannot be right, found where its place in the circuit is not known.

    `at` is the line and the column within the text, if it has several lines.
    """

    def __init__(self, message: str, hint: str = "", at: TextPlace | None = None):
        self.hint, self.at = hint, at
        super().__init__(message)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str(self), self.hint, self.at)


class Diagnostics:
    """The problems that the passes of one compilation find, so that they are reported together."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def error(self, path: Path, message: str, hint: str = "", missing: Path = ()) -> None:
        """Note one problem."""
        self.problems.append(Problem(path, message, hint, missing=missing))

    def unknown(self, path: Path, kind: str, name: str, known: Iterable[str]) -> None:
        """Note that the circuit has nothing of this name under a key such as 'populations'."""
        message = f"no {kind.removesuffix('s')} is called '{name}'"
        hint = did_you_mean(name, known) if len(self.problems) < MOST_PROBLEMS else ""
        self.error(path, message, hint, (kind, name))

    @contextmanager
    def catch(self, path: Path) -> Iterator[None]:
        """Note at this path what is raised within, and go on after the block."""
        try:
            yield
        except CircuitError as error:
            self.problems += [p if p.place else p.under(*path) for p in error.problems]
        except MistakeInText as error:
            self.problems.append(Problem(path, str(error), error.hint, at=error.at))


def printable(text: str) -> str:
    r"""A text as a terminal may show it: characters that control it, or are invisible, as codes.

    Lines and tabs stay; the escape of a sequence that clears the screen becomes `\x1b`.
    """
    return "".join(
        each if each.isprintable() or each in "\n\t" else each.encode("unicode_escape").decode()
        for each in text
    )


def fail(message: str, hint: str = "", path: Path = (), missing: Path = ()) -> CircuitError:
    """The error for a single problem."""
    return CircuitError([Problem(path, message, hint, missing=missing)])


def in_a_line(error: BaseException) -> str:
    """What an error says, in one line: its first problem and how many more, or its kind as well."""
    if isinstance(error, CircuitError) and error.problems:
        more = len(error.problems) - 1
        first = str(error.problems[0]).splitlines()[0]
        return f"{first} (and {counted(more, 'more problem')})" if more else first
    return f"{type(error).__name__}: {error}".splitlines()[0]


def is_of_the_machine(error: OSError) -> bool:
    """Whether the machine refused what any program might ask for, so that the user can mend it."""
    return error.errno in _OF_THE_MACHINE


def system_reason(error: OSError) -> str:
    """Why the system refused something, as it stands within a sentence."""
    known = os.strerror(error.errno) if error.errno else ""
    return known[:1].lower() + known[1:] if known else str(error)


def system_error(
    error: OSError, path: object = "", doing: str = "written", hint: str = ""
) -> CircuitError:
    """The error for what the system refused: the path that failed, why, and what to do about it.

    `path` is that of which something was to be done, as `doing` says. The one that failed may be
    another, such as that of a program or of a temporary file, and is named then.
    """
    failed, reason = os.fsdecode(error.filename or ""), system_reason(error)
    is_other = (
        failed and FilePath(failed).parent.absolute() != FilePath(str(path)).parent.absolute()
    )
    message = f"{path}: cannot be {doing}: {reason}"
    if not path or is_other:
        message = f"{failed or 'the system refused something'}: {reason}"
    remedies = filter(None, (_OF_THE_MACHINE.get(error.errno or 0), hint))
    return fail(message, "; ".join(remedies))


def shortened(text: str, most: int = 100) -> str:
    """A text as a message quotes it: its beginning and its end, if it is long."""
    half = most // 2
    return text if len(text) <= most else f"{text[:half]} … {text[-half:]}"


def dotted(path: Path) -> str:
    """`('pathways', 'a_to_b', 'rules', 0)` as a person writes it: `pathways.a_to_b.rules[0]`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def counted(number: float, noun: str) -> str:
    """A number of things: `1 synapse`, `2,469 synapses`."""
    return f"{number:,.0f} {noun}{'' if round(number) == 1 else 's'}"


def many_times(ratio: float) -> str:
    """How many times as much, to two digits and never as a power of ten: `0.29`, `120`."""
    return f"{float(f'{ratio:.2g}'):,.10g}"


def did_you_mean(word: str, known: Iterable[str], uses: Mapping[str, int] | None = None) -> str:
    """A suggestion for an unknown name, or the list of known names.

    `uses` says how often each name is used, which decides between several that begin alike.
    """
    names = sorted({*known})
    listing = ", ".join(names) if len(names) <= 24 else ", ".join(names[:24]) + ", …"
    if meant := _meant(word, names, uses or {}):
        return f"did you mean '{meant}'? Known: {listing}"
    return f"known: {listing}" if names else "there are none"


def _meant(word: str, names: list[str], uses: Mapping[str, int]) -> str:
    """The name that was probably meant: misspelt, begun, or else similar; empty if none is."""
    compared = names
    if len(word) * sum(map(len, names)) > MOST_COMPARED:  # pairs of letters, all of them
        compared = nlargest(FEW, names, key=lambda name: _ends_in_common(word, name))
    for misspelt in get_close_matches(word, compared, n=1, cutoff=0.85):
        return misspelt
    begun = [name for name in names if len(word) > 1 and name.startswith(word.lower())]
    similar = begun or get_close_matches(word, compared, n=1, cutoff=0.6)
    return min(similar, key=lambda name: (-uses.get(name, 0), len(name), name), default="")


def _ends_in_common(word: str, name: str) -> int:
    """How many letters two words have in common at their beginnings and ends."""
    pairs = (zip(word, name, strict=False), zip(word[::-1], name[::-1], strict=False))
    return sum(len([*takewhile(lambda letters: letters[0] == letters[1], pair)]) for pair in pairs)
