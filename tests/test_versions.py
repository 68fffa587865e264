"""The versions that the checks ran with are those that the project accepts, in a form that any index can serve."""

import re
import tomllib

import pytest
from packaging.requirements import Requirement

from tests.helpers import ROOT

LINES = (ROOT / "ci-versions.txt").read_text().splitlines()
VERSIONS = dict(line.split("==") for line in LINES)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
WANTED = [*PROJECT["project"]["dependencies"], *PROJECT["dependency-groups"]["dev"]]


def test_every_line_is_a_name_and_a_version():
    assert [line for line in LINES if not re.fullmatch(r"[a-z0-9-]+==[0-9][0-9a-z.]*", line)] == []
    assert sorted(VERSIONS) == list(VERSIONS)


@pytest.mark.parametrize("text", WANTED)
def test_what_the_project_requires_has_a_version_that_it_accepts(text):
    wanted = Requirement(text)

    assert wanted.specifier.contains(VERSIONS[wanted.name.lower()])
