"""The C++ compiler: `$CXX` in all its forms, what it says when it fails, and what its programs depend on."""

import os
import platform
import shutil
import signal
import subprocess
from types import SimpleNamespace

import pytest

from tests.helpers import ROOT, thalia
from thalia import backends
from thalia.backends import doctor
from thalia.errors import CircuitError
from thalia.toolchain import compiler
from thalia.toolchain.cache import cannot_execute
from thalia.toolchain.compiler import CompileError, call_compiler, find_compiler, flags, identity

needs_compiler = pytest.mark.skipif(not find_compiler(), reason="needs a C++ compiler")
# takes the name after -o, and puts there a program whose text is $PROGRAM
MAKES = 'while [ "$1" != -o ]; do shift; done; echo "$PROGRAM" > "$2"; chmod +x "$2"'


@pytest.fixture
def script(tmp_path, monkeypatch):
    """Make a shell script that is found by its name, as a compiler."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)

    def make(name, text):
        file = folder / name
        file.write_text(f"#!/bin/sh\n{text}\n")
        file.chmod(0o755)
        return str(file)

    return make


def told(function, *arguments):
    with pytest.raises(CircuitError) as caught:
        function(*arguments)
    return str(caught.value)


def test_a_compiler_has_arguments_and_something_before_it(script, monkeypatch):
    ccache = script("ccache", "exit 0")
    monkeypatch.setenv("CXX", "ccache g++ -m64 '-DNAME=two words'")

    assert find_compiler() == (ccache, "g++", "-m64", "-DNAME=two words")


def test_a_compiler_in_a_folder_with_a_blank_in_its_name(script, tmp_path, monkeypatch):
    (tmp_path / "my tools").mkdir()
    shutil.move(script("c++-14", "exit 0"), tmp_path / "my tools" / "c++-14")
    monkeypatch.setenv("CXX", str(tmp_path / "my tools" / "c++-14"))

    assert find_compiler() == (str(tmp_path / "my tools" / "c++-14"),)


@pytest.mark.parametrize("given", ["", "  "])
def test_an_empty_variable_is_none(script, monkeypatch, given):
    monkeypatch.setenv("CXX", given)

    made = script("g++", "exit 0")

    assert find_compiler() == (made,)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("no-such-compiler -O3", "CXX: no program is called 'no-such-compiler'\n    hint: set it to the command of a C++ compiler, or unset it"),
        ("g++ 'O3", "CXX: 'g++ 'O3' cannot be read (No closing quotation)\n    hint: quote it as in a shell"),
    ],
)  # fmt: skip
def test_a_variable_that_names_no_compiler_is_refused_and_nothing_else_taken(
    monkeypatch, given, message
):
    """It fell back to NumPy, and said that there was no compiler."""
    monkeypatch.setenv("CXX", given)

    assert told(backends.choose) == message
    assert told(find_compiler) == message


def test_the_command_line_says_so_without_a_traceback(tmp_path):
    done = thalia("run", ROOT / "circuits" / "pair.yaml", folder=tmp_path, CXX="no-such-compiler")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("CXX: no program is called 'no-such-compiler'\n")


def test_a_compiler_that_does_not_work_is_told_with_its_own_words(script, tmp_path):
    """It was a traceback, as if Thalia had written wrong code."""
    broken = script(
        "broken", "echo reading; echo 'broken: fatal error: cannot execute cc1plus' >&2; exit 1"
    )
    done = thalia(
        "run",
        ROOT / "circuits" / "pair.yaml",
        folder=tmp_path,
        CXX="broken",
        THALIA_CACHE=str(tmp_path / "cache"),
    )

    assert done.returncode == 2
    first, second, hint = done.stderr.splitlines()
    assert first == "the compiler does not work: broken: fatal error: cannot execute cc1plus"
    assert second.startswith(f"    command: {broken} -w -O2")
    assert hint == "    hint: mend it, set CXX to another compiler, or use `--backend runtime`"


@needs_compiler
def test_code_that_a_working_compiler_rejects_is_a_mistake_of_thalia(tmp_path):
    (tmp_path / "wrong.cpp").write_text("int main() { return nothing; }")

    with (
        pytest.raises(CompileError, match=r"^wrong\.cpp:.*'nothing' was not declared"),
        compiler.working(compiler.try_out),
    ):
        call_compiler([*find_compiler(), *flags(), "wrong.cpp"], tmp_path)


def test_the_first_errors_are_shown(script, tmp_path):
    many = script(
        "many", "for k in 1 2 3 4 5 6 7 8; do echo in file: >&2; echo error: $k >&2; done; exit 1"
    )

    with pytest.raises(CompileError) as caught:
        call_compiler([many, "x"], tmp_path)

    assert (
        str(caught.value)
        == f"error: 1\nerror: 2\nerror: 3\nerror: 4\nerror: 5\n    command: {many} x"
    )


def test_a_compiler_that_says_nothing(script, tmp_path):
    with pytest.raises(CompileError, match=r"^it ended with status 3, saying nothing\n"):
        call_compiler([script("silent", "exit 3")], tmp_path)


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("/tmp/ccX.s: fatal error: No space left on device", "make room in {folder}, or in $TMPDIR"),
        ("as: main.o: Disk quota exceeded", "make room in {folder}, or in $TMPDIR"),
        ("Cannot create temporary file in /tmp/: Read-only file system", "set THALIA_CACHE and TMPDIR to folders that can be written"),
        ("cc1plus: out of memory allocating 65536 bytes", "compiling takes up to 1 GB for each core: give this job more memory"),
        ("g++: fatal error: Killed signal terminated program cc1plus", "compiling takes up to 1 GB for each core: give this job more memory"),
        ("virtual memory exhausted: Cannot allocate memory", "compiling takes up to 1 GB for each core: give this job more memory"),
    ],
)  # fmt: skip
def test_what_the_machine_lacks_is_no_mistake_of_the_compiler(script, tmp_path, line, hint):
    lacking = script("lacking", f"echo started >&2; echo '{line}' >&2; exit 1")

    assert told(call_compiler, [lacking], tmp_path) == (
        f"{lacking}: {line}\n    hint: {hint.format(folder=tmp_path)}"
    )


def test_a_compiler_that_is_no_program(tmp_path):
    (tmp_path / "text").write_text("not a program")
    (tmp_path / "text").chmod(0o755)

    assert (
        told(call_compiler, [str(tmp_path / "text")], tmp_path)
        == f"{tmp_path}/text: cannot be started: exec format error"
    )


@pytest.mark.parametrize(
    ("program", "why"),
    [
        ("#!/bin/sh\nkill -ILL $$", "it was ended (Illegal instruction): it was compiled for another processor"),
        ("#!/bin/sh\nkill -KILL $$", "it was ended (Killed): another program ended it, such as a limit of memory"),
        ("#!/bin/sh\nexit 4", "it ended with status 4"),
        ("#!/bin/sh\necho no such library\nexit 1", "no such library"),
    ],
)  # fmt: skip
def test_a_compiler_whose_programs_do_not_work(script, monkeypatch, program, why):
    maker = script("maker", MAKES)
    monkeypatch.setenv("CXX", "maker")
    monkeypatch.setenv("PROGRAM", program)

    assert (
        told(compiler.try_out).splitlines()[0]
        == f"{maker}: a program that it made does not work: {why}"
    )


def test_a_compiler_that_makes_nothing(monkeypatch, script):
    script("idle", "exit 0")
    monkeypatch.setenv("CXX", "idle")

    assert told(compiler.try_out).startswith(
        "the compiler does not work: it reported nothing, and made no program\n"
    )


def test_doctor_compiles_and_runs_a_line(monkeypatch, script):
    """It said ok of whatever it found."""
    script("broken", "echo 'error: no header' >&2; exit 1")
    monkeypatch.setenv("CXX", "broken")

    findings = doctor.examine()
    (check,) = (each for each in findings if each.name == "C++ compiler")

    assert not check.good
    assert check.found.startswith("the compiler does not work: error: no header\n")
    assert check.remedy == "mend it, set CXX to another compiler, or use `--backend runtime`"
    assert doctor.backends_here(findings)["cpp"] == "the compiler does not work: error: no header"


@needs_compiler
def test_doctor_is_content_with_a_compiler_that_works(monkeypatch):
    monkeypatch.setenv("CXX", f"{find_compiler()[0]} -m64")

    findings = doctor.examine()

    assert doctor.Check("C++ compiler", f"{find_compiler()[0]} -m64", True) in findings
    assert doctor.backends_here(findings)["cpp"] == ""


@needs_compiler
def test_a_program_depends_on_the_processor_whatever_the_compiler(script, monkeypatch):
    """Clang knows no -Q, by which g++ tells the processor, and the key of the cache lacked it."""
    script("other++", f'case "$*" in *-Q*) exit 1;; esac; exec {find_compiler()[0]} "$@"')
    found = []
    for processor in ("x86-64", "x86-64-v3"):
        script("c++", f'exec other++ "$@" -march={processor}')
        monkeypatch.setenv("CXX", "c++")
        compiler._identity.cache_clear()
        found.append(identity())

    assert found[0] != found[1]


def test_a_processor_in_the_variable_stands_in_for_the_one_here(script, monkeypatch):
    script("g++", "exit 0")
    monkeypatch.delenv("CXX", raising=False)
    here = flags()
    monkeypatch.setenv("CXX", "g++ -march=x86-64-v3 -mprefer-vector-width=256")

    assert "-march=native" in here
    assert flags() == tuple(f for f in here if not f.startswith(("-march", "-mprefer-vector")))


REFRACTORY = """
void step(double *__restrict v, const char *__restrict free, const double *__restrict g, int n)
{
    for (int i = 0; i < n; i++)
        if (free[i]) v[i] += 0.1 * g[i] * v[i];
}
"""


@pytest.mark.skipif(
    not any("g++" in word for word in find_compiler()) or platform.machine() != "x86_64",
    reason="for g++, which says so, on processors that it knows",
)
@pytest.mark.parametrize("processor", ["x86-64-v3", "skylake-avx512"])
def test_a_loop_over_cells_that_may_be_refractory_is_vectorised(processor, tmp_path, monkeypatch):
    """Compiled for processors of Intel with AVX-512, cells with conductances took seven times as long."""
    monkeypatch.setenv("CXX", f"{find_compiler()[0]} -march={processor}")
    (tmp_path / "loop.cpp").write_text(REFRACTORY)
    asked = [*find_compiler(), *flags(), "-fopt-info-vec", "-c", "loop.cpp"]

    said = subprocess.run(asked, cwd=tmp_path, capture_output=True, text=True, check=True).stderr

    assert "loop vectorized" in said


def test_the_variable_is_looked_at_each_time(script, monkeypatch):
    monkeypatch.setenv("CXX", script("first", "exit 0"))
    first = identity()
    monkeypatch.setenv("CXX", script("second", "exit 0"))

    assert identity() != first


def test_a_file_system_that_runs_no_programs_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_flag=os.ST_NOEXEC))

    assert str(
        cannot_execute(tmp_path / "main", PermissionError(13, "Permission denied", "main"))
    ) == (
        f"{tmp_path}/main: cannot be started: its file system runs no programs (noexec)\n"
        "    hint: set THALIA_CACHE to a folder on another one"
    )


def test_signals_are_named():
    assert compiler.ended(-signal.SIGSEGV) == "it was ended (Segmentation fault)"


def test_an_end_while_compilers_start_calls_off_those_that_run(monkeypatch, tmp_path):
    called_off = []
    monkeypatch.setattr(
        compiler, "_compile", lambda step, target, folder, end: called_off.append(end.wait(5))
    )

    class Ended(dict):
        def items(self):
            yield "first.o", []
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compiler._compile_all(Ended(), tmp_path)
    assert called_off == [True]
