"""What `check` accepts makes code that compiles and runs; what it refuses is told by line."""

import h5py
import pytest

import thalia
from thalia.codegen.brian_model import import_brian2
from thalia.errors import CircuitError
from thalia.library.equation_checks import Names, equation_problems
from thalia.syntax.equations import parse_equations

# what is a name of sympy, of NumPy, of a group of Brian2, of C++ or of the code that is generated,
# and may yet be one of a variable
NAMES = [
    "I",
    "E",
    "S",
    "Q",
    "O",
    "C",
    "N_",
    "beta",
    "gamma",
    "zeta",
    "eta",
    "theta",
    "delta",
    "name",
    "start",
    "stop",
    "clock",
    "events",
    "size",
    "value",
    "order",
    "when",
    "active",
    "label",
    "state",
    "source",
    "target",
    "delay",
    "spikes",
    "threshold_",
    "equations_",
    "namespace_",
    "method",
    "template",
    "lags",
    "add_event",
    "thresholder",
    "resetter",
    "run_on_event",
    "indices",
    "variables_",
    "codeobj",
    "group",
    "owner",
    "index",
    "count",
    "max",
    "min",
    "sum",
    "data",
    "begin",
    "end",
    "vector",
    "map",
    "set",
    "list",
    "pair",
    "string",
    "begin_",
    "array",
    "real",
    "imag",
    "conjugate",
    "diff",
    "subs",
    "fabs",
    "pow",
    "fmod",
    "tgamma",
    "erf",
    "y0",
    "y1",
    "yn",
    "j0",
    "j1",
    "jn",
    "signgam",
    "main",
    "printf",
    "exit",
    "abort",
    "system",
    "time",
    "clock_",
    "rand_",
    "np",
    "numpy",
    "math",
    "sys",
    "os",
    "self",
    "cls",
    "dtype",
    "shape",
    "T",
    "A",
    "B",
    "F",
    "V",
    "s",
    "h",
    "m",
    "n",
    "k",
    "a_b",
    "A_B",
    "aB",
    "idx",
    "_",
    "v2",
    "x1e5",
    "e1",
    "f32",
    "lf",
    "ul",
]
ACCEPTED = [
    name
    for name in NAMES
    if not list(
        equation_problems(
            Names((), (), meet_code=True),
            {"equations": parse_equations(f"d{name}/dt = 0/second : 1")},
            {"equations": {}},
        )
    )
]
EXPRESSIONS = [
    *("exp(-x)", "log(1 + x**2)", "log10(2 + x)", "sin(x)*cos(x) + tan(x)", "sinh(x) + cosh(x)"),
    *(
        "tanh(x)",
        "exprel(x)",
        "expm1(x) + log1p(x**2)",
        "floor(x) + ceil(x)",
        "abs(-x)",
        "sqrt(x**2)",
    ),
    *("clip(x, -inf, 1)", "clip(x, a, inf)", "int(x > a)", "int(x >= a and not (x == 2))", "x % 3"),
    *("int(x < a or x != a)", "-x**2", "(x + a)**3", "x**a", "2**x", "+x", "1/2 + 1/3*x", "x/x"),
    *("(t/ms)*x", "dt/ms", "pi*x", "x*(v/mV)", "x*ms/second", "int(x)", "1e-3*x - 1E2"),
    *("a*1000000*x*1000000", "((((x))))", "--x"),
    *("int(floor(exprel(0.5)) == a)", "int(ceil(2*exprel(1)) != exprel(1))"),
    *("int(int(x > a) > x)", "int(a*int(x != 2) + x < 1)", "clip(0.5, 0, 1)*x"),
]


def neuron(
    name: str, equations: list[str], threshold: str = "v > 10*mV", reset: str = "v = 0*mV"
) -> str:
    lines = "\n".join(f"      {line}" for line in equations)
    return f"""
  {name}:
    summary: A neuron.
    parameters: {{tau: {{default: 10 ms, meaning: m}}, a: {{default: 1.5, meaning: m}}, r: {{default: 1 Mohm, meaning: m}}}}
    equations: |
{lines}
    threshold: "{threshold}"
    reset: |
      {reset}
    refractory: 2*ms
"""


V = "dv/dt = (r*input_current - v)/tau : volt (unless refractory)"


def circuit() -> str:
    """One population for each kind of neuron, all in one program."""
    parts = {
        "names": [V, *(f"d{name}/dt = -{name}/tau : 1" for name in ACCEPTED)],
        "held": [V, "x : 1", "drawn = randn() : 1 (constant over dt)", "y = drawn*x : 1"],
        "noisy": [V.replace(" : volt", " + 1*mV*sqrt(1/tau)*xi : volt")],
        "functions": [
            V,
            "dx/dt = (0.5 - x)/tau : 1",
            *(f"e{k} = {e} : 1" for k, e in enumerate(EXPRESSIONS)),
        ],
        "driven": [
            V,
            "dx/dt = ("
            + " + ".join(f"0.001*clip({e}, -1, 1)" for e in EXPRESSIONS)
            + " - x)/tau : 1",
            "du/dt = (0.5 - u*clip(clip(u, -inf, 2), 0, 1))/tau : 1",
        ],
    }
    written = "".join(neuron(name, equations) for name, equations in parts.items())
    populations = "\n".join(f"  p_{name}: {{neuron: {name}, size: 2}}" for name in parts)
    pathways = "\n".join(
        f"  to_{name}: {{pre: p_held, post: p_{name}, connect: {{rule: all_to_all}}, synapse: felt, "
        "weight: 1 pA, w_max: 2 pA, delay: 1 ms, plasticity: [learn, switch]}"
        for name in ("held", "names")
    )
    return f"""thalia: 1
name: accepted
duration: 2 ms
neurons:{written}
synapses:
  felt:
    summary: A receptor.
    parameters: {{tau: {{default: 5 ms, meaning: m}}}}
    weight: pA
    neuron: |
      dnew/dt = -new/tau : amp
    current: new
    on_pre: new += w
rules:
  learn:
    summary: A rule.
    parameters: {{tau: {{default: 5 ms, meaning: m}}, double: {{default: 1, meaning: m}}}}
    equations: |
      dthis/dt = -this/tau : 1
      dint/dt = double/tau : 1
    on_pre: |
      this += 1
      w += 0.01*w_max*this
    on_post: |
      this += 1
      w -= 0.01*w_max*int
  switch:
    summary: A rule with a variable that switches itself.
    parameters: {{tau: {{default: 5 ms, meaning: m}}}}
    equations: |
      dswitched/dt = tanh(int(switched < 1))/tau : 1
    on_pre: w += 0.01*w_max*switched
populations:
{populations}
pathways:
{pathways}
"""


@pytest.mark.parametrize("backend", ["runtime", "cpp"])
def test_what_is_accepted_runs(backend, simulate):
    run = simulate(circuit(), backend=backend)

    assert run.duration == pytest.approx(0.002)
    with h5py.File(run.file) as h5:
        assert "delay" in h5["state/neurons_p_names"]  # not that of a queue


def test_brian2_does_not_ask_for_a_compiler_of_c(monkeypatch):
    """Which `CC="ccache gcc"` is not, as it is quoted there."""
    from brian2.codegen import cpp_prefs

    monkeypatch.setattr(cpp_prefs, "_compiler_supports_c99", None)
    monkeypatch.setenv("CC", "ccache gcc")
    import_brian2()

    assert cpp_prefs.compiler_supports_c99()


REFUSED = [
    *("exp()", "clip(v)", "sqrt()", "abs()", "v**'a'", "v**[1]", "10**10**10", "1/0", "9" * 400),
    *("xi**2*ms", "v is v", "~v", "v in v", "0 < 1 < 2", "(-1)**0.5", "log(0)", "v if v else v"),
    *("-" * 900 + "1", "(" * 5000 + "1" + ")" * 5000, "1" + " + 1" * 800, "True", "rand()", "2 ms"),
    *("1e400", "x[0]", "f(x)", "ｖ", "lambda: 1", "2**100", "exp(1, 2)", "exp(x=1)"),
]


@pytest.mark.parametrize("expression", REFUSED, ids=lambda text: text[:12])
def test_what_is_refused_is_told_at_its_line_and_column(expression):
    text = f"""thalia: 1
name: refused
duration: 2 ms
neurons:{neuron("mine", [V, f"  y = {expression} : 1"])}
populations: {{p: {{neuron: mine, size: 2}}}}
"""
    with pytest.raises(CircuitError) as caught:
        thalia.plan_of(thalia.loads(text, "c.yaml"))

    assert caught.value.problems[0].place == "c.yaml:10:9"


WORDS = [
    "double",
    "new",
    "this",
    "namespace",
    "NULL",
    "M_PI",
    "errno",
    "int",
    "exp",
    "clip",
    "poisson",
    "True",
    "size_t",
    "tid",
    "xi_a",
    "mV",
]


@pytest.mark.parametrize("word", WORDS)
def test_a_name_that_code_has_already_is_refused(word):
    text = f"""thalia: 1
name: refused
duration: 2 ms
neurons:{neuron("mine", [V, f"{word} = 2 : 1"])}
populations: {{p: {{neuron: mine, size: 2}}}}
"""
    with pytest.raises(CircuitError, match=f"'{word}' cannot be the name of a variable"):
        thalia.loads(text)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["y = 2 : 1", "dx/dt = 1/(2 - y)/tau : 1"], "always divides by zero"),
        (["x : 1", "y = 1/(x - x) : 1"], "always divides by zero"),
        (["y = 2 : 1", "z = log(y - 3) : 1"], "always infinite, or not a real number"),
        (["y = 2 : 1", "z = (y - 3)**0.5 : 1"], "always infinite, or not a real number"),
        (["x : 1", "z = (-clip(0.5, 0, 1))**0.5 : 1"], "always infinite, or not a real number"),
        (["x : 1", "z = x*inf : 1"], "always infinite, or not a real number"),
        (["x : 1", "z = x - inf : 1"], "always infinite, or not a real number"),
    ],
)
def test_what_is_infinite_by_algebra_is_refused_as_what_is_so_by_itself(lines, message):
    text = f"""thalia: 1
name: refused
duration: 2 ms
neurons:{neuron("mine", [V, *lines])}
populations: {{p: {{neuron: mine, size: 2}}}}
"""
    with pytest.raises(CircuitError, match=message) as caught:
        thalia.plan_of(thalia.loads(text, "c.yaml"))

    assert caught.value.problems[0].place == "c.yaml:11:7"
