"""The bandit: its prediction error is computed by the circuit, and its controls leave nothing open."""

import numpy as np
import pytest

import thalia
from thalia.training.experiment import conditions_of
from thalia.training.subject import Subject, subject_of
from thalia.training.tasks import environment


def made(control=None, set=None, **numbers):
    """One condition of the bandit, and its task."""
    condition = conditions_of("bandit", None, [control] if control else [], set or {}, numbers)[-1]
    return condition.circuit, environment("bandit").model_validate(condition.numbers)


ERROR = """
thalia: 1
name: error
duration: 1 s
dt: 1 ms
populations: {silent: {neuron: lif_current, size: 1}}
modulators:
"""


def modulators_of_the_experiment(control=None):
    """Those of the bandit alone; their releases by spikes come from the task, too."""
    used, _ = made(control)
    lines = []
    for name, each in used.modulators.items():
        plain = each.model_dump(include={"kind", "input", "parameters"}, exclude_defaults=True)
        keys = {"kind": plain["kind"], **({"input": each.input} if each.input else {})}
        keys |= {key: str(value) for key, value in each.parameters.items()}
        if each.kind == "first_order":
            keys["from_task"] = True
        lines.append(f"  {name}: {keys}")
    return thalia.loads(ERROR + "\n".join(lines))


def burst(subject, rewarded, promote=0.0):
    """The integral of dopamine after an outcome, in the units of an error of one: 4 x 100 ms."""
    released = {"outcome": 1, "reward": float(rewarded)} | ({"promote": promote} if promote else {})
    for name, amount in released.items():
        subject.release(name, amount)
    total = 0.0
    for _ in range(70):
        subject.present("10 ms")
        total += 10e-3 * float(subject.session.read("shared.dopamine_level")[0])
    return total / 0.4


def test_dopamine_is_the_reward_minus_a_running_mean_of_earlier_ones():
    """After n outcomes with s rewards, r brings (r n - s) ln((n + 1)/n).

    The mean moves from s/n to (s + r)/(n + 1) while the outcome decays: with x from 0 to 1 for the
    part of it that is over, the integral of r - (s + r x)/(n + x).
    """
    with subject_of(modulators_of_the_experiment(), "runtime") as subject:
        found = [burst(subject, each) for each in (True, True, False, True)]

    expected = [0, 0, -2 * np.log(3 / 2), np.log(4 / 3)]
    assert found[1:] == pytest.approx(expected[1:], abs=0.04)


def test_what_d1_neurons_promote_is_taken_from_the_error_of_a_control():
    """An amount p, with 0.1 and the same decay of 100 ms as the outcome, takes 0.1 p / 2 from it."""
    with subject_of(modulators_of_the_experiment("striatal"), "runtime") as subject:
        burst(subject, rewarded=True)
        plain, promoted = burst(subject, True), burst(subject, True, promote=6.0)

    assert plain - promoted == pytest.approx(0.1 * 6.0 / 2, rel=0.03)


def test_the_task_says_only_that_something_happened_and_whether_it_was_a_reward(monkeypatch):
    """Whatever is chosen and expected: amounts of one, and as often a reward as the log notes one."""
    released, noted = [], []
    release = Subject.release

    def watched(subject, modulator, amount):
        released.append((modulator, float(amount)))
        release(subject, modulator, amount)

    monkeypatch.setattr(Subject, "release", watched)
    circuit, task = made(trials=5, pause="100 ms")
    with subject_of(circuit, "cpp") as subject:
        found = task.learn(subject, np.random.default_rng(1), lambda **each: noted.append(each))

    assert len(noted) == task.noted_trials() == 10
    assert set(released) <= {("outcome", 1.0), ("reward", 1.0)}
    assert released.count(("outcome", 1.0)) == 10
    assert released.count(("reward", 1.0)) == sum(each["rewarded"] for each in noted)
    assert found.keys() == {"optimal", "locked_in", "after_reversal", "end_of_reversal"}


@pytest.mark.parametrize("rewards", ["shuffled", "yoked"])
def test_rewards_of_controls_do_not_depend_on_the_choice(rewards):
    """The best chance is 1 and the other 0: shuffled rewards come always, yoked ones in half of the trials."""
    circuit, task = made(set=FAST, trials=15, rewards=rewards, blocks=[[1.0, 0.0]], pause="20 ms")
    noted = []
    with subject_of(circuit, "runtime") as subject:
        task.learn(subject, np.random.default_rng(2), lambda **each: noted.append(each))

    rewarded = np.array([each["rewarded"] for each in noted])
    wanted = {"shuffled": 1.0, "yoked": 0.5}[rewards]
    assert rewarded.mean() == pytest.approx(wanted, abs=0.3 * (wanted < 1))


FAST = {"experiment.cue": "20 ms", "experiment.act": "20 ms"}


def test_without_eligibility_the_slow_trace_is_gone_too():
    circuit, _ = made("no_eligibility")

    used = [circuit.pathways[name].rules[0].parameters for name in ("cortex_to_d1", "cortex_to_d2")]
    assert [(str(each["tau_fast"]), each["slow_share"].mean) for each in used] == [("1 ms", 0)] * 2
