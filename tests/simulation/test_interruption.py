"""Ctrl-C, and the signals of batch systems: a state is kept, and it is said how to go on."""

import errno
import os
import select
import signal
import subprocess
import sys
from threading import Event

import pytest
from matplotlib.figure import Figure

import thalia
from tests.helpers import ROOT, thalia_here
from tests.simulation.test_resume import text
from thalia.backends import process
from thalia.errors import CircuitError
from thalia.simulation.diff import compare
from thalia.simulation.interruption import TERMINATING, EndRequest, Terminated, terminable
from thalia.toolchain import compiler
from thalia.toolchain.compiler import call_compiler

ENDS = {signal.SIGINT: (KeyboardInterrupt, 130), signal.SIGTERM: (Terminated, 143)}
PAIR = ROOT / "circuits" / "pair.yaml"


def after(share, act):
    """A progress that acts once, when this share is simulated."""
    acts = iter([act])

    def progress(what, fraction, detail=""):
        if what == "simulating" and fraction >= share:
            for each in acts:
                each()

    return progress


def signalled(number):
    return lambda: os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", ENDS)
def test_a_run_that_is_asked_to_end_keeps_its_state_and_goes_on_to_the_same_bits(tmp_path, number):
    """Without a checkpoint until then: the state is that of the next stop."""
    circuit, file = thalia.loads(text()), tmp_path / "cut.h5"
    whole = thalia.run(circuit, output=tmp_path / "whole.h5", backend="runtime")

    with pytest.raises(ENDS[number][0]) as told:
        thalia.run(
            circuit,
            output=file,
            backend="runtime",
            chunk="5 ms",
            checkpoint_every="1 s",
            progress=after(0.4, signalled(number)),
        )

    assert told.value.__notes__ == [f"`thalia resume {file}` continues from 0.024 s of 0.05 s"]
    assert compare(thalia.resume(file).file, whole.file) == []


def test_the_program_of_a_job_goes_on_until_its_state_is_kept(tmp_path, monkeypatch):
    """A batch system sends the signal to all processes of a job."""
    circuit, file, started = thalia.loads(text()), tmp_path / "cut.h5", []
    monkeypatch.setattr(
        process, "_started", lambda main, start=process._started: started.append(start(main)) or started[-1]
    )  # fmt: skip
    whole = thalia.run(circuit, output=tmp_path / "whole.h5", backend="cpp")

    def end_all():
        for number in (signal.SIGINT, *TERMINATING):
            started[-1].send_signal(number)
        os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(Terminated):
        thalia.run(circuit, output=file, backend="cpp", chunk="5 ms", progress=after(0.4, end_all))

    assert compare(thalia.resume(file).file, whole.file) == []


def test_who_asks_twice_need_not_wait():
    request, seen = EndRequest(), []

    def ask_twice():
        with request.awaited():
            os.kill(os.getpid(), signal.SIGINT)
            seen.append(request.pending)
            os.kill(os.getpid(), signal.SIGINT)
            seen.append("too late")

    with pytest.raises(KeyboardInterrupt):
        ask_twice()

    assert seen == [True]


def ask_at_the_end():
    request = EndRequest()
    with request.awaited():
        os.kill(os.getpid(), signal.SIGTERM)


def test_an_end_that_was_asked_for_too_late_to_wait_for_comes_after_it():
    with pytest.raises(Terminated) as told:
        ask_at_the_end()

    assert told.value.code == 143


def handled(*_):
    raise AssertionError("this is only compared")


@pytest.mark.parametrize("before", [signal.SIG_IGN, handled])
def test_signals_that_are_ignored_or_handled_by_others_are_left_alone(before):
    """As `nohup` ignores that the terminal was closed, and a cluster's worker has handlers."""
    kept = signal.signal(signal.SIGTERM, before)
    try:
        with terminable(), EndRequest().awaited():
            found = signal.getsignal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, kept)

    assert found is before


def test_handlers_are_as_before_when_a_run_is_over(simulate):
    numbers = (signal.SIGINT, *TERMINATING)
    simulate(text())
    before = [signal.getsignal(number) for number in numbers]

    simulate(text())

    assert [signal.getsignal(number) for number in numbers] == before


@pytest.mark.parametrize("number", ENDS)
def test_the_command_says_how_to_go_on_and_ends_with_the_status_of_the_signal(
    tmp_path, monkeypatch, number
):
    from thalia.recording.writer import RunWriter

    once = iter([signalled(number)])
    monkeypatch.setattr(RunWriter, "spikes", lambda *_: [act() for act in once])

    done = thalia_here("run", PAIR, "--backend", "runtime", "-o", "run.h5", folder=tmp_path)

    what = {signal.SIGINT: "interrupted", signal.SIGTERM: "ended by SIGTERM"}[number]
    assert done.returncode == ENDS[number][1]
    assert done.stderr.startswith(f"{what}; `thalia resume run.h5` continues from ")
    assert done.stderr.count("\n") == 1
    assert thalia.Run(tmp_path / "run.h5").attributes["complete"] == False  # noqa: E712  # of NumPy


def interrupt(*_, **__):
    raise KeyboardInterrupt


def test_a_figure_that_is_interrupted_leaves_nothing(simulate, tmp_path, monkeypatch):
    run = simulate(text())
    monkeypatch.setattr(Figure, "savefig", interrupt)

    done = thalia_here("plot", "raster", run.file, "-o", "figure.png", folder=tmp_path)

    assert (done.returncode, done.stderr) == (130, "interrupted\n")
    assert [path.name for path in tmp_path.iterdir()] == [run.file.name]


def test_a_run_whose_figures_are_interrupted_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(Figure, "savefig", interrupt)
    arguments = ("run", PAIR, "--backend", "runtime", "-o", "run.h5", "--plot")

    done = thalia_here(*arguments, folder=tmp_path)

    assert (done.returncode, done.stderr) == (130, "interrupted; run.h5 is complete\n")


COMPILER = """#!/bin/sh
case " $* " in
*" -c "*) echo started > FIFO; sleep 600 ;;
*) exec g++ "$@" ;;
esac
"""


@pytest.mark.parametrize("number", ENDS)
def test_an_end_while_compiling_ends_the_compiler_and_leaves_no_partial_program(tmp_path, number):
    """With a compiler that takes ten minutes; the test waits until it has started."""
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "slow").write_text(COMPILER.replace("FIFO", str(tmp_path / "fifo")))
    (tmp_path / "slow").chmod(0o755)
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "CXX": str(tmp_path / "slow"),
        "THALIA_CACHE": str(tmp_path / "cache"),
    }
    command = [sys.executable, "-m", "thalia", "run", PAIR, "-o", "run.h5"]
    done = subprocess.Popen(
        command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True
    )

    assert (tmp_path / "fifo").read_text().startswith("started")
    done.send_signal(number)
    _, said = done.communicate(timeout=60)

    what = {signal.SIGINT: "interrupted", signal.SIGTERM: "ended by SIGTERM"}[number]
    assert (done.returncode, said) == (ENDS[number][1], f"{what}\n")
    assert [each.name.partition("-")[0] for each in (tmp_path / "cache").iterdir()] == ["common"]
    assert not list((tmp_path / "cache").rglob("*.o"))
    assert not list(tmp_path.glob("*.h5*"))


@pytest.fixture
def handled_as_usual():
    """Tests that were begun in the background ignore Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_that_is_ignored_stays_so_with_brian2():
    """As of a command in the background; it ended in a traceback of Brian2's handler."""
    code = """
import signal
from thalia.codegen.brian_model import import_brian2

signal.signal(signal.SIGINT, signal.SIG_IGN)
import_brian2()
signal.raise_signal(signal.SIGINT)
print(signal.getsignal(signal.SIGINT).name)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "SIG_IGN\n"


@pytest.mark.parametrize("number", ENDS)
def test_an_end_that_comes_while_an_object_is_finalised_comes_after_it(number, handled_as_usual):
    """Python prints what is raised there, and goes on."""

    class Finalised:
        def __del__(self):
            signal.raise_signal(number)

    def finalise():
        with terminable():
            Finalised()
            Event().wait(20)

    with pytest.raises(ENDS[number][0]):
        finalise()


def nobody_reads(fifo):
    """Whether no process reads from a pipe, or one that is just being killed stops."""
    try:
        writer = os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
    except OSError as error:
        return error.errno == errno.ENXIO
    with os.fdopen(writer, "wb"):
        ends = select.poll()
        ends.register(writer, 0)
        return bool(ends.poll(5000))


def test_a_compiler_that_ignores_the_end_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr(compiler, "LONGEST_END", 0.2)
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "stubborn").write_text("#!/bin/sh\ntrap '' TERM\nwhile :; do cat \"$1\"; done\n")
    (tmp_path / "stubborn").chmod(0o755)
    unwanted = Event()
    unwanted.set()

    with pytest.raises(compiler._Stopped):
        call_compiler([str(tmp_path / "stubborn"), "fifo"], tmp_path, unwanted)

    assert nobody_reads(tmp_path / "fifo")


def test_a_compiler_ends_with_all_that_it_started(tmp_path):
    """The shell waits for `cat`, which would keep the pipe open for as long as it runs."""
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "slow").write_text('#!/bin/sh\necho started\ncat "$1"\n')
    (tmp_path / "slow").chmod(0o755)

    def end(number, frame):
        raise Terminated(number)

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        with pytest.raises(Terminated):
            call_compiler([str(tmp_path / "slow"), "fifo"], tmp_path)
    finally:
        signal.signal(signal.SIGALRM, before)

    assert nobody_reads(tmp_path / "fifo")


def test_a_run_that_was_killed_after_its_last_step_is_completed(tmp_path):
    circuit, file = thalia.loads(text()), tmp_path / "cut.h5"
    whole = thalia.run(circuit, output=tmp_path / "whole.h5", backend="runtime")
    with pytest.raises(KeyboardInterrupt):
        thalia.run(circuit, output=file, backend="runtime", progress=after(1, interrupt))

    resumed = thalia.resume(file)

    assert resumed.attributes["complete"]
    assert compare(file, whole.file) == []
    assert resumed.results["rates_hz"] == whole.results["rates_hz"]
    with pytest.raises(CircuitError, match="is complete"):
        thalia.resume(file)


def test_pipes_beyond_the_quota_of_a_user_stay_short(tmp_path, monkeypatch):
    """An unprivileged user may have 64 MB of long pipes; more runs than that must run, too."""
    import fcntl

    def refuse(descriptor, command, *value):
        raise PermissionError(1, "Operation not permitted")

    (tmp_path / "main").write_text("#!/bin/sh\ncat\n")
    (tmp_path / "main").chmod(0o755)
    monkeypatch.setattr(fcntl, "fcntl", refuse)

    with process._started(tmp_path / "main") as program:
        assert program.communicate(b"sent")[0] == b"sent"


def test_a_limit_of_processes_is_told(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(subprocess, "Popen", refuse)

    with pytest.raises(CircuitError) as told:
        process._started(tmp_path / "main")

    assert str(told.value) == (
        f"{tmp_path}/main: cannot be started: resource temporarily unavailable\n"
        "    hint: run fewer at once, or raise the limit of processes: `ulimit -u`"
    )
