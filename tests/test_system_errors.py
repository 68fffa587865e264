"""What the system refuses is told with the path that failed, its reason and a remedy, and ends with status 2."""

import ast
import errno
import os
import pickle
import signal

import pytest

from tests.helpers import ROOT, thalia_here
from tests.test_architecture import TREES
from thalia.cli import main
from thalia.errors import CircuitError, Problem, fail, in_a_line, system_error
from thalia.recording.journal import MovedError
from thalia.simulation.interruption import Terminated
from thalia.simulation.run import explained
from thalia.syntax.expressions import EquationError

PAIR = ROOT / "circuits" / "pair.yaml"


def refused(number, path=None):
    return OSError(number, os.strerror(number), path)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (refused(errno.ENOSPC), "runs/a.h5: cannot be written: no space left on device\n    hint: make room there"),
        (refused(errno.EDQUOT), "runs/a.h5: cannot be written: disk quota exceeded\n    hint: your quota there is used up, which `quota -s` shows: make room"),
        (refused(errno.EROFS, "runs/a.h5"), "runs/a.h5: cannot be written: read-only file system\n    hint: its file system is mounted read-only: choose another folder"),
        (refused(errno.EACCES, "runs/.a.h5.partial"), "runs/a.h5: cannot be written: permission denied"),
        (refused(errno.EACCES, "/home/me/.cache/thalia"), "/home/me/.cache/thalia: permission denied"),
        (refused(errno.EMFILE, "/dev/null"), "/dev/null: too many open files\n    hint: raise the limit of open files: `ulimit -n`"),
        (refused(errno.EAGAIN), "runs/a.h5: cannot be written: resource temporarily unavailable\n    hint: run fewer at once, or raise the limit of processes: `ulimit -u`"),
    ],
)  # fmt: skip
def test_the_path_that_failed_is_named_with_a_remedy(error, message):
    assert str(system_error(error, "runs/a.h5")) == message


def test_what_has_no_path_is_told_all_the_same():
    assert str(system_error(refused(errno.ENOMEM))) == (
        "the system refused something: cannot allocate memory\n    hint: run a smaller one with --scale, or fewer at once"
    )


def test_a_run_blames_its_file_only_for_what_is_its_own(tmp_path):
    """Whatever failed while it ran was said to be the run file."""
    with pytest.raises(CircuitError) as caught, explained(tmp_path / "run.h5"):
        raise refused(errno.EACCES, "/home/me/.cache/thalia")

    assert str(caught.value) == "/home/me/.cache/thalia: permission denied"


def test_what_the_system_refused_is_told_where_brian2_has_wrapped_it(tmp_path):
    with pytest.raises(CircuitError) as caught, explained(tmp_path / "run.h5"):
        raise RuntimeError("Error encountered with an object") from refused(errno.EMFILE, "/a/b")

    assert str(caught.value) == (
        "/a/b: too many open files\n    hint: raise the limit of open files: `ulimit -n`"
    )


def test_a_mistake_of_the_program_is_not_blamed_on_the_machine(tmp_path):
    with pytest.raises(OSError, match="Bad file descriptor"), explained(tmp_path / "run.h5"):
        raise refused(errno.EBADF)


@pytest.mark.skipif(not os.path.isdir("/sys"), reason="needs a folder in which nobody can write")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["plot", "graph", PAIR, "-o", "graph.png"],
            "graph.png: cannot be written: permission denied\n",
        ),
        (["new", "mine"], "mine.yaml: permission denied\n"),
    ],
    ids=["plot", "new"],
)
def test_a_folder_that_cannot_be_written_is_told_by_every_command(arguments, message):
    done = thalia_here(*arguments, folder="/sys")

    assert (done.returncode, done.stderr) == (2, message)


def test_memory_that_is_exhausted_is_told(tmp_path, monkeypatch):
    def exhausted(*_):
        raise MemoryError("Unable to allocate 2.00 GiB for an array")

    monkeypatch.setattr(main, "load_with", exhausted)

    done = thalia_here("check", PAIR, folder=tmp_path)

    assert (done.returncode, done.stderr) == (
        2,
        "memory is exhausted: Unable to allocate 2.00 GiB for an array\n    hint: run a smaller one with --scale\n",
    )


EXCEPTIONS = [
    CircuitError([Problem(("a", 1), "is wrong", "mend it", "c.yaml:1:2"), Problem((), "is odd")]),
    EquationError("cannot be", "try another", (2, 3)),
    MovedError("/tmp/elsewhere.h5"),
    Terminated(signal.SIGTERM),
]


@pytest.mark.parametrize("error", EXCEPTIONS, ids=lambda error: type(error).__name__)
def test_an_error_of_a_worker_says_the_same_where_it_is_told(error):
    other = pickle.loads(pickle.dumps(error))

    assert (type(other), str(other), vars(other)) == (type(error), str(error), vars(error))


def test_every_error_with_arguments_of_its_own_says_how_it_is_sent():
    own = {
        each.name: {inner.name for inner in each.body if isinstance(inner, ast.FunctionDef)}
        for tree in TREES.values()
        for each in ast.walk(tree)
        if isinstance(each, ast.ClassDef)
        and any(ast.unparse(base).endswith(("Error", "Exception", "Exit")) for base in each.bases)
    }

    assert own.keys() >= {"CircuitError", "MovedError", "Terminated", "MistakeInText"}
    assert [n for n, held in own.items() if "__init__" in held and "__reduce__" not in held] == []


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (EXCEPTIONS[0], "c.yaml:1:2: a[1]: is wrong (and 1 more problem)"),
        (fail("the task\nfailed"), "the task"),
        (ValueError("not\ntoday"), "ValueError: not"),
        (ValueError(), "ValueError: "),
    ],
    ids=["several", "lines", "another", "without words"],
)
def test_an_error_is_told_in_a_line(error, line):
    assert in_a_line(error) == line
