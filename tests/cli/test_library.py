"""The library as it is shown: a component exactly as one would write it, and names by their use."""

import pytest

from tests.helpers import ROOT, thalia_here
from thalia.cli.catalog import ALL_KINDS, written
from thalia.errors import did_you_mean
from thalia.library.lookup import names

PARTS = [f"{kind}/{name}" for kind in ALL_KINDS for name in names(kind)]


@pytest.mark.parametrize("part", PARTS)
def test_a_component_is_printed_as_it_is_written(part):
    assert written(part) == ((ROOT / "thalia" / "library" / f"{part}.yaml").read_text(), "")


def test_a_name_of_several_parts_says_which_others_have_it(tmp_path):
    printed = thalia_here("list", "consolidation", "--yaml", folder=tmp_path)
    shown = thalia_here("list", "poisson", folder=tmp_path)

    file = ROOT / "thalia" / "library" / "plasticity" / "consolidation.yaml"
    assert printed.stdout == file.read_text()
    assert printed.stderr == "also: experiments/consolidation\n"
    assert shown.stdout.endswith("\nalso: stimuli/poisson\n")


@pytest.mark.parametrize(
    ("part", "told"),
    [
        ("neuron/poisson", "no kind 'neuron' hint: did you mean 'neurons'?"),
        ("stimuli/poison", "no 'stimuli/poison' hint: did you mean 'poisson'?"),
    ],
)
def test_a_part_that_its_kind_does_not_have_is_told(tmp_path, part, told):
    done = thalia_here("list", part, folder=tmp_path)

    assert done.returncode == 2
    assert told in " ".join(done.stderr.split())


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
