"""Components as a user may write them, at random: most are nearly right, and some are outrageous.

`python -m tests.fuzz.parts FIRST LAST` tries those seeds and counts what becomes of them: `check`
accepts or refuses in words within five seconds, and what it accepts makes code. By hand, for
thousands of seeds; tests/test_fuzz.py tries two hundred.
"""

import random
import signal
import sys
import time
from collections import Counter
from typing import Any

import thalia
from thalia.codegen.brian_model import import_brian2, model_of, network
from thalia.errors import CircuitError

LONGEST = 5.0  # seconds that `check` may take, and the making of code

WORDS = [
    *("double", "new", "this", "namespace", "NULL", "M_PI", "errno", "int", "exp", "clip", "True"),
    *("poisson", "v", "x", "y", "tau", "t", "dt", "xi", "w", "lambda", "is", "size_t", "std", "E"),
    *(
        "I",
        "S",
        "N",
        "beta",
        "gamma",
        "e",
        "pi",
        "inf",
        "mV",
        "newton",
        "ohm",
        "name",
        "start",
        "g",
    ),
    *("stop", "clock", "events", "equations", "threshold", "size", "tid", "EOF", "a_b", "v_", "_v"),
    *("x_post", "x_pre", "not_refractory", "lastspike", "refractory", "unless", "rate", "signal"),
    *("ｖ", "тau", "x" * 61, "x" * 300, "2x", "x y", "brian", "zeta", "Q", "O", "C", "if", "or"),
    *("variables", "source", "target", "delay", "state", "label", "order", "when", "active", "i"),
]
FUNCTIONS = [
    *("exp", "log", "log10", "sin", "cos", "tan", "sinh", "cosh", "tanh", "exprel", "expm1"),
    *("log1p", "floor", "ceil", "abs", "sqrt", "int", "clip", "rand", "randn", "poisson", "sign"),
]
NUMBERS = [
    *("0", "1", "2", "3", "0.5", "1e3", "1.5e-3", "2.", ".5", "-1", "1e-300", "1e308", "1e400"),
    *("9" * 400, "2147483648", "1000000000", "0.0", "10", "100", "0x10", "1_000", "1j", "-0"),
]
OUTRAGEOUS = [
    *("sqrt()", "abs()", "clip(v)", "v**'a'", "v**[1]", "10**10**10", "xi**2", "1*mV/0", "v is v"),
    *("v in v", "~v", "0 < x < 1", "x if x else x", "x.y", "x[0]", "lambda: 1", "[x]", "(x, x)"),
    *("'a'", "x := 1", "*x", "exp(x, x)", "exp(x=1)", "__import__('os')", "-" * 900 + "x"),
    *("(" * 5000 + "x" + ")" * 5000, "x" + " + x" * 800, "x" + " " * 30000 + "+ x", "x//2", "x@x"),
    *(
        "1/(x - x)",
        "log(0)",
        "sqrt(-1)",
        "(-8)**(1/3)",
        "x**1000",
        "(x + 1)**24",
        "x**-3",
        "x**0.5",
    ),
    *("0**-1", "not x", "x and x", "x == x", "x != 1", "True", "None", "...", "f'{x}'", "", "2 ms"),
    *("exp(1000)", "1000000000*1000000000*1000000000*x", "x % 2", "x % 0", "2**x", "x**x", "5*s"),
    *(
        "inf",
        "-inf",
        "x*inf",
        "clip(x, -inf, inf)",
        "clip(x, 0, 1)",
        "int(x > 1)",
        "int(x)",
        "3*minute/s",
    ),
    *(
        "rand()",
        "x*randn()",
        "poisson(2)",
        "xi*sqrt(ms)",
        "x*xi*sqrt(ms)",
        "exp(xi*sqrt(ms))",
        "t/ms",
    ),
    *("dt/ms", "abs(x - x)", "x/x", "0*x", "1/(0*x)", "x**0", "floor(x/2)", "e", "pi", "i", "N*x"),
]
UNITS = [
    "1",
    "volt",
    "mV",
    "second",
    "Hz",
    "amp",
    "siemens",
    "weight",
    "1/second",
    "volt**2",
    "mz",
    "",
]
FLAGS = [
    *("unless refractory", "constant over dt", "shared", "linked", "foo bar", "constant", "summed"),
    *("event-driven", "clock-driven", "constant, shared", "unless refractory, shared"),
]


class Writer:
    """Writes the parts of one circuit from a seed."""

    def __init__(self, seed: int):
        self.rng = random.Random(seed)
        self.oddity = self.rng.choice([0, 0, 0.1, 0.3, 1])  # how odd this circuit is

    def one(self, choices: list[str]) -> str:
        return self.rng.choice(choices)

    def often(self, usual: str, odd: list[str], chance: float = 0.06) -> str:
        return self.one(odd) if self.rng.random() < chance * self.oddity else usual

    def number(self) -> str:
        """An expression without dimension."""
        return self.expression(self.leaves, 3)

    def expression(self, leaves: list[str], depth: int) -> str:
        if self.rng.random() < 0.03 * self.oddity:
            return self.one(OUTRAGEOUS)
        if depth == 0 or self.rng.random() < 0.25:
            return self.often(self.one(leaves), WORDS + NUMBERS, 0.04)
        inside = [self.expression(leaves, depth - 1) for _ in range(3)]
        kind = self.rng.randrange(10)
        if kind < 5:
            return f"({inside[0]} {self.one(['+', '-', '*', '/', '+', '*'])} {inside[1]})"
        if kind == 5:
            return f"{self.one(['exp', 'sin', 'tanh', 'abs', 'log1p', 'exprel', 'floor'])}({inside[0]})"
        if kind == 6:
            return f"clip({inside[0]}, {self.one(['0', '-inf', 'a'])}, {self.one(['1', 'inf'])})"
        if kind == 7:
            return f"int({inside[0]} {self.one(['<', '>', '>=', '==', '!='])} {inside[1]})"
        if kind == 8:
            return f"({inside[0]})**{self.one(['2', '3', '0.5', 'a', '-1', '4'])}"
        arguments = ", ".join(inside[: self.rng.randrange(3)])
        called = self.rng.random() < 0.3 * self.oddity
        return f"{self.one(FUNCTIONS)}({arguments})" if called else f"-{inside[0]}"

    def condition(self) -> str:
        usual = self.one(["v > 10*mV", "x >= a", "v > 10*mV and x < 2", "rand() < dt*50*Hz"])
        odd = [
            "1",
            "v",
            "0 > 1",
            "not (x > 1)",
            "v > 1",
            "x",
            self.number(),
            "",
            f"{self.number()} > 1",
        ]
        return self.often(usual, odd, 0.15)

    def equations(self, own: list[str]) -> str:
        """Lines of equations: mostly of the right form, flags and units."""
        lines = list(own)
        self.states = [line[1] for line in own if line[0] == "d" and line[1] not in "iw"]
        for name in ("x", "y"):
            flag = self.often("", [f" ({flag})" for flag in FLAGS], 0.1)
            given = self.often(name, WORDS, 0.08)
            unit = self.often("1", UNITS, 0.06)
            kind = self.rng.randrange(5)
            kept, self.leaves = self.leaves, [each for each in self.leaves if name not in each]
            right = self.number()
            self.leaves = kept
            self.states += [given] if kind != 2 else []
            lines.append(
                [
                    f"d{given}/dt = ({right} - {given})/tau : {unit}{flag}",
                    f"d{given}/dt = -{given}/tau : {unit}{flag}",
                    f"{given} = {right if name == 'x' else 2} : {unit}{flag}",
                    f"{given} : {unit}{flag}",
                    f"d{given}/dt = ({right})/tau : {unit}{flag}",
                ][kind]
            )
        if self.rng.random() < 0.1 * self.oddity:
            lines.append(self.one(lines))
        if self.rng.random() < 0.05 * self.oddity:
            lines += [f"z{i + 1} = z{i} + z{i} : 1" for i in range(self.rng.randrange(30))]
            lines.append("z0 = x : 1")
        if self.rng.random() < 0.03 * self.oddity:
            lines.append(
                self.one(["x", "x = 1", "dx/dt = 1", "= : 1", "x += 1", "x : 1 : 1", ":" * 300])
            )
        self.rng.shuffle(lines)
        return "\n".join(f"      {line}" for line in lines)

    def statements(self, more: list[str], own: dict[str, str]) -> str:
        """Assignments to state variables, and to others that have a unit of their own."""
        lines, targets = list(more), [*self.states, *own]
        for _ in range(self.rng.randrange(3)):
            if not targets:
                break
            target = self.often(self.one(targets), ["a", "tau", *WORDS], 0.1)
            operator = self.often("+=", ["=", "-=", "*=", "/=", "**=", "%=", "=="], 0.4)
            unit = own.get(target, "1") if operator in ("=", "+=", "-=") else "1"
            lines.append(f"{target} {operator} {self.number()}*{unit}")
        return "\n".join(f"      {line}" for line in lines)

    def weight(self) -> list[str]:
        """An equation for the weight, or none."""
        rate = self.one(["0.1", "x", "a", "(1 - w/w_max)", "x*y", "-w/w_max", "modulator"])
        line = f"dw/dt = {rate}*w_max/tau : {self.often('weight', UNITS, 0.1)}"
        return [line] if self.rng.random() < 0.3 else []

    def parameters(self) -> str:
        tau = self.often(
            "10 ms", ["0 ms", "-10 ms", "1e308 hour", "1 kHz^200", "5", "'normal(10 ms, 1 ms)'"]
        )
        extra = self.often("a", WORDS, 0.1)
        value = self.often("2", ["0", "-1", "1e300", "'uniform(1, 2)'", "1e99", "9" * 400], 0.1)
        return (
            f"{{tau: {{default: {tau}, meaning: m}}, a: {{default: 1.5, meaning: m}}, "
            f"{extra if extra != 'a' else 'b'}: {{default: {value}, meaning: m}}}}"
        )

    def neuron(self, v: str, parameters: str, refractory: str) -> str:
        return f"""neurons:
  mine:
    summary: A neuron.
    parameters: {parameters[:-1]}, g: {{default: 10 Mohm, meaning: m}}}}
    equations: |
{self.equations([v])}
    threshold: "{self.condition()}"
    reset: |
{self.statements(["v = 0*mV"], {"v": "mV"})}
    refractory: {refractory or '""'}
    initial: {{v: {self.often("1 mV", ["a", "1", "foo", "'normal(1 mV, 1 mV)'", "1e400 mV"], 0.1)}}}"""

    def circuit(self) -> str:
        v = self.often(
            "dv/dt = (-v + g*input_current)/tau : volt", ["v = 1*mV : volt", "v : volt"], 0.05
        )
        flag = self.often("", [" (unless refractory)"], 0.4)
        refractory = self.often(
            "2*ms", ["2 ms", "a*ms", "tau", "5", "x*ms", "v > 1*mV", "", "0*ms"], 0.3
        )
        parameters = self.parameters()
        self.leaves = ["x", "y", "(v/mV)", "a", "2", "0.5", "(t/ms)", "a*x"]
        neuron = self.neuron(v + flag, parameters, refractory)
        self.leaves = ["(t/ms)", "2", "a", "sin(t/ms)"]
        stimulus = self.number()
        self.leaves = ["x", "y", "a", "2", "0.5", "(t/ms)", "a*x"]
        return f"""thalia: 1
name: fuzz
duration: {self.often("10 ms", ["1e-300 ms", "0 ms", "1e308 hour", "5"], 0.02)}
dt: {self.often("0.1 ms", ["1e-300 ms", "20 ms", "0 ms"], 0.02)}
{neuron}
rules:
  learn:
    summary: A rule.
    parameters: {self.parameters()}
    equations: |
{self.equations(self.weight())}
    on_pre: |
{self.statements(["w += 0.01*w_max"], {"w": "w_max"})}
    on_post: |
{self.statements(["w -= 0.01*w_max*a"], {"w": "w_max"})}
synapses:
  felt:
    summary: A receptor.
    parameters: {self.parameters()}
    weight: {self.often("pA", ["nS", "mV", "1"], 0.05)}
    neuron: |
{self.equations(["di/dt = -i/tau : amp"])}
    current: {self.often("i", ["i*(1 + x**2)", "i + x", "v", "i*exp(-v/mV)"], 0.3)}
    on_pre: {self.often("i += w", ["i = w", "i += 2*w", "v += w", "w += i", "i += w*exp(x)"], 0.2)}
modulator_kinds:
  slow:
    summary: A modulator.
    parameters: {parameters[:-1]}, baseline: {{default: 0, meaning: m}}}}
    equations: |
{self.equations(["dlevel/dt = (a - level)/tau : 1"])}
    on_release: |
{self.statements(["level += amount"], {"level": "1"})}
stimulus_kinds:
  wave:
    summary: A current.
    parameters: {{top: {{default: 5 pA, meaning: m}}, a: {{default: 2, meaning: m}}}}
    current: top*({stimulus})
populations:
  p: {{neuron: mine, size: {self.often("5", ["0", "1000000000000000000", "-1", "2.5"], 0.02)}}}
  q: {{neuron: lif_current, size: 5, modulation: {{v_th: "{self.often("v_th*(1 + 0.1*m)", ["v_th*m*rand()", "v_th + m*x", "v_th*(1 + tanh(m))", "m"], 0.2)}"}}}}
pathways:
  p_q:
    pre: p
    post: q
    connect: {{probability: 0.5}}
    synapse: felt
    weight: 10 pA
    w_max: 30 pA
    delay: 1 ms
    plasticity: [{{rule: learn, modulator: "{self.often("m", ["1 + m", "m*rand()", "m**2", "x", "exp(m)"], 0.2)}"}}]
  q_p: {{pre: q, post: p, connect: {{probability: 0.5}}, synapse: current_exp, weight: 10 pA, delay: 1 ms}}
stimuli:
  s: {{kind: wave, target: p}}
modulators:
  m: {{kind: slow, released_by: q}}
"""


class TooLong(BaseException):
    """Raised after LONGEST seconds, past any handler of exceptions."""


def _stop(*_: object) -> None:
    raise TooLong


def outcome(text: str, code: bool = True) -> str:
    """'refused', 'coded', or what went wrong with a circuit; without `code`, only `check`."""
    signal.signal(signal.SIGALRM, _stop)
    signal.setitimer(signal.ITIMER_REAL, LONGEST)
    try:
        plan = thalia.plan_of(thalia.loads(text, "fuzz.yaml"))
    except CircuitError as error:
        return "refused" if all(each.message for each in error.problems) else "without words"
    except TooLong:
        return "check: too long"
    except Exception as error:
        return f"check: {type(error).__name__}: {error}"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return _coded(plan) if code else "coded"


def _coded(plan: Any) -> str:
    """Whether Brian2 makes code of it, for NumPy and for C++."""
    signal.setitimer(signal.ITIMER_REAL, 4 * LONGEST)
    try:
        generate(plan)
    except TooLong:
        return "code: too long"
    except Exception as error:
        cause = error.__cause__ or error
        return f"code: {type(cause).__name__}: {cause}".replace("\n", " ")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return "coded"


def generate(plan: Any) -> None:
    """Make the code of every object of a plan, for NumPy, without running it."""
    b2 = import_brian2()
    b2.prefs.codegen.target = "numpy"
    b2.BrianLogger.suppress_hierarchy("brian2")
    b2.start_scope()
    net, objects = network(model_of(plan))
    for synapses in plan.synapses:
        objects[synapses.name].connect(i=[0], j=[0])
    net.run(0 * b2.second, namespace={})


def main(first: int, last: int) -> int:
    """Try the circuits of some seeds, and print what went wrong, and the counts."""
    counts: Counter[str] = Counter()
    slowest = 0.0
    for seed in range(first, last):
        text = Writer(seed).circuit()
        begin = time.perf_counter()
        found = outcome(text)
        slowest = max(slowest, time.perf_counter() - begin)
        counts[found.partition(":")[0]] += 1
        if found not in ("refused", "coded"):
            print(f"seed {seed}: {found[:400]}", flush=True)
    print(dict(counts), f"slowest {slowest:.1f} s")
    return int(counts["refused"] + counts["coded"] < last - first)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2])))
