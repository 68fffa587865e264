"""A compiled program that does not start, or does not reach its end: why is told, with a remedy."""

import numpy as np
import pytest

from thalia.backends.process import Program, ProgramSession
from thalia.errors import CircuitError
from thalia.toolchain.locks import Hold

MORE = "run a smaller one with --scale, or give this job more memory"


@pytest.fixture
def session(tmp_path):
    """A session whose program is a shell script."""
    made = []

    def start(script, permissions=0o755):
        (tmp_path / "main").write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "main").chmod(permissions)
        program = Program(tmp_path, {"group.v": "<f8"}, [], [], [], {}, 1, True, 0.0, Hold())
        made.append(ProgramSession(program, (), 1e-4))
        return made[-1]

    yield start
    for each in made:
        each.close()


@pytest.mark.parametrize(
    ("script", "why", "hint"),
    [
        ("kill -KILL $$", "it was ended (Killed): another program ended it, such as a limit of memory", MORE),
        ("echo 'terminate called after throwing std::bad_alloc' >&2; kill -ABRT $$", "it was ended (Aborted)", MORE),
        ("kill -ILL $$", "it was ended (Illegal instruction): it was compiled for another processor",
         "unset CXX, or have it name a processor like this one with -march"),
        ("kill -XCPU $$", "it was ended (CPU time limit exceeded)", "raise the limit of processor time: `ulimit -t`"),
    ],
)  # fmt: skip
def test_a_program_that_the_machine_ends_is_told_with_the_cause(session, script, why, hint):
    """It was a traceback, as if Thalia had written wrong code."""
    with pytest.raises(CircuitError) as caught:
        session(script).read("group.v")

    assert str(caught.value) == (
        f"the compiled program did not reach its end: {why}\n    hint: {hint}"
    )


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("echo no such array >&2; exit 1", "it ended with status 1: no such array"),
        ("kill -SEGV $$", "it was ended (Segmentation fault): "),
    ],
)
def test_a_program_that_is_wrong_is_a_mistake_of_thalia(session, script, why):
    started = session(script)
    started.write("group.v", np.zeros(3))
    with pytest.raises(RuntimeError) as caught:
        started.read("group.v")

    assert str(caught.value) == f"the compiled program did not reach its end: {why}"


def test_a_program_that_may_not_be_run_is_named(session, tmp_path):
    with pytest.raises(CircuitError) as caught:
        session("exit 0", permissions=0o644)

    assert str(caught.value) == f"{tmp_path}/main: cannot be started: permission denied"
