"""A memory in a file: what is stored is recalled by spikes, kept through kills, and told in words if it cannot be."""

import json
import shutil
from datetime import UTC, datetime, timedelta

import h5py
import numpy as np
import pytest

import thalia
from tests.helpers import thalia_here
from thalia.errors import CircuitError
from thalia.memory import core, encoder, gate, kept
from thalia.memory import memory as memories
from thalia.memory.gate import decided
from thalia.recording.journal import JournalledFile
from thalia.recording.memory_file import MemoryFile, read
from thalia.syntax.units import UNITS, constant
from thalia.training.memory_network import BACK

RANDOM = np.random.default_rng(5)
VECTORS = RANDOM.standard_normal((5, 50)) + 2 * RANDOM.standard_normal(50)
NOISE = 0.5 * RANDOM.standard_normal((5, 50))


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """The file of a memory with five vectors, what two cues recalled while it was made, and its status.

    What they share is removed after the third: the others are stored again.
    """
    file = tmp_path_factory.mktemp("memories") / "five.h5"
    with pytest.MonkeyPatch.context() as patch, thalia.Memory(file) as memory:
        patch.setattr(encoder, "LOOKS", (3,))
        items = [memory.store(vector) for vector in VECTORS]
        shutil.copy(file, file.with_name("before.h5"))
        recalled = [memory.recall(VECTORS[k] + NOISE[k], k=3) for k in (2, 4)]
        status = memory.status()
    return file, items, recalled, status


@pytest.fixture
def copy(stored, tmp_path):
    return shutil.copy(stored[0], tmp_path / "copy.h5")


@pytest.fixture(scope="module")
def five(stored):
    """The same memory, open."""
    with thalia.Memory(shutil.copy(stored[0], stored[0].with_name("open.h5"))) as memory:
        yield memory


@pytest.fixture
def memory(five):
    """The same, and as it was again after a test."""
    before, kept = five._subject.state(), five._core.kept
    yield five
    five._subject.restore(before)
    five._core.kept = kept


def test_a_noisy_cue_recalls_its_item_first(stored):
    _, items, recalled, status = stored

    assert items == [1, 2, 3, 4, 5]
    assert [found[0].item for found in recalled] == [3, 5]
    assert all(np.array_equal(found[0].vector, VECTORS[found[0].item - 1]) for found in recalled)
    assert all(
        sum(each.confidence for each in found[1:]) < found[0].confidence / 2 for found in recalled
    )
    assert (status.items, status.recallable, status.dimension) == (5, 5, 50)


def test_a_memory_that_was_closed_answers_bit_identically(stored):
    file, _, recalled, _ = stored
    again = file.with_name("before.h5")
    with thalia.Memory(again) as memory:
        found = [memory.recall(VECTORS[k] + NOISE[k], k=3) for k in (2, 4)]
    whole, broken = read(file), read(again)

    assert [[each.confidence for each in one] for one in found] == [
        [each.confidence for each in one] for one in recalled
    ]
    assert whole.arrays.keys() == broken.arrays.keys()
    assert all(np.array_equal(whole.arrays[name], broken.arrays[name]) for name in whole.arrays)


def test_without_its_weights_nothing_is_recalled(memory):
    memory._core.network.forget_all()

    assert memory.recall(VECTORS[2]) == []
    assert memory.status().recallable == 0


def test_with_shuffled_weights_recall_is_chance(memory):
    """All five are first by chance with a probability of 0.0003. The status says how many are."""
    random = np.random.default_rng(1)
    memory._core.network.change(lambda _: lambda w, *_: random.permutation(w))
    recallable = memory.status().recallable
    found = [memory.recall(vector, k=1) for vector in VECTORS]

    assert recallable < 4
    assert recallable == sum(each[0].item == k for k, each in enumerate(found, 1) if each)


def test_outcomes_change_what_is_expected_of_an_item_by_their_error(memory):
    """Nothing is known at first: half of the way from 1 to 4. A second good outcome is less of a surprise."""
    first, second = memory.outcome(2, 4), memory.outcome(2, 4)
    other = memory.outcome(4, 1)

    assert first.expected == pytest.approx(2.5, abs=0.1)
    assert (first.error, second.error) == (
        pytest.approx(4 - first.expected, abs=0.05),
        pytest.approx(4 - second.expected, abs=0.05),
    )
    assert 0.2 * first.error < second.error < 0.8 * first.error
    assert other.expected < first.expected + 0.5 * (second.expected - first.expected)
    assert memory._core.items.find(2).told.outcomes == 2


def test_a_surprise_moves_an_item_that_was_just_recalled_towards_its_cue(memory):
    """Not one that was not, not twice within the cooldown, and not without surprise."""
    cue = np.random.default_rng(9).standard_normal(50)
    before = [each.confidence for each in memory.recall(cue) if each.item == 2]
    passed = memory.outcome(2, 4, cue)
    memory.recall(VECTORS[1])
    unsurprising = memory.outcome(2, 3, cue)
    moved = memory.outcome(2, 1, cue)
    again = memory.outcome(2, 4, cue)
    found = memory.recall(cue)

    told = [each.moved for each in (passed, unsurprising, moved, again)]
    assert told == [False, False, True, False]
    assert max([0, *before]) < 0.2
    assert (found[0].item, found[0].confidence > 0.3) == (2, True)


@pytest.mark.parametrize(("worth", "outcomes", "decision"), [
    (0.0, 19, "stored"), (0.0, 20, "skipped"), (0.29, 99, "skipped"), (0.3, 20, "waiting"), (0.59, 20, "waiting"), (0.6, 20, "stored"),
])  # fmt: skip
def test_what_is_worth_it_is_stored_and_everything_as_long_as_nothing_is_known(
    worth, outcomes, decision
):
    assert decided(worth, outcomes) == decision


def test_offers_are_judged_by_the_outcomes_of_what_was_like_them(copy, monkeypatch):
    """Good outcomes of one item, bad ones of another: what is like the one is stored, the other skipped.

    What is unlike both waits, and is stored in the sleep after outcomes have made it worth it.
    """
    monkeypatch.setattr(gate, "COLD", 4)
    strange = VECTORS.mean(axis=0) + np.random.default_rng(8).standard_normal(50)
    with thalia.Memory(copy) as memory:
        for item, grade in ((1, 4), (5, 1), (1, 4), (5, 1)):
            memory.outcome(item, grade)
        good, bad, unknown = (
            memory.offer(each) for each in (VECTORS[0] + 0.1, VECTORS[4] + 0.1, strange)
        )
    with thalia.Memory(copy) as memory:
        (waits,) = memory._core.items.waiting
        worth = memory._core.network.subject.weights("judge")
        code = memory._core.kept.encoder.code(strange)
        pre, _ = memory._core.network.subject.ends("judge")
        worth[np.isin(pre, code)] = 0.75e-3
        memory._core.network.subject.set_weights("judge", worth * constant(1.0, UNITS["V"][1]))
        slept = memory.sleep(1)
        found = memory.recall(strange, k=1)

    assert [each.decision for each in (good, bad, unknown)] == ["stored", "skipped", "waiting"]
    assert (good.item, bad.item, unknown.item) == (6, None, None)
    assert good.expected > unknown.expected > bad.expected
    assert np.array_equal(waits.vector, strange)
    assert (slept.stored, found[0].item) == ((7,), 7)


def test_in_sleep_the_index_makes_slow_synapses_learn(memory):
    """What is replayed is in the slow synapses of the codes that the index fired, and without it nothing."""
    items = memory._core.items.present
    memory._core.network.change(
        lambda role: (
            lambda w, first, _: np.where((role != BACK) | ~np.isin(first, items[0].own), w, 0)
        )
    )
    memory._core.network.replay([items[0].own])
    without = memory._subject.weights("slow").max()
    slept = memory.sleep(3)
    strengths = memory._core.network.strengths([i.code for i in items], [i.own for i in items])
    learned = memory._subject.weights("slow").max()

    assert (slept.replays, slept.recallable) == (3, 5)
    assert without < 1e-9 < 1e-4 < learned < 0.5e-3
    assert strengths.max() > 0.55e-3  # more than fast synapses can have alone


def test_reviews_are_scheduled_by_fsrs_and_are_outcomes(memory):
    """After one review that was good, FSRS-6 gives a stability of 2.3065 days, its parameter w2."""
    pytest.importorskip("fsrs")
    now = datetime(2026, 1, 1, tzinfo=UTC)
    memory.review(4, 3, now)
    later = memory.due(now + timedelta(days=2.3065))
    told = memory._core.items.find(4).told

    assert json.loads(told.card)["stability"] == pytest.approx(2.3065)
    assert [each.item for each in later] == [4, 1, 2, 3, 5]
    assert later[0].retrievability == pytest.approx(0.9, abs=0.01)  # by the definition of stability
    assert [each.due for each in later[1:]] == [None] * 4
    assert told.outcomes == 1


def test_an_item_that_is_reviewed_is_seen_again(memory):
    """Its synapses, weakened to a half, are as strong again as when it was stored; an outcome leaves them."""
    pytest.importorskip("fsrs")
    network, (first, second, *_) = memory._core.network, memory._core.items.present

    def strengths():
        return network.strengths([first.code, second.code], [first.own, second.own])

    begin = strengths()
    network.change(lambda _: lambda w, *_: w / 2)
    memory.outcome(first.number, 3)
    judged = strengths()
    memory.review(first.number, 3)
    seen = strengths()

    assert judged == pytest.approx(begin / 2)
    assert seen == pytest.approx(begin * [1, 0.5], rel=0.05)


def test_recall_leaves_weights_and_their_scaling_as_they_are(memory):
    """Or what is asked for would become more sure by being asked."""
    before = memory._core.network.scaling(), memory._subject.digest()
    memory.store(VECTORS[0] + NOISE[0])
    changed = memory._core.network.scaling(), memory._subject.digest()
    memory.recall(VECTORS[1])
    after = memory._core.network.scaling(), memory._subject.digest()

    assert not np.array_equal(before[0], changed[0])
    assert np.array_equal(changed[0], after[0])
    assert changed[1] == after[1]


def test_of_items_that_are_recalled_as_surely_the_oldest_counts(memory, monkeypatch):
    """As in a recall; and what recalls nothing is not recalled."""
    shares = np.diag([0.5, 0.5, 0.5, 0.5, 0.0])
    shares[1, 0] = shares[2, 3] = 0.5
    monkeypatch.setattr(memory._core, "tested", lambda: shares)

    assert memory._core.recallable() == [True, False, True, True, False]


def test_the_time_of_a_review_has_a_zone(five):
    with pytest.raises(
        CircuitError, match="now: expected a time with its zone, found 2026-01-01 00:00:00"
    ):
        five.review(1, 3, datetime(2026, 1, 1))


@pytest.mark.parametrize("grade", [0, 5, 2.5, True, "3"])
def test_a_grade_is_one_of_four(five, grade):
    with pytest.raises(CircuitError, match="grade: expected 1, 2, 3 or 4"):
        five.outcome(1, grade)


def test_what_is_asked_of_an_unknown_item_is_told(five):
    with pytest.raises(CircuitError, match=r"has no item 77\n    hint: it has 5, the newest is 5"):
        five.outcome(77, 3)


@pytest.mark.parametrize("item", [True, 1.0, "1", None])
@pytest.mark.parametrize("act", ["forget", "outcome", "review"])
def test_what_is_no_number_is_no_item(five, act, item):
    """True is 1 in Python, and item 1 is there."""
    grade = () if act == "forget" else (3,)
    with pytest.raises(CircuitError, match=f"item: expected the number of an item, found {item!r}"):
        getattr(five, act)(item, *grade)


def test_items_of_a_memory_of_another_version_are_stored_again(copy, tmp_path, monkeypatch):
    """A circuit of which only words have changed is the same."""
    other = tmp_path / "new.h5"
    circuit_of = kept.circuit_of

    def changed(weight):
        changes = {"summary": "other words", "pathways.see.weight": weight}
        return lambda seed: circuit_of(seed).replace(changes)

    monkeypatch.setattr(memories, "circuit_of", changed("60 mV"))
    thalia.Memory(copy).close()
    monkeypatch.setattr(memories, "circuit_of", changed("70 mV"))
    with pytest.raises(CircuitError) as refused:
        thalia.Memory(copy)
    with thalia.Memory(other) as memory:
        numbers = memory.store_from(copy)
        found = memory.recall(VECTORS[3] + NOISE[3], k=1)

    assert str(refused.value) == (
        f"{copy}: was made by Thalia {thalia.__version__}, whose circuit is another one\n"
        "    hint: `thalia memory store NEW --from` this file stores its items again, in the circuit "
        "of this version; what outcomes and sleep have taught stays behind"
    )
    assert numbers == [1, 2, 3, 4, 5]
    assert (found[0].item, np.array_equal(found[0].vector, VECTORS[3])) == (4, True)


def test_an_item_is_forgotten_and_the_others_stay(copy):
    with thalia.Memory(copy) as memory:
        memory.forget(3)
        with pytest.raises(CircuitError, match="has no item 3"):
            memory.forget(3)
        found = memory.recall(VECTORS[2])
        number = memory.store(VECTORS[2])
    arrays = read(copy).arrays

    assert 3 not in [each.item for each in found]
    assert number == 6
    assert sorted(arrays["items.number"].tolist()) == [1, 2, 4, 5, 6]
    assert len(arrays["items.vector"]) == 5  # the row of the item that was forgotten is used again


def test_a_full_memory_forgets_the_weakest(memory, monkeypatch):
    """Which is the oldest here, whose code cells have been depressed by those after it most."""
    monkeypatch.setattr(core, "CAPACITY", 5)
    present = memory._core.items.present
    strengths = memory._core.network.strengths([i.code for i in present], [i.own for i in present])
    memory.store(-VECTORS[0])
    left = [each.number for each in memory._core.items.present]

    assert left == [n for n in range(1, 7) if n != 1 + int(np.argmin(strengths))]


def test_what_fails_midway_leaves_the_file_as_it_was(copy, monkeypatch):
    before = read(copy)
    memory = thalia.Memory(copy)
    monkeypatch.setattr(memory._core.network, "store", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        memory.store(VECTORS[0])

    with pytest.raises(CircuitError, match="this memory is closed"):
        memory.recall(VECTORS[0])
    after = read(copy)
    assert after.settings == before.settings
    assert all(np.array_equal(after.arrays[name], before.arrays[name]) for name in before.arrays)


def test_texts_are_recalled_by_a_part_of_them(tmp_path):
    file = tmp_path / "texts.h5"
    texts = [
        "The cat sat on the mat.",
        "Replay in sleep consolidates memories.",
        "Il pleut à Paris aujourd'hui.",
    ]
    given = [part for text in texts for part in ("--text", text)]
    ask = ("memory", "recall", file)
    stored = thalia_here("memory", "store", file, *given, folder=tmp_path)
    asked = thalia_here(*ask, "--text", "replay in sleep", "--k", 1, "--json", folder=tmp_path)
    other = thalia_here(*ask, "--vector", tmp_path / "v.npy", folder=tmp_path)

    assert (stored.returncode, stored.stdout.split()) == (0, ["1", "2", "3"])
    (found,) = json.loads(asked.stdout)["recalled"]
    assert (found["item"], found["text"], found["vector"]) == (2, texts[1], None)
    assert (other.returncode, other.stderr) == (2, f"{tmp_path / 'v.npy'}: no such file\n")
    assert len(read(file).texts) == 3


@pytest.mark.parametrize(("arguments", "message"), [
    (("store", "new.h5"), "there is nothing to store"),
    (("recall", "five.h5"), "there is no cue"),
    (("recall", "none.h5", "--text", "a"), "none.h5: no such file"),
    (("forget", "none.h5", "1"), "none.h5: no such file"),
    (("store", "run.h5", "--text", "a"), "run.h5: is a run, expected a file that `thalia memory store` wrote"),
    (("status", "other.h5"), "other.h5: is no memory"),
    (("status", "text.h5"), "text.h5: cannot be read as HDF5"),
    (("status", "."), "is a folder"),
    (("sleep", "none.h5"), "none.h5: no such file"),
    (("review", "none.h5", "--grade", "3"), "--grade: expected ITEM=GRADE, such as 12=3, found '3'"),
    (("review", "none.h5", "--grade", "3=x"), "--grade: expected ITEM=GRADE, such as 12=3, found '3=x'"),
    (("store", "new.h5", "--vectors", "text.h5"), "is not an array of NumPy"),
    (("store", "new.h5", "--vectors", "cube.npy"), "expected rows of numbers, found float64 of 2 x 2 x 2"),
])  # fmt: skip
def test_what_a_command_cannot_do_is_told(tmp_path, arguments, message):
    (tmp_path / "text.h5").write_text("no HDF5", "utf-8")
    np.save(tmp_path / "cube.npy", np.zeros((2, 2, 2)))
    for name, kind in (("run", "thalia-run"), ("other", "")):
        with h5py.File(tmp_path / f"{name}.h5", "w") as h5:
            h5.attrs["format"] = kind
    ended = thalia_here("memory", *arguments, folder=tmp_path)

    assert ended.returncode == 2
    assert message in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not (tmp_path / "new.h5").exists()


@pytest.mark.parametrize(("content", "message"), [
    (np.ones(49), r"expected a vector of 50 numbers, found one of the shape \(49,\)"),
    (np.ones((2, 25)), r"found one of the shape \(2, 25\)"),
    (np.where(np.arange(50) == 3, np.nan, 1.0), "expected finite numbers, found nan at place 3"),
    (np.full(50, 1e200), r"expected numbers up to 1e\+100, found 1e\+200"),
    (np.zeros(50), "the vector says nothing: it is zero everywhere"),
    ([1, "a"], "expected a vector of 50 numbers, found list"),
    (None, "expected a vector of 50 numbers, found NoneType"),
    ("some text", "holds vectors, found a text"),
])  # fmt: skip
@pytest.mark.parametrize("what", ["store", "recall"])
def test_what_cannot_be_stored_or_asked_is_told_and_the_memory_goes_on(
    five, what, content, message
):
    with pytest.raises(CircuitError, match=message):
        getattr(five, what)(content)

    assert five._is_open


@pytest.mark.parametrize("number", [-1, 1.5, True, "2", 1e9])
def test_numbers_are_whole(five, number):
    with pytest.raises(CircuitError, match="k: expected a whole number from 1 to 100,000"):
        five.recall(VECTORS[0], k=number)
    with pytest.raises(CircuitError, match="replays: expected a whole number from 0 to 100,000"):
        five.sleep(number)


def test_nobody_else_may_use_it_meanwhile(five):
    with pytest.raises(CircuitError, match="another process is writing it"):
        thalia.Memory(five._file.file)


def test_a_memory_has_one_seed_and_backend(copy, tmp_path):
    with pytest.raises(CircuitError, match="exists, with a seed of its own"):
        thalia.Memory(copy, seed=7)
    file = MemoryFile(copy)
    contents = file.contents
    file.keep({**contents.settings, "backend": "other"}, contents.arrays, contents.texts)
    file.close()
    with pytest.raises(
        CircuitError, match=r"was written by the backend 'other', and this is '\w+'"
    ):
        thalia.Memory(copy)


def test_damage_is_named(tmp_path):
    file = MemoryFile(tmp_path / "m.h5")
    file.keep({"step": 1}, {"w": np.random.default_rng(1).random(10_000)}, ["a"])
    file.close()
    raw = bytearray((tmp_path / "m.h5").read_bytes())
    raw[len(raw) // 2] ^= 0xFF
    (tmp_path / "m.h5").write_bytes(raw)

    with pytest.raises(
        CircuitError, match=r"m.h5: is damaged: .*bytes [\d,]+ to [\d,]+ are not what was written"
    ):
        MemoryFile(tmp_path / "m.h5")


def test_a_commit_writes_what_has_changed(tmp_path):
    """Of ten million bytes, one number changes: a few pages are written, not all."""
    values = np.zeros(1_250_000)
    file = MemoryFile(tmp_path / "m.h5")
    file.keep({"step": 1}, {"w": values}, ["a"])
    changed = values.copy()
    changed[[0, 1_000_000]] = -0.0, np.nan
    pages = []
    commit = JournalledFile.commit
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            JournalledFile, "commit", lambda disk: (pages.append(len(disk.pages)), commit(disk))
        )
        file.keep({"step": 2}, {"w": changed}, ["a", "b"])
    file.close()
    found = read(tmp_path / "m.h5")

    assert np.array_equal(found.arrays["w"].view("u8"), changed.view("u8"))
    assert (found.settings, found.texts) == ({"step": 2}, ("a", "b"))
    assert pages[0] < 40


def test_tables_grow_and_arrays_take_other_shapes(tmp_path):
    first = {"t": np.arange(6).reshape(3, 2), "q": np.arange(4), "n": np.array(3.0)}
    later = {
        "t": np.arange(10).reshape(5, 2)[::-1],
        "q": np.arange(9),
        "n": np.array(4.0),
        "v": np.ones((1, 3)),
    }
    file = MemoryFile(tmp_path / "m.h5")
    file.keep({"step": 1}, first, [])
    file.keep({"step": 1}, later, [])
    file.keep({"step": 1}, {name: later[name] for name in "tv"}, [])
    file.close()
    found = read(tmp_path / "m.h5").arrays

    assert found.keys() == {"t", "v"}
    assert all(np.array_equal(found[name], later[name]) for name in found)
