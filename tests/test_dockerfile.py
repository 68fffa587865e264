"""The Dockerfile, as far as it can be tried without building it: what it copies is there, and who runs what."""

import json
import re
import shlex
from fnmatch import fnmatch

import pytest

from tests.helpers import CIRCUITS, ROOT

TEXT = (ROOT / "Dockerfile").read_text("utf-8")
LINES = [
    line.strip()
    for line in re.sub(r"\\\n", " ", TEXT).splitlines()
    if line.strip() and not line.startswith("#")
]
STEPS = [tuple(line.split(maxsplit=1)) for line in LINES]
COPIED = [words for name, rest in STEPS if name == "COPY" for words in [rest.split()]]
IGNORED = (ROOT / ".dockerignore").read_text("utf-8").split()


def stages():
    return [re.search(r" AS (\w+)$", rest) for name, rest in STEPS if name == "FROM"]


def last_stage():
    start = max(index for index, (name, _) in enumerate(STEPS) if name == "FROM")
    return STEPS[start:]


@pytest.mark.parametrize(
    "source", [each for words in COPIED if not words[0].startswith("--") for each in words[:-1]]
)
def test_what_is_copied_is_there_and_sent_to_the_builder(source):
    assert (ROOT / source).exists()
    assert f"!{source}" in IGNORED


def test_nothing_else_is_sent():
    assert IGNORED[0] == "*"
    assert not any(fnmatch(".git", pattern.removeprefix("!")) for pattern in IGNORED[1:])


def test_stages_copy_from_stages_before_them():
    named = [found[1] for found in stages() if found]
    wanted = [words[0].removeprefix("--from=") for words in COPIED if words[0].startswith("--from")]

    assert named == ["base", "build"]
    assert {*wanted} == {"build"}


def test_what_is_copied_between_stages_is_made_there():
    """The compiler and the code of a program are found at the same place in both."""
    for source, target in (words[1:] for words in COPIED if words[0] == "--from=build"):
        assert source == target
        assert source in " ".join(rest for name, rest in STEPS if name == "RUN")


def test_the_image_runs_as_nobody_in_particular():
    users = [rest for name, rest in last_stage() if name == "USER"]

    assert users == ["thalia"]
    assert any("useradd" in rest and " thalia" in rest for name, rest in last_stage())


def test_the_compiled_programs_are_a_layer_and_the_cache_is_elsewhere():
    (variables,) = (rest for name, rest in last_stage() if name == "ENV")
    found = dict(each.split("=", 1) for each in shlex.split(variables))
    built = re.search(r"THALIA_CACHE=(\S+) thalia run", TEXT)[1]

    assert found["THALIA_CACHE_LAYERS"] == built
    assert found["THALIA_CACHE"] != built


def test_the_circuits_that_are_compiled_exist():
    wanted = re.search(r"for circuit in ([\w ]+);", TEXT)[1].split()

    assert {*wanted} <= {file.stem for file in CIRCUITS}
    assert len(wanted) > 2


@pytest.mark.parametrize("name", ["ENTRYPOINT", "CMD"])
def test_commands_are_run_without_a_shell(name):
    """Or the signals of a batch system would not reach them."""
    (command,) = (json.loads(rest) for step, rest in last_stage() if step == name)

    assert all(isinstance(word, str) for word in command)


def test_the_python_is_one_that_thalia_takes():
    version = re.search(r"^FROM python:(\d+\.\d+)-", TEXT, re.M)[1]

    assert version == (ROOT / ".python-version").read_text("utf-8").strip()
