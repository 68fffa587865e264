"""What a mistaken user is told: which name was meant, what is wrong with a number, in which unit."""

import errno
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich import box
from rich.console import Console
from rich.table import Table

import thalia
from tests.helpers import thalia_here
from thalia.cli.tables import print_whole
from thalia.compiler.options import CompilerOptions
from thalia.errors import CircuitError, did_you_mean
from thalia.library.lookup import find
from thalia.syntax.units import display_unit, parse_unit, si_unit
from thalia.toolchain import cache


@pytest.mark.parametrize(
    ("kind", "word", "meant"),
    [
        ("synapses", "gaba", "gaba_a"),
        ("synapses", "GABA", "gaba_a"),
        ("synapses", "gabaa", "gaba_a"),
        ("synapses", "current", "current_exp"),
        ("plasticity", "stdp", "stdp_pair"),
        ("plasticity", "stpd_triplet", "stdp_triplet"),
        ("neurons", "lif", "lif_current"),
        ("neurons", "izhikevic", "izhikevich"),
    ],
)
def test_a_component_is_suggested_that_begins_alike_and_is_used_most(kind, word, meant):
    with pytest.raises(CircuitError) as error:
        find(kind, word)

    assert f"did you mean '{meant}'?" in str(error.value)


@pytest.mark.parametrize(
    ("word", "names", "meant"),
    [
        ("alpha", ["alphabet", "alpha_2", "beta"], "alpha_2"),
        ("weights", ["w_min", "weight", "weighted_mean"], "weight"),
        ("x", ["xylophone", "y"], ""),
    ],
)
def test_a_misspelt_name_comes_before_one_that_begins_alike(word, names, meant):
    assert did_you_mean(word, names).startswith(f"did you mean '{meant}'" if meant else "known: ")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("0s", "--duration: expected a time above 0, such as '2 s', found 0s"),
        ("-1 s", "--duration: expected a time above 0, such as '2 s', found -1 s"),
        ("2", "--duration: expected a time, found 2, which has no unit"),
        ("3 mV", "--duration: expected a time, found 3 mV (a voltage)"),
        ("normal(1 s, 1 ms)", "--duration: expected one time such as '2 s', found normal"),
        ("soon", "--duration: expected a number with a unit, such as '20 ms', found 'soon'"),
    ],
)
def test_a_duration_that_cannot_be_says_what_is_wrong(given, told):
    with pytest.raises(CircuitError) as error:
        CompilerOptions(duration=given)

    assert str(error.value).startswith(told)


WEIGHTS = """
thalia: 1
name: x
duration: 1 s
cite: 10.1038/78829
populations: {{a: {{neuron: poisson, size: 2}}, b: {{neuron: lif_current, size: 2}}}}
pathways:
  p: {{pre: a, post: b, connect: {{probability: 1}}, synapse: current_exp, weight: {weight}, delay: 1 ms,
      plasticity: {plasticity}{bounds}}}
"""


@pytest.mark.parametrize(
    ("weight", "bounds", "hint"),
    [
        ("5 pA", ", w_max: 2 pA", "raise w_max, or lower the weight"),
        ("5 pA", ", w_min: 7 pA", "lower w_min, or raise the weight"),
        ("5 pA", ", w_min: 7 pA, w_max: 2 pA", "swap w_min and w_max"),
        ("-5 pA", "", "plastic weights are positive"),
    ],
)
def test_bounds_without_the_weight_are_put_right_where_they_are_wrong(weight, bounds, hint):
    text = WEIGHTS.format(weight=weight, bounds=bounds, plasticity="[stdp_pair]")
    with pytest.raises(CircuitError) as error:
        thalia.plan_of(thalia.loads(text))

    assert error.value.problems[0].hint.startswith(hint)


@pytest.mark.parametrize("rules", ["stdp_pair", "{rule: stdp_pair}", "[stdp_pair]"])
def test_a_single_entry_stands_for_a_list_of_one(rules):
    circuit = thalia.loads(WEIGHTS.format(weight="5 pA", bounds="", plasticity=rules))

    assert [use.rule for use in circuit.pathways["p"].plasticity] == ["stdp_pair"]
    assert circuit.cite == ("10.1038/78829",)


@pytest.mark.parametrize(
    ("written", "displayed", "si"),
    [
        ("volt/second", "mV/ms", "volt/second"),
        ("nS/mV", "nS/mV", "siemens/volt"),
        ("1/ms^2", "1/ms^2", "1/second**2"),
        ("pA/ms", "pA/ms", "amp/second"),
        ("mM/ms", "mM/ms", "mol/second/metre**3"),
        ("mV^2", "mV^2", "volt**2"),
        ("Mohm*mS", "", "1"),
    ],
)
def test_units_are_written_as_people_write_them(written, displayed, si):
    dimension = parse_unit(written)[1]

    assert display_unit(dimension)[0] == displayed
    assert si_unit(dimension) == si


@given(powers=st.tuples(*[st.integers(-2, 2)] * 5))
def test_every_unit_is_read_as_it_is_written(powers):
    dimension = tuple(map(float, powers))
    unit, size = display_unit(dimension)

    assert parse_unit(unit) == (size, dimension)
    assert parse_unit(si_unit(dimension)) == (1.0, dimension)


INHIBITED = """
thalia: 1
name: x
duration: 1 s
populations: {a: {neuron: poisson, size: 2}, b: {neuron: lif_conductance, size: 2}}
synapses:
  slow_inhibition:
    summary: A conductance.
    parameters: {tau: {default: 10 ms, meaning: decay}, rest: {default: -75 mV, meaning: reversal potential}}
    weight: nS
    neuron: "dg/dt = -g/tau : siemens"
    current: g*(rest - v)
    on_pre: g += w
    charge: w*tau*(rest - v)
pathways:
  p: {pre: a, post: b, connect: {probability: 1}, synapse: ampa, weight: 1 nS, delay: 1 ms}
  q: {pre: a, post: b, connect: {probability: 1}, synapse: SYNAPSE, weight: 1 nS, delay: 1 ms}
"""


@pytest.mark.parametrize(
    ("synapse", "inhibits"),
    [
        ("slow_inhibition", True),
        ("{part: slow_inhibition, rest: 0 mV}", False),
        ("gaba_a", True),
        ("{part: gaba_a, e_rev: -40 mV}", False),
        ("[tsodyks_markram, gaba_b]", True),
        ("nmda", False),
    ],
)
def test_what_inhibits_is_known_by_its_charge_and_not_by_its_name(synapse, inhibits):
    circuit = thalia.loads(INHIBITED.replace("SYNAPSE", synapse))
    try:
        thalia.plan_of(circuit)
        told = ""
    except CircuitError as error:
        told = str(error)

    assert ("a excites along 'p' and inhibits along 'q'" in told) == inhibits


@pytest.mark.parametrize("width", [20, 40, 80, 300])
def test_a_table_cuts_no_number_and_no_word_short(width):
    rows = [
        (f"population_{k}", f"{k * 12345.678:,.2f} Hz", f"{k / 7:.10f}", "several words of text")
        for k in range(4)
    ]
    table = Table("population", "text", box=box.SIMPLE_HEAD)
    table.add_column("mean rate in the last phase", justify="right")
    table.add_column("share", justify="right")
    for name, rate, share, text in rows:
        table.add_row(name, text, rate, share)
    console = Console(width=width, file=io.StringIO())

    print_whole(console, table)

    shown = console.file.getvalue()
    assert [number for row in rows for number in row[:3] if number not in shown] == []
    assert "…" not in shown
    assert max(map(len, shown.splitlines())) <= max(width, 66)


VERSION = "thalia: {}\nname: x\npopulatons: {{}}\n"


@pytest.mark.parametrize(
    ("version", "hint"),
    [("9", "install a newer Thalia"), ("0", "begin the file"), ("one", "begin the file")],
)
def test_a_circuit_in_another_format_has_this_one_problem(version, hint):
    with pytest.raises(CircuitError) as error:
        thalia.loads(VERSION.format(version))

    (problem,) = error.value.problems
    assert (problem.path, problem.place) == (("thalia",), "circuit.yaml:1:1")
    assert f"expected 1, the version of the format that this Thalia reads, found {version}" in str(
        problem
    )
    assert problem.hint.startswith(hint)


@pytest.mark.parametrize(
    "command", [["resume"], ["health"], ["diff", "x.yaml"], ["export", "--to", "neo"]]
)
def test_a_circuit_in_place_of_a_run_file_is_told_apart(command, tmp_path):
    (tmp_path / "x.yaml").write_text("thalia: 1\nname: x\n")

    done = thalia_here(command[0], "x.yaml", *command[1:], folder=tmp_path)

    assert done.returncode == 2
    assert "x.yaml: is a circuit, expected a run file\n    hint: `thalia run" in done.stderr


def test_a_full_disk_of_the_build_cache_is_told_as_such(tmp_path, monkeypatch):
    monkeypatch.setenv("THALIA_CACHE", str(tmp_path))

    def build(folder):
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(CircuitError) as error:
        cache.open_or_build("x", cache.Description("program"), (), build)

    told = f"{tmp_path}: the build cache cannot be written (No space left on device)"
    assert str(error.value).startswith(f"{told}\n    hint: `thalia cache clear` makes room; or set")
    assert list(tmp_path.iterdir()) == []
