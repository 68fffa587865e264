"""What every part of the library promises by existing."""

import re
from pathlib import Path as FilePath

import pytest

import thalia
from tests.helpers import ROOT
from tests.rules import CELLS, GATED, SETTINGS, STACKED, STACKS
from thalia.compiler.expand_regions import template_of
from thalia.library import lookup
from thalia.library.protocol_schema import Protocol, Window
from thalia.library.schema import Neuron
from thalia.recording.run_file import Run

EVERY = [(kind, name) for kind in lookup.KINDS for name in lookup.names(kind)]
RULES = [
    name for name in lookup.names("plasticity") if name != "feedback_alignment"
]  # which needs a signal to come back along
# without spikes, or onto sources only
APART = ("gap_junction", "graded", "divisive_inhibition", "graded_rate", "copy")
SYNAPSES = [name for name in lookup.names("synapses") if name not in APART]
RECEPTORS = [name for name in SYNAPSES if lookup.find("synapses", name)[0].weight]
SOURCES = (
    "poisson",
    "regular",
    "latency",
    "tuned",
    "spike_source",
    "leaky_readout",
    "softmax",
    "copies",
)  # which do not fire by currents that they receive
NEURONS = [n for n in lookup.names("neurons") if n not in SOURCES]
UNIT = {
    "ampa": "nS",
    "ampa_dual": "nS",
    "gaba_a": "nS",
    "gaba_a_dual": "nS",
    "gaba_b": "nS",
    "nmda": "nS",
    "delta": "mV",
}


@pytest.mark.parametrize(("kind", "name"), EVERY)
def test_a_part_says_what_it_is_and_where_it_comes_from(kind, name):
    part = lookup.find(kind, name)[0]

    assert part.summary.endswith(".")
    assert part.source
    assert all(parameter.meaning for parameter in part.parameters.values())


# a publication: by its identifier, or by author and year; or one of the two marks, which come first
ORIGIN = re.compile(
    r"^(chosen here|from memory)\b|doi:10\.\d{4,}/|arXiv:\d|PMC\d|PMID \d|[A-Z][\w'-]+(?: et al\.)? \(\d{4}\)"
)
NUMBERS = [
    (kind, name, parameter, each.source or part.numbers or part.source)
    for kind, name in EVERY
    if (part := lookup.find(kind, name)[0])
    for parameter, each in part.parameters.items()
]
PRESETS = [
    (kind, name, preset, f"{each.source} of {part.source}")
    for kind, name in EVERY
    for part in [lookup.find(kind, name)[0]]
    for preset, each in getattr(part, "presets", {}).items()
]
MEASURED = [
    (kind, name, "values", part.numbers or part.source)
    for kind, name in EVERY
    if isinstance(part := lookup.find(kind, name)[0], Protocol | Window)
]
FRAGMENTS = {name: template_of(name, FilePath(".")).fragment for name in lookup.names("regions")}
REGIONS = [
    ("regions", name, what, text)
    for name, fragment in FRAGMENTS.items()
    for what, text in (("itself", fragment.source), ("rates", fragment.reference.source))
]


@pytest.mark.parametrize(
    ("kind", "name", "what", "origin"), [*NUMBERS, *PRESETS, *MEASURED, *REGIONS]
)
def test_a_number_has_a_source_or_is_marked(kind, name, what, origin):
    """'chosen here' where no publication has it, 'from memory' where none was compared with it."""
    assert ORIGIN.search(origin)


@pytest.mark.parametrize(("kind", "name"), EVERY)
def test_a_mark_is_where_a_program_finds_it(kind, name):
    """Not in the meaning of a parameter, and not in its own words."""
    part = lookup.find(kind, name)[0]
    prose = [part.summary, part.differs, *(each.meaning for each in part.parameters.values())]

    assert not re.search(r"from memory|quoted|not verified|a choice\b|are choices", " ".join(prose))


@pytest.mark.parametrize(
    ("kind", "name"), [(k, n) for k, n in EVERY if k not in ("stimuli", "windows")]
)
def test_a_part_names_a_test_that_exists(kind, name):
    part = lookup.find(kind, name)[0]

    (test,) = re.findall(r"tests/\S+\.py", part.reproduces)

    assert (ROOT / test).exists()
    assert part.differs


@pytest.mark.parametrize("name", [*RULES, *SYNAPSES])
def test_a_model_from_the_literature_cites_it(name):
    kind = "plasticity" if name in RULES else "synapses"

    assert re.search(r"doi:10\.\d{4,}/\S+", lookup.find(kind, name)[0].source)


def circuit(
    neuron: str = "lif_current",
    synapse: str = "current_exp",
    rule: str = "",
    weight: str = "200 pA",
    rate: float = 200,
    other: str = "10 pA",
) -> str:
    plasticity = f", plasticity: {STACKS.get(rule, f'[{rule}]')}" if rule else ""
    return f"""
thalia: 1
name: contract
duration: 100 ms
populations:
  source: {{neuron: poisson, size: 20, parameters: {{rate: {rate} Hz}}, excites_and_inhibits: "any synapse is tried here"}}
  cells: {{neuron: {CELLS.get(rule, neuron)}, size: 10}}
pathways:
  p: {{pre: source, post: cells, connect: {{probability: 0.5}}, synapse: {synapse}, weight: {weight}, delay: 1 ms{plasticity}}}
  q: {{pre: source, post: cells, connect: {{probability: 0.2}}, synapse: current_exp, weight: {other}, delay: 1 ms}}
modulators: {{m: {{kind: first_order, tonic: 1, baseline: 0}}}}
record: {{weights: {{pathways: p}}}}
"""


def together(populations: dict[str, str], pathways: dict[str, str], more: str = "") -> str:
    """One circuit of all variants: each is wired as it would be alone, and costs no program of its own."""
    return "\n".join(
        [
            "thalia: 1",
            "name: contract",
            "duration: 100 ms",
            "populations:",
            *(
                f"  {name}: {{neuron: poisson, size: 20, parameters: {{rate: {rate} Hz}}, "
                'excites_and_inhibits: "any synapse is tried here"}'
                for name, rate in {"silent": 0, "source": 200}.items()
            ),
            *(f"  {name}: {{neuron: {neuron}, size: 10}}" for name, neuron in populations.items()),
            "pathways:",
            *(f"  {name}: {{delay: 1 ms, {pathway}}}" for name, pathway in pathways.items()),
            "modulators: {m: {kind: first_order, tonic: 1, baseline: 0}}",
            more,
        ]
    )


def plastic(rules: list[str], source: str) -> dict[str, str]:
    """A pathway of each rule onto cells of its own, and a second one, which instructs some rules."""
    onto = {
        rule: f"pre: {source}, post: to_{rule}, synapse: current_exp, connect: {{probability: "
        for rule in rules
    }
    instructing = {f"{rule}_q": f"{begin}0.2}}, weight: 10 pA" for rule, begin in onto.items()}
    stacks = {rule: STACKS.get(rule, f"[{rule}]").replace(": q}", f": {rule}_q}}") for rule in onto}
    return instructing | {
        rule: f"{begin}0.5}}, weight: 4 nA, plasticity: {stacks[rule]}"
        for rule, begin in onto.items()
    }


def cells_of(rules: list[str]) -> dict[str, str]:
    return {f"to_{rule}": CELLS.get(rule, "lif_current") for rule in rules}


@pytest.fixture(scope="module")
def run_once(tmp_path_factory):
    """The run of a circuit, made once for all tests of this file."""
    runs: dict[tuple[str, str], Run] = {}

    def run(text: str, lower: str = "on") -> Run:
        if (text, lower) not in runs:
            file = tmp_path_factory.mktemp("contract") / "run.h5"
            runs[text, lower] = thalia.run(
                thalia.loads(text), output=file, backend="runtime", lower=lower
            )
        return runs[text, lower]

    return run


@pytest.mark.parametrize("name", SYNAPSES)
def test_a_synapse_acts_on_a_neuron(run_once, name):
    """Every dimension agrees in Brian2 too, and spikes that arrive through it alone move the potential."""
    synapses = {each: each if each in RECEPTORS else f"[{each}, current_exp]" for each in SYNAPSES}
    run = run_once(
        together(
            dict.fromkeys((f"to_{each}" for each in SYNAPSES), "lif_current"),
            {
                each: f"pre: source, post: to_{each}, connect: {{probability: 0.5}}, "
                f"synapse: {synapse}, weight: 3 {UNIT.get(each, 'pA')}"
                for each, synapse in synapses.items()
            },
            "record: {traces: {"
            + ", ".join(
                f"{each}: {{population: to_{each}, variables: [v], every: 1 ms}}"
                for each in SYNAPSES
            )
            + "}}",
        )
    )

    v = run.traces[name]["v"]
    assert (v != v[0]).any(axis=0).all()


@pytest.mark.parametrize("name", NEURONS)
def test_a_neuron_rests_without_input_and_fires_with_much(run_once, name):
    run = run_once(
        together(
            {f"{state}_{each}": each for each in NEURONS for state in ("quiet", "driven")},
            {
                f"to_{each}": f"pre: source, post: driven_{each}, connect: {{probability: 0.5}}, "
                "synapse: ampa, weight: 20 nS"
                for each in NEURONS
            },
        )
    )

    assert len(run.spikes[f"quiet_{name}"]) == 0
    assert len(run.spikes[f"driven_{name}"]) > 10


MOVED = [name for name in RULES if name != "weight_decay"]


@pytest.mark.parametrize("name", MOVED)
def test_silence_changes_no_weight_and_heavy_firing_moves_them_within_bounds(run_once, name):
    """Silence for 30 ms, then spikes at 300 Hz."""
    more = (
        "stimuli: {late: {kind: poisson_pulses, target: silent, rate: 300 Hz, start: 30 ms, width: 1 s, "
        "period: 2 s}}\nrecord: {weights: {pathways: all, every: 30 ms}}"
    )

    w = run_once(together(cells_of(MOVED), plastic(MOVED, "silent"), more)).weights[name].w

    assert w[0].shape[0] > 50
    assert (w[1] == w[0]).all()
    assert (w[-1] >= 0).all()
    assert (w[-1] <= 8000 * (1 + 1e-12)).all()
    assert (w[0] != w[-1]).any()


@pytest.mark.parametrize("name", ["stdp_pair", "stdp_calcium"])
def test_the_same_seed_gives_the_same_bits(simulate, name):
    first, second, other = (
        simulate(circuit(rule=name, weight="4 nA"), seed=seed) for seed in (1, 1, 2)
    )

    assert first.weights["p"].w.tobytes() == second.weights["p"].w.tobytes()
    assert first.weights["p"].w.tobytes() != other.weights["p"].w.tobytes()


# those whose lowering no test of any spike trains covers
OTHERS = sorted({*RULES} - {rule for rule, _ in (*SETTINGS, *GATED, *STACKED)})


@pytest.mark.parametrize("name", OTHERS)
def test_lowering_changes_nothing_but_the_cost(run_once, name):
    """The cheap forms give the weights of the clock-driven reference."""
    text = together(
        cells_of(OTHERS), plastic(OTHERS, "source"), "record: {weights: {pathways: all}}"
    )
    cheap, reference = (run_once(text, lower=mode).weights[name].w for mode in ("on", "off"))

    assert cheap[-1] == pytest.approx(reference[-1], rel=1e-9)
    assert (cheap[-1] != cheap[0]).any()


def test_the_kinds_of_neuron_are_models():
    assert all(
        isinstance(lookup.find("neurons", name)[0], Neuron) for name in lookup.names("neurons")
    )


def test_a_users_part_is_what_the_library_is_written_in(tmp_path, simulate):
    """A library file, copied beside the circuit under another name, gives the same run."""
    text, _ = lookup.part_text("plasticity", "stdp_pair", tmp_path)
    (tmp_path / "mine.yaml").write_text(text)

    library = simulate(circuit(rule="stdp_pair", weight="4 nA"))
    mine = simulate(circuit(rule="{rule: ./mine.yaml}", weight="4 nA"))
    (tmp_path / "mine.yaml").write_text(text.replace("w -= a_minus", "w -= 2 * a_minus"))
    changed = simulate(circuit(rule="{rule: ./mine.yaml}", weight="4 nA"))

    assert mine.weights["p"].w.tobytes() == library.weights["p"].w.tobytes()
    assert changed.weights["p"].w.tobytes() != library.weights["p"].w.tobytes()


def test_the_public_names_exist():
    assert all(getattr(thalia, name) is not None for name in thalia.__all__)
