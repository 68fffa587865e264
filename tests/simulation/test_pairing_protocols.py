"""Pairing protocols and windows: their times, their conventions, and the commands that run them."""

import json

import numpy as np
import pytest

from tests.helpers import thalia_here
from tests.rules import closed_form
from thalia.errors import CircuitError
from thalia.library import lookup
from thalia.library.protocol_schema import Protocol, Window
from thalia.library.schema import Rule
from thalia.simulation.pairing_protocols import outcome, protocol, window
from thalia.syntax.validation import parse
from thalia.syntax.yaml_reader import Source

RULE = """
summary: Counts spikes.
parameters: {a: {default: 0.1, meaning: change per presynaptic spike}}
on_pre: w += a * w_max
"""


@pytest.mark.parametrize("name", lookup.names("windows"))
def test_a_window_is_one_of_a_rule_that_exists(name):
    found = lookup.find("windows", name)[0]
    assert isinstance(found, Window)

    rule = lookup.find("plasticity", found.rule)[0]

    assert isinstance(rule, Rule)
    assert not found.preset or found.preset in rule.presets
    assert found.values.keys() <= rule.parameters.keys()


def test_the_published_windows_say_how_well_they_are_known():
    evidence = {name: lookup.find("windows", name)[0].evidence for name in lookup.names("windows")}

    assert evidence["thalamocortical"] == "proposed"  # no measurement stands behind 20/40 ms
    assert evidence["ca3_recurrent"] == "measured"
    assert evidence["ca3_recurrent_asymmetric"] == "proposed"


def test_a_window_gives_a_pathway_its_numbers():
    """The thalamocortical window: depression decays with 40 ms, potentiation with 20 ms."""
    _, change = window(
        "stdp_pair", [-40, 40], settings={"window": "thalamocortical"}, backend="runtime"
    )

    assert change == pytest.approx([-0.00525 * np.exp(-1), 0.005 * np.exp(-2)], rel=1e-9)


@pytest.mark.parametrize("name", lookup.names("protocols"))
def test_a_protocol_gives_the_times_it_says(name):
    found = lookup.find("protocols", name)[0]
    assert isinstance(found, Protocol)

    motifs = [(c.pre, c.post, c.every) for c in found.conditions]

    assert found.rates or motifs
    assert all(max(*pre, *post) - min(*pre, *post) < every for pre, post, every in motifs)


@pytest.mark.slow
def test_the_order_and_the_number_of_pairs_of_the_frequency_protocol():
    after, before = protocol(
        "frequency", "stdp_pair", settings={"a_plus": 0.001, "a_minus": 0.001}
    ).curves

    assert after.x == (0.1, 10, 20, 40, 50)
    assert after.change[0] == pytest.approx(60 * 0.001 * np.exp(-0.5), rel=1e-6)
    assert before.change[0] == pytest.approx(-60 * 0.001 * np.exp(-0.5), rel=1e-6)


@pytest.mark.parametrize("spike", [0.0, 0.1])
def test_a_spike_that_is_too_early_is_refused(spike):
    with pytest.raises(CircuitError, match="too early"):
        outcome("stdp_pair", [[10]], [[spike]])


def test_a_users_rule_goes_through_the_same_protocols(tmp_path):
    (tmp_path / "mine.yaml").write_text(RULE)

    weight = outcome(
        "mine.yaml", [[10, 20, 30]], [[]], weight=0.1, folder=tmp_path, backend="runtime"
    ).weight

    assert weight == pytest.approx([0.4])


def test_window_as_json():
    options = ("--json", "--backend", "runtime", "--set", "tau_plus=10 ms")

    done = thalia_here("window", "stdp_pair", *options, folder=".")

    found = json.loads(done.stdout)
    at_ten = found["interval_ms"].index(10)
    assert done.returncode == 0
    assert found["change"][at_ten] == pytest.approx(0.005 * np.exp(-1), rel=1e-9)
    assert found["change"][found["interval_ms"].index(-10)] == pytest.approx(
        closed_form(-10), rel=1e-9
    )


def test_trains_as_json():
    options = (
        "--pre",
        "10,50",
        "--post",
        "20",
        "--weight",
        "0.5",
        "--json",
        "--backend",
        "runtime",
    )

    done = thalia_here("protocol", "trains", "stdp_pair", *options, folder=".")

    found = json.loads(done.stdout)
    assert done.returncode == 0
    assert found["weight"] == pytest.approx(0.5 + closed_form(10) + closed_form(-30), rel=1e-9)
    assert found["history"]["weight"][0] == 0.5
    assert found["history"]["weight"][-1] == found["weight"]


def test_the_commands_draw_figures(tmp_path):
    figures = [tmp_path / f"{name}.png" for name in ("window", "trains")]

    window_of, trains = ("window", "stdp_pair"), ("protocol", "trains", "stdp_pair")
    on_numpy = ("--backend", "runtime", "-o")
    thalia_here(*window_of, *on_numpy, figures[0], folder=".")
    thalia_here(*trains, "--pre", "10", "--post", "20", *on_numpy, figures[1], folder=".")

    assert all(figure.stat().st_size > 5000 for figure in figures)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("window", "stdp_pare"), "no plasticity rule is called 'stdp_pare'"),
        (("window", "stdp_pair", "--set", "tau_plus=5 mV"), "expected a time, found 5 mV"),
        (("window", "stdp_pair", "--set", "tau_plus"), "expected NAME=VALUE"),
        (("window", "stdp_pair", "--set", "tau_plus=0 ms"), "cannot be zero"),
        (("window", "stdp_pair", "--set", "pairing=closest"), "no pairing is called 'closest'"),
        (("window", "stdp_triplet", "--set", "preset=cortex"), "no preset is called 'cortex'"),
        (("window", "stdp_pair", "--pairs", "0"), "at least one pair"),
        (("protocol", "trains", "stdp_pair", "--pre", "10"), "needs --pre and --post"),
        (
            ("protocol", "trains", "stdp_pair", "--pre", "10,x", "--post", "1"),
            "expected times in ms",
        ),
        (
            ("protocol", "trains", "stdp_pair", "--pre", "10", "--post", "12", "--weight", "2"),
            "between 0 and 1",
        ),
        (("protocol", "frequenzy", "stdp_pair"), "no protocol is called 'frequenzy'"),
        (("protocol", "frequency", "stdp_pair", "--pre", "10"), "has its own spikes"),
    ],
)
def test_mistakes_are_told_in_words(arguments, message):
    done = thalia_here(*arguments, folder=".")

    assert done.returncode == 2
    assert message in done.stderr


@pytest.mark.parametrize("name", ["frequency", "rates"])
def test_a_mistake_in_a_protocol_is_told_of_the_rule(name):
    with pytest.raises(CircuitError, match=r"^tau_plus: expected a time, found 3 mV"):
        protocol(name, "stdp_pair", settings={"tau_plus": "3 mV"}, backend="runtime")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"repeat": 10**9}, "have 2,000,000,000 spikes together, expected at most 2,000,000"),
        ({"pre": [float("nan")]}, r"conditions\[0\]\.pre\[0\]: expected a value"),
        ({"every": float("inf")}, r"conditions\[0\]\.every: expected a value"),
    ],
)
def test_a_protocol_of_a_stranger_has_spikes_that_can_be_kept(change, message):
    condition = {"series": "a", "x": 1, "pre": [0], "post": [5], **change}
    data = {"summary": "s", "x_label": "x", "conditions": [condition]}

    with pytest.raises(CircuitError, match=message):
        parse(Protocol, data, Source())
