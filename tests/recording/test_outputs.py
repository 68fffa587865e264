"""Names of results are taken when they are chosen, and a file is written only where it still is."""

import json
import os

import pytest

import thalia
from tests.recording.damage import TEXT
from thalia.errors import CircuitError
from thalia.parallel.result_log import results_of
from thalia.recording import journal, outputs
from thalia.recording.journal import JournalledFile
from thalia.recording.outputs import claim, claim_new, new_folder, replace_file, reserved
from thalia.recording.pending_commit import Stamp
from thalia.simulation.diff import compare
from thalia.training import results

SMALL = TEXT.replace("stimuli: {given: {kind: spikes, target: player, file: given.csv}}", "")


def names(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def one_second(monkeypatch):
    monkeypatch.setattr(outputs, "stamp", lambda: "2026-11-29T00-00-00")


def test_four_that_choose_a_name_in_one_second_get_four(tmp_path, one_second):
    """All before any of them has written anything."""
    claims = [claim_new(tmp_path, ".h5") for _ in range(4)]

    assert [each.file.name for each in claims] == [
        "2026-11-29T00-00-00.h5",
        "2026-11-29T00-00-00_2.h5",
        "2026-11-29T00-00-00_3.h5",
        "2026-11-29T00-00-00_4.h5",
    ]


def test_runs_of_one_second_and_of_a_clock_that_jumps_back_all_stay(tmp_path, monkeypatch):
    times = iter(["2026-11-29T00-00-01", "2026-11-29T00-00-01", "2026-11-29T00-00-00"])
    monkeypatch.setattr(outputs, "stamp", lambda: next(times))
    monkeypatch.chdir(tmp_path)

    files = [thalia.run(thalia.loads(SMALL), backend="runtime").file.name for _ in range(3)]

    assert files == [
        "2026-11-29T00-00-01.h5",
        "2026-11-29T00-00-01_2.h5",
        "2026-11-29T00-00-00.h5",
    ]
    assert names(tmp_path) == sorted(files)


def test_four_folders_of_one_second_are_four(tmp_path, one_second):
    assert len({new_folder(tmp_path / "sweeps" / "c") for _ in range(4)}) == 4


def test_a_name_that_another_has_taken_is_refused_and_free_again_when_it_is_left(tmp_path):
    taken = claim(tmp_path / "run.h5")

    with pytest.raises(CircuitError, match=r"run\.h5: another process is writing it"):
        claim(tmp_path / "run.h5")
    taken.drop()
    claim(tmp_path / "run.h5").drop()

    assert names(tmp_path) == []


def test_what_a_killed_process_left_of_a_name_is_taken_over(tmp_path):
    (tmp_path / ".run.h5.partial").write_bytes(b"begun")

    assert claim(tmp_path / "run.h5").disk.length == 0


def test_a_file_that_is_being_written_is_not_replaced_even_when_asked(tmp_path):
    """Its process would go on writing what nobody finds."""
    file = tmp_path / "run.h5"
    writing = claim(file).disk
    writing.write(b"precious")
    writing.commit()
    writing.rename(file)

    with pytest.raises(CircuitError, match="another process is writing it"):
        claim(file, overwrite=True)
    writing.close()

    assert claim(file, overwrite=True).overwrite


def test_a_file_that_was_made_meanwhile_is_not_replaced(tmp_path):
    """Between the choice of its name and the first commit lies the compiling."""
    file = tmp_path / "run.h5"

    def made_by_another(what, fraction, detail=""):
        file.write_text("precious")

    with pytest.raises(CircuitError, match=r"run\.h5: was made by another program meanwhile"):
        thalia.run(thalia.loads(SMALL), backend="runtime", output=file, progress=made_by_another)

    assert file.read_text() == "precious"
    assert names(tmp_path) == ["run.h5"]


def test_a_file_that_is_renamed_while_it_is_opened_is_left_alone(tmp_path, monkeypatch):
    """Whoever opens what becomes the run file of another, and can lock it only afterwards."""
    partial, lock = tmp_path / ".run.h5.partial", journal.lock
    partial.write_bytes(b"precious")

    def late(file):
        if partial.exists():
            partial.rename(tmp_path / "run.h5")
        lock(file)

    monkeypatch.setattr(journal, "lock", late)
    with pytest.raises(CircuitError, match="another process is writing it"):
        claim(tmp_path / "run.h5")

    assert (tmp_path / "run.h5").read_bytes() == b"precious"


def test_a_reader_in_the_same_process_leaves_a_file_locked(tmp_path):
    file = JournalledFile(tmp_path / "file", create=True)
    file.write(b"mine")
    file.commit()

    (tmp_path / "file").read_bytes()

    assert journal.is_being_written(tmp_path / "file")
    with pytest.raises(BlockingIOError):
        JournalledFile(tmp_path / "file")


def moved(file, elsewhere):
    file.rename(elsewhere)


def replaced(file, elsewhere):
    file.rename(elsewhere)
    file.write_text("another")


def deleted(file, elsewhere):
    file.unlink()


CHANGES = {
    moved: ["elsewhere.h5"],
    replaced: ["elsewhere.h5", "run.h5"],
    deleted: [],
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_run_whose_file_is_taken_away_ends_in_words_and_goes_on_from_where_it_is(
    tmp_path, change
):
    circuit = thalia.loads(SMALL)
    whole = thalia.run(circuit, backend="runtime", output=tmp_path / "whole" / "whole.h5")
    folder = tmp_path / "cut"
    file, elsewhere, changes = folder / "run.h5", folder / "elsewhere.h5", iter([change])

    def disturb(what, fraction, detail=""):
        if 0.4 < fraction < 1:
            for each in changes:
                each(file, elsewhere)

    with pytest.raises(CircuitError) as told:
        thalia.run(
            circuit,
            backend="runtime",
            output=file,
            checkpoint_every="5 ms",
            progress=disturb,
        )

    hint = f"\n    hint: `thalia resume {elsewhere}` continues from its last state"
    expected = f"{file}: was moved, replaced or deleted while it was being written"
    assert str(told.value) == expected + ("" if change is deleted else hint)
    assert names(folder) == CHANGES[change]
    if change is moved:
        assert compare(thalia.resume(elsewhere).file, whole.file) == []


def test_two_cannot_write_the_results_of_one_folder(tmp_path):
    with results_of("sweep", "c", tmp_path / "many", {}) as results:
        results.create()
        results.write(0, {"rate": 1.0})

        with (
            pytest.raises(CircuitError, match="many: another process is writing it"),
            results_of("sweep", "c", tmp_path / "many", {}),
        ):
            pass

    with results_of("sweep", "c", tmp_path / "many", {}) as again:
        assert again.found == {0: {"rate": 1.0}}


def test_a_result_that_was_half_written_is_written_again(tmp_path):
    with results_of("sweep", "c", tmp_path / "many", {}) as results:
        results.create()
        results.write(0, {"rate": 1.0})
    with open(tmp_path / "many" / "results.jsonl", "a") as file:
        file.write('{"index": 1, "numb')

    with results_of("sweep", "c", tmp_path / "many", {}) as again:
        again.write(1, {"rate": 2.0})
    with results_of("sweep", "c", tmp_path / "many", {}) as third:
        assert third.found == {0: {"rate": 1.0}, 1: {"rate": 2.0}}


@pytest.mark.parametrize(
    "line", ["[1]", '"x"', "3", "{}", '{"index": "0", "numbers": {}}', '{"index": 1}', "[" * 10**5,
             '{"index": 2, "numbers": [1]}', "\xff"]
)  # fmt: skip
def test_a_line_that_is_no_result_is_left_out(tmp_path, line):
    with results_of("sweep", "c", tmp_path / "many", {}) as results:
        results.create()
        results.write(0, {"rate": 1.0})
    with open(tmp_path / "many" / "results.jsonl", "ab") as file:
        file.write(line.encode("latin-1") + b"\n")

    with results_of("sweep", "c", tmp_path / "many", {}) as again:
        assert again.found == {0: {"rate": 1.0}}


@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_results_are_not_written_through_what_a_stranger_left_under_their_name(tmp_path, kind):
    with results_of("sweep", "c", tmp_path / "many", {}) as results:
        results.create()
    place = tmp_path / "many" / "results.jsonl"
    place.unlink()
    (tmp_path / "mine.txt").write_text("without an end of line")
    {
        "link": lambda: place.symlink_to(tmp_path / "mine.txt"),
        "pipe": lambda: os.mkfifo(place),
        "folder": place.mkdir,
    }[kind]()

    with (
        pytest.raises(CircuitError, match=r"results\.jsonl: is not a regular file"),
        results_of("sweep", "c", tmp_path / "many", {}),
    ):
        pass

    assert (tmp_path / "mine.txt").read_text() == "without an end of line"


def test_a_new_folder_in_which_nothing_was_written_is_not_kept(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ZeroDivisionError), results_of("study", "c", None, {}):
        1 / 0  # noqa: B018

    assert os.listdir("studies/c") == []


def test_what_an_interrupted_sweep_has_done_is_named(tmp_path, monkeypatch, one_second):
    monkeypatch.chdir(tmp_path)

    def interrupted():
        with results_of("sweep", "c", None, {}) as results:
            results.create()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as told:
        interrupted()

    folder = "sweeps/c/2026-11-29T00-00-00"
    assert told.value.__notes__ == [f"the same command with `-o {folder}` continues"]


def test_a_reserved_name_is_kept_from_others_and_given_back_after_a_mistake(tmp_path):
    file = tmp_path / "gains.yaml"

    def reserve_twice():
        with reserved(file), reserved(file):
            pass

    with pytest.raises(CircuitError, match="exists already"):
        reserve_twice()

    assert names(tmp_path) == []


def test_two_that_replace_a_file_at_once_do_not_meet(tmp_path):
    """What is half written has a name of its own, whatever the process is called by its machine."""
    with outputs.replacing(tmp_path / "x.csv") as mine:
        mine.write_text("mine")
        replace_file(tmp_path / "x.csv", "theirs")

    assert (tmp_path / "x.csv").read_text() == "mine"
    assert names(tmp_path) == ["x.csv"]


def left_over(folder, name, content):
    """A file of long ago."""
    (folder / name).write_bytes(content)
    os.utime(folder / name, (1, 1))


def test_what_a_killed_process_left_before_its_first_state_is_removed(tmp_path):
    stamped = bytes(Stamp.new())
    left_over(tmp_path, ".a.h5.partial", b"")
    left_over(tmp_path, ".b.h5.partial", stamped)
    left_over(tmp_path, "..b.h5.partial.journal", stamped)
    (tmp_path / ".just_made.h5.partial").touch()
    left_over(tmp_path, ".not_ours.h5.partial", b"something")
    left_over(tmp_path, ".not_ours.partial", b"")
    (tmp_path / ".link.h5.partial").symlink_to(tmp_path / "nowhere")
    taken = claim(tmp_path / "taken.h5")
    os.utime(taken.disk.path, (1, 1))

    claim_new(tmp_path, ".h5").drop()

    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".just_made.h5.partial",
        ".link.h5.partial",
        ".not_ours.h5.partial",
        ".not_ours.partial",
        ".taken.h5.partial",
    ]
    taken.drop()


GOOD = {"seed": 1, "history": {"r": [1.0]}, "final": {"r": 1.0}}


@pytest.mark.parametrize(
    "log",
    [
        "{",
        "[" * 10**5,
        '{"config": {}, "runs": []}',
        '{"config": [], "runs": []}',
        json.dumps({"config": {"place": 0, "condition": "c", "section": {}}, "runs": [1]}),
        json.dumps({"config": {"place": "x", "condition": "c", "section": {}}, "runs": [GOOD]}),
        json.dumps({"config": {"place": 0, "condition": "c", "section": {}}, "runs": [{**GOOD, "final": {"r": "<b>"}}]}),
        json.dumps({"config": {"place": 0, "condition": "c", "section": {}}, "runs": [{**GOOD, "history": {"r": 3}}]}),
    ],
)  # fmt: skip
def test_a_log_that_is_damaged_is_told_in_words(tmp_path, log):
    (tmp_path / "learning.json").write_text(log)

    with pytest.raises(CircuitError, match=r"learning\.json: is damaged, or no log"):
        results.read(tmp_path)


def test_a_log_that_is_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "learning.json")

    with pytest.raises(CircuitError, match=r"learning\.json: is not a regular file"):
        results.read(tmp_path)
