"""What was learned is kept: continued to the bit, by another experiment too, and by no other network."""

import json

import numpy as np
import pytest
from brian2 import hertz

import thalia
from tests.helpers import thalia as command
from tests.training.test_subject import PLAYED, SLOW, outcome
from thalia.errors import CircuitError
from thalia.training.subject import subject_of

RATES = np.linspace(0, 60, 60) * hertz


@pytest.fixture(params=["runtime", "cpp"])
def saved(request, tmp_path):
    """A subject that was saved, what it did then, and its state at the end."""
    with subject_of(thalia.loads(SLOW), request.param) as subject:
        subject.present("0.33 s", {"source": RATES})
        subject.release("dopamine", 0.7)
        subject.save(tmp_path / "saved.h5")
        later = subject.present("0.2 s"), subject.present("0.2 s", {"source": "30 Hz"})
        spikes = [each.spikes("cells") for each in later]
        *kept, _ = outcome(subject)
    return request.param, tmp_path / "saved.h5", spikes, kept


def test_a_saved_network_continues_to_the_bit(saved):
    """With weights, traces, the modulator, what is in flight, a stimulus, and random streams."""
    backend, file, expected, kept = saved
    other = thalia.loads(SLOW.replace("seed: 3", "seed: 4").replace("name: slow", "name: other"))
    with subject_of(other, backend, start_from=file) as subject:
        later = subject.present("0.2 s"), subject.present("0.2 s", {"source": "30 Hz"})
        found = [each.spikes("cells") for each in later]
        variables, step, phase, shown, *_ = outcome(subject)

    assert [times.tobytes() for times, _ in found] == [times.tobytes() for times, _ in expected]
    assert [cells.tolist() for _, cells in found] == [cells.tolist() for _, cells in expected]
    assert (variables, step, phase, shown) == tuple(kept[:4])


def test_a_saved_network_is_a_run_file_to_look_at_and_to_start_a_run_from(saved, tmp_path):
    _, file, _, _ = saved
    run = thalia.Run(file)
    warm = thalia.run(
        thalia.loads(SLOW), backend="runtime", duration="1 ms", output=tmp_path / "warm.h5",
        start_from=file,
    )  # fmt: skip

    assert run.attributes["complete"]
    assert run.duration == pytest.approx(0.33)
    assert run.weights["p"].time.tolist() == pytest.approx([0.33])
    assert np.array_equal(warm.weights["p"].w[0], run.weights["p"].w[0])
    with pytest.raises(CircuitError, match="is the recording of an experiment"):
        thalia.resume(file, for_="1 s")


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """The file of a network that was saved by the runtime backend."""
    file = tmp_path_factory.mktemp("saved") / "kept.h5"
    with subject_of(thalia.loads(SLOW), "runtime") as subject:
        subject.present("10 ms")
        subject.save(file)
    return file


@pytest.mark.parametrize(("text", "message"), [
    (SLOW.replace("a_plus: 0.05", "a_plus: 0.06"),
     "is of another network than slow: pathways.p.plasticity"),
    (SLOW.replace("size: 10", "size: 11"), "populations.cells.size is 10 there and 11 here"),
    (PLAYED, "populations.other is only here"),
    (SLOW.replace("rate: 300 Hz", "rate: 200 Hz"), "stimuli.drive.rate is 300 Hz there and 200 Hz here"),
    (SLOW.replace("dt: 1 ms", "dt: 0.5 ms"), "dt is 1 ms there and 0.5 ms here"),
])  # fmt: skip
def test_the_state_of_another_network_is_refused_with_what_differs(kept, text, message):
    with pytest.raises(CircuitError) as caught:
        subject_of(thalia.loads(text), "runtime", start_from=kept)

    assert message in str(caught.value)


@pytest.mark.parametrize(("options", "message"), [
    ({"backend": "cpp"}, "was written by the backend 'runtime', and this is 'cpp'"),
    ({"backend": "runtime", "record": "again.h5"}, "an experiment that starts from a saved state is not recorded"),
])  # fmt: skip
def test_what_a_saved_state_is_not_for_is_refused(kept, options, message):
    with pytest.raises(CircuitError, match=message):
        subject_of(thalia.loads(SLOW), start_from=kept, **options)


@pytest.mark.parametrize("name", ["nothing.h5", "text.h5"])
def test_what_is_no_saved_state_is_refused(tmp_path, name):
    (tmp_path / "text.h5").write_text("no run file")
    with pytest.raises(CircuitError, match=name):
        subject_of(thalia.loads(SLOW), "runtime", start_from=tmp_path / name)


def test_a_run_is_no_saved_state(tmp_path):
    run = thalia.run(
        thalia.loads(SLOW), backend="runtime", duration="2 ms", output=tmp_path / "run.h5"
    )
    with pytest.raises(CircuitError, match="is a run, expected what a subject saved"):
        subject_of(thalia.loads(SLOW), "runtime", start_from=run.file)


def test_a_network_is_saved_neither_before_it_learns_nor_while_it_is_frozen(tmp_path):
    with subject_of(thalia.loads(SLOW), "runtime") as subject:
        with pytest.raises(CircuitError, match="nothing was presented yet"):
            subject.save(tmp_path / "early.h5")
        subject.present("10 ms")
        with pytest.raises(CircuitError, match="while it is in 'frozen'"), subject.frozen():
            subject.save(tmp_path / "frozen.h5")

    assert [*tmp_path.iterdir()] == []


TASK = '''
from thalia.training.tasks import Environment


class Keep(Environment):
    """Presents, and tells the mean weight before and after."""

    trials: int = 3

    def learn(self, subject, random, note):
        before = subject.weights("p").mean()
        for _ in range(self.trials):
            note(spikes=subject.present("100 ms", {"source": f"{60 * random.random()!r} Hz"}).total("cells"))
        return {"before": before, "weight": subject.weights("p").mean(), "step": subject.done}
'''
SECTION = """
experiment:
  task: ./keep.py
  seeds: 2
  result: weight
  curve: spikes
  controls: {short: {says: "one trial", task: {trials: 1}}}
"""


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    """The folder of an experiment, with recorded networks."""
    folder = tmp_path_factory.mktemp("learned")
    (folder / "keep.py").write_text(TASK)
    (folder / "first.yaml").write_text(SLOW + SECTION)
    (folder / "second.yaml").write_text(SLOW.replace("name: slow", "name: second") + SECTION)
    thalia.learn(
        folder / "first.yaml", backend="runtime", record=True, output=folder / "first",
        controls=[], workers=1, progress=False,
    )  # fmt: skip
    return folder


def finals(folder):
    log = json.loads((folder / "learning.json").read_text())
    return [each["final"] for each in log["runs"]]


def test_another_experiment_goes_on_from_what_each_seed_learned(learned):
    done = command(
        "learn", "second.yaml", "--from", "first", "--backend", "runtime", "-o", "second",
        "--control", "none", folder=learned,
    )  # fmt: skip
    first, second = finals(learned / "first"), finals(learned / "second")

    assert done.returncode == 0, done.stderr
    assert [each["before"] for each in second] == [each["weight"] for each in first]
    assert [each["step"] for each in second] == [600, 600]
    assert first[0]["weight"] != first[1]["weight"]


def test_all_seeds_and_controls_start_from_one_file_that_the_experiment_names(learned):
    section = SECTION + "  start_from: first/learning_124.h5\n"
    (learned / "third.yaml").write_text(SLOW + section)
    outcome = thalia.learn(
        learned / "third.yaml",
        backend="runtime",
        output=learned / "third",
        workers=1,
        progress=False,
    )

    expected = finals(learned / "first")[1]["weight"]
    assert [log.values("before").tolist() for log in outcome.logs] == [[expected] * 2] * 2


@pytest.mark.parametrize(("more", "options", "message"), [
    ("", {"seeds": 3}, "learning: first/learning_125.h5: there is no such file"),
    ("", {"record": True, "seeds": 1}, "--record: an experiment that starts from a saved state is not recorded"),
    ("    off: {says: off, set: {pathways.p.w_max: 2 mV}}\n", {"seeds": 1}, "off: first/learning_123.h5: is of another network"),
    ("  start_from: ../first.h5\n", {"start_from": None}, "is outside the folder of the circuit"),
])  # fmt: skip
def test_what_an_experiment_cannot_start_from_is_told_before_it_runs(
    learned, monkeypatch, more, options, message
):
    monkeypatch.chdir(learned)
    section = SECTION.replace(
        'controls: {short: {says: "one trial", task: {trials: 1}}}\n',
        "controls:\n    short: {says: short, task: {trials: 1}}\n" + more,
    )
    (learned / "fourth.yaml").write_text(SLOW + section)
    with pytest.raises(CircuitError) as caught:
        thalia.learn(
            "fourth.yaml",
            **{
                "backend": "runtime",
                "output": "never",
                "start_from": "first",
                "progress": False,
                **options,
            },
        )

    assert message in str(caught.value)
    assert not (learned / "never").exists()
