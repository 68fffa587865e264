"""The library as it is shown: a component exactly as one would write it, and names by their use."""

import pytest

from tests.helpers import ROOT, thalia_here
from thalia.errors import did_you_mean


@pytest.mark.parametrize(
    ("kind", "name"),
    [("plasticity", "stdp_pair"), ("regions", "thalamus"), ("experiments", "bandit")],
)
def test_a_component_is_printed_as_it_is_written(tmp_path, kind, name):
    done = thalia_here("list", name, "--yaml", folder=tmp_path)

    assert done.stdout == (ROOT / "thalia" / "library" / kind / f"{name}.yaml").read_text()


def test_a_kind_has_no_yaml(tmp_path):
    done = thalia_here("list", "neurons", "--yaml", folder=tmp_path)

    assert done.returncode == 2
    assert "--yaml: is for one component" in done.stderr


@pytest.mark.parametrize(("word", "meant"), [("gaba", "gaba_a"), ("stdp", "stdp_pair")])
def test_a_part_of_a_name_suggests_what_is_used_most(tmp_path, word, meant):
    done = thalia_here("list", word, folder=tmp_path)

    assert f"did you mean '{meant}'?" in done.stderr


def test_known_names_are_listed_once():
    assert (
        did_you_mean("zzz", ["consolidation", "bcm", "consolidation"])
        == "known: bcm, consolidation"
    )
