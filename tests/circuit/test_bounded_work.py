"""`check` of any file below a megabyte ends within seconds: it is refused, or small."""

import pytest

import thalia
from thalia.codegen.listing import describe
from thalia.compiler.resolve import populations
from thalia.errors import CircuitError
from thalia.syntax.yaml_reader import read_yaml

HEAD = "thalia: 1\nname: bomb\nduration: 10 ms\n"
V = "dv/dt = (-v + r*input_current)/tau : volt"


def neuron(*equations: str) -> str:
    lines = "\n".join(f"      {line}" for line in equations)
    return f"""{HEAD}neurons:
  mine:
    summary: A neuron.
    parameters: {{tau: {{default: 10 ms, meaning: m}}, r: {{default: 1 Mohm, meaning: m}}}}
    equations: |
{lines}
    threshold: v > 1*mV
    reset: v = 0*mV
populations: {{p: {{neuron: mine, size: 10}}}}
"""


def keys(number: int, text: str) -> str:
    return "\n".join(f"  k{index}: {text}" for index in range(number))


CHAIN = [f"x{k} = x{k - 1} + x{k - 1} : volt" for k in range(1, 60)]
POPULATIONS = f"{HEAD}populations:\n{keys(1000, '{neuron: lif_current, size: 1}')}\n"
ALL = ", ".join(f"k{index}" for index in range(1000))
PATHWAY = "connect: {probability: 0.1}, synapse: current_exp, weight: 1 pA, delay: 1 ms"
ONE = f"{HEAD}populations: {{p: {{neuron: lif_current, size: 1}}}}\n"

PAIR = f"{HEAD}populations: {{p: {{neuron: lif_current, size: 1}}, q: {{neuron: lif_current, size: 1}}}}\n"
PLASTIC = f"pre: p, post: q, {PATHWAY}, w_max: 2 pA"
PULSE = "{kind: current_pulses, target: p, amplitude: 1 pA, start: 1 ms, width: 1 ms}"

BOMBS = {
    "modulators": (f"{ONE}modulators:\n{keys(1200, '{kind: first_order, released_by: p}')}\n", "there are 1,200 modulators, expected at most 200"),
    "inputs": (f"{ONE}stimuli:\n{keys(2400, PULSE)}\n", "receives 2,400 stimuli and kinds of synapses, expected at most 100"),
    "chain": (neuron(V, "x0 = v : volt", *CHAIN), "once it is multiplied out"),
    "squares": (neuron(V, "x0 = 1 + v/mV : 1", *(f"x{k} = x{k - 1}*x{k - 1} : 1" for k in range(1, 60))), "once it is"),
    "cycle": (neuron(V, "x = y : 1", "y = x : 1"), "depends on itself"),
    "terms": (neuron(V.replace("-v", "-v" + " + v" * 800)), "levels deep"),
    "signs": (neuron(V.replace("-v", "-" * 900 + "v")), "levels deep"),
    "brackets": (neuron(V.replace("-v", "(" * 5000 + "v" + ")" * 5000)), "characters"),
    "colons": (neuron(":" * 300_000), "characters"),
    "lines": (neuron(V, *(f"x{k} = v : volt" for k in range(5000))), "more than 300 lines"),
    "power": (neuron(V.replace("-v", "-v + 10**10**10*mV")), "not a number that can be computed"),
    "flow": (f"{HEAD}populations: {'[' * 400_000}", "nested too deeply"),
    "maps": (f"{HEAD}populations: {'{a: ' * 100_000}", "nested too deeply"),
    "blocks": (HEAD + "\n".join(f"{' ' * k}a:" for k in range(1300)), "nested too deeply|recursion|maximum nesting"),
    "aliases": (HEAD + "a: &a [1,1,1,1,1,1,1,1,1]\n" + "\n".join(f"a{k}: &a{k} [{','.join(['*a' + str(k - 1 if k else '')] * 9)}]" for k in range(9)), "entries|undefined alias"),
    "keys": (HEAD + keys(20_000, "1").replace("  k", "k"), "and 19,900 more problems"),
    "matrix": (f"{POPULATIONS}pathways: {{m: {{pre: [{ALL}], post: [{ALL}], {PATHWAY}}}}}\n", "expected at most 2,500"),
    "pathways": (f"{ONE}pathways:\n{keys(5000, f'{{pre: p, post: p, {PATHWAY}}}')}\n", "expected at most 2,500"),
    "regions": (f"{HEAD}regions:\n{keys(500, '{template: cortex, size: 1000}')}\n", "expected at most 2,500"),
    "schedule": (f"{ONE}modulators: {{m: {{kind: first_order, schedule: [{'{at: 1 ms}, ' * 3000}]}}}}\n", "expected at most 2,500"),
    "releases": (f"{ONE}modulators: {{m: {{kind: first_order, released_by: [{'p, ' * 5000}]}}}}\n", "expected at most 2,500"),
    "rules": (f"{PAIR}pathways: {{m: {{{PLASTIC}, plasticity: [{'stdp_pair, ' * 40}]}}}}\n", "plasticity: has 40 entries, expected at most 30"),
    "synapses": (f"{PAIR}pathways: {{m: {{{PLASTIC.replace('current_exp', '[' + 'dse, ' * 40 + 'ampa]')}}}}}\n", "synapse: has 41 entries, expected at most 30"),
    "unit": (f"{HEAD}dt: 1 kHz^200\n", "power out of range"),
    "digits": (f"{HEAD}dt: {'9' * 100_000} ms\n", "too long"),
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_a_file_that_would_take_for_ever_is_refused(name):
    text, message = BOMBS[name]

    with pytest.raises(CircuitError, match=message):
        thalia.plan_of(thalia.loads(text))


@pytest.mark.parametrize("limit", ["MOST_EQUATIONS", "MOST_TEXT"])
def test_equations_of_all_populations_are_limited(limit, monkeypatch):
    monkeypatch.setattr(populations, limit, 20)

    with pytest.raises(CircuitError, match=r"populations: have more than .* equations together"):
        thalia.plan_of(thalia.loads(POPULATIONS))


def test_populations_are_one_group_as_long_as_an_equation_can_add_up_their_inputs():
    """Those of thousands of kinds of synapses were more than Python's own parser reads."""
    ends = ((f"p{k}", f"{{part: ampa, tau: {k + 1} ms}}", "pq"[k // 60]) for k in range(120))
    pathways = "\n".join(
        f"  {name}: {{pre: p, post: {post}, synapse: {synapse}, connect: {{rule: all_to_all}}, weight: 1 nS, delay: 1 ms}}"
        for name, synapse, post in ends
    )
    cells = ", ".join(f"{name}: {{neuron: lif_conductance, size: 1}}" for name in "pq")
    plan = thalia.plan_of(thalia.loads(f"{HEAD}populations: {{{cells}}}\npathways:\n{pathways}\n"))

    members = [[each.name for each in group.members] for group in plan.groups]
    assert members == [["p"], ["q"]]
    assert len(describe(plan)) > 0


def test_populations_that_are_alike_are_counted_once(monkeypatch):
    monkeypatch.setattr(populations, "MOST_TEXT", 100)
    alike = thalia.loads(f"{HEAD}populations:\n{keys(100, '{neuron: lif_current, size: 1}')}\n")

    assert len(list(thalia.plan_of(alike).populations())) == 100


def test_the_ways_between_linear_variables_are_not_followed_one_by_one():
    """There are as many as there are rabbits of Fibonacci after a hundred months."""
    reads = [f"dx{k}/dt = (x{k + 1} + x{k + 2} - x{k})/tau : 1" for k in range(100)]
    ends = ["dx100/dt = -x100/tau : 1", "dx101/dt = -x101/tau : 1"]
    (group,) = thalia.plan_of(thalia.loads(neuron(V, *reads, *ends))).groups

    # from a variable that reads what has a way of one behind it, there is one of two
    assert {name for block in group.integration.exact for name in block} == {"v", "x98", "x99", "x100", "x101"}  # fmt: skip


def test_the_ways_between_modulators_are_not_followed_one_by_one():
    """Of fifty that each read all later ones there are 2**48 from the first to the last."""
    reads = "".join(
        f"  m{k}: {{kind: follower, tau: 10 ms, input: {' + '.join(f'm{n}' for n in range(k + 1, 50))}}}\n"
        for k in range(49)
    )
    plan = thalia.plan_of(
        thalia.loads(f"{ONE}modulators:\n{reads}  m49: {{kind: first_order, released_by: p}}\n")
    )

    assert len(plan.modulators) == 50


def test_a_condition_changes_thousands_of_values_at_once():
    sizes = "".join(f"      populations.k{k}.size: 10\n" for k in range(1000))
    text = f"{POPULATIONS}conditions:\n  c:\n    says: larger\n    set:\n{sizes}"
    changed = thalia.loads(text, condition="c")

    assert {each.size for each in changed.populations.values()} == {10}


def test_names_that_are_much_alike_are_compared_with_few():
    words = [
        f"{number:060b}".translate({48: "a", 49: "b"}) for number in range(10**15, 10**18, 10**15)
    ]
    known = "\n".join(f"  {word}: {{neuron: lif_current, size: 1}}" for word in words)
    wrong = ", ".join(f"{word[:-1]}c" for word in words[:40])

    with pytest.raises(CircuitError) as error:
        thalia.plan_of(
            thalia.loads(f"{HEAD}populations:\n{known}\nrecord: {{spikes: [{wrong}]}}\n")
        )
    assert all("did you mean 'a" in each.hint for each in error.value.problems)


def test_messages_name_the_first_hundred_problems():
    names = ", ".join(f"x{k}" for k in range(1000))

    with pytest.raises(CircuitError) as error:
        thalia.plan_of(thalia.loads(f"{ONE}record: {{spikes: [{names}]}}"))
    assert len(error.value.problems) == 1000
    assert str(error.value).endswith("\nand 900 more problems")


@pytest.mark.parametrize("text", ["a: [{}1]", "# what?\na: [{}1]", "# \t\na: [{}1]"])
def test_a_long_text_is_read_as_a_short_one(text):
    assert read_yaml(text.format("1, " * 67_000), "x.yaml")[0] == {"a": [1] * 67_001}


@pytest.mark.parametrize("spaces", [30_000, 300_000])
def test_spaces_cost_nothing(spaces):
    text = neuron(V.replace("-v + ", "-v +" + " " * spaces), " " * spaces + "x = v : volt")

    assert thalia.plan_of(thalia.loads(text)).groups


def test_many_entries_that_are_all_written_are_read():
    """Such as the spikes of a long protocol; a hundred thousand is the limit only where aliases repeat them."""
    data, _ = read_yaml("times: [" + "1, " * 150_000 + "1]", "x.yaml")

    assert len(data["times"]) == 150_001
