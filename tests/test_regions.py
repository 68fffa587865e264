"""Every region of the library is a circuit by itself, names its sources, and leaves no population out at a tenth of 1,000 neurons."""

import re
from pathlib import Path

import pytest

import thalia
from thalia import parts
from thalia.expand import expand

CIRCUIT = "{{thalia: 1, name: one, duration: 100 ms, regions: {{here: {{template: {name}, size: {size}}}}}}}"


def loaded(name, size=1000):
    return thalia.loads(CIRCUIT.format(name=name, size=size))


@pytest.mark.parametrize("name", parts.names("regions"))
def test_a_region_is_a_circuit_by_itself(name):
    plan = thalia.plan_of(loaded(name))

    assert plan.synapses
    assert all(member.name.startswith("here.") for group in plan.groups for member in group.members)


@pytest.mark.parametrize("name", parts.names("regions"))
@pytest.mark.parametrize("size", [100, 1000])
def test_sizes_of_populations_sum_to_that_of_the_region(name, size):
    sizes = [population.size for population in expand(loaded(name, size)).populations.values()]

    assert min(sizes) > 0
    assert sum(sizes) == pytest.approx(size, abs=len(sizes))


@pytest.mark.parametrize("name", parts.names("regions"))
def test_a_region_names_its_sources(name):
    text, _ = parts.part_text("regions", name, Path("."))

    assert re.search(r"cite: \[10\.\d{4,}/", text)
