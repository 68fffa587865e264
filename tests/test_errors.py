"""The exact text that a user reads for each mistake: one wrong file, one expected text beside it.

`pytest tests/test_errors.py --update-golden` writes the texts anew; review the diff.
"""

from pathlib import Path

import pytest

import thalia
from thalia.compiler.pipeline import load_whole
from thalia.errors import CircuitError, many_times

FOLDER = Path(__file__).parent / "errors"
FILES = sorted(FOLDER.glob("*.yaml"))


def message_of(file: Path) -> str:
    with pytest.raises(CircuitError) as caught:
        thalia.plan_of(load_whole(file.name))
    return f"{caught.value}\n"


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_each_mistake_is_told_in_these_words(file, request, monkeypatch):
    monkeypatch.chdir(FOLDER)
    expected = file.with_suffix(".txt")

    message = message_of(file)

    if request.config.getoption("--update-golden"):
        expected.write_text(message)
    assert message == expected.read_text()


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_each_mistake_has_its_place(file, monkeypatch):
    """Every line begins with the file; all but whole-file mistakes with line and column too."""
    monkeypatch.chdir(FOLDER)

    first = message_of(file).splitlines()[0]

    assert first.startswith((file.name, "beside/"))


def test_all_mistakes_are_reported_at_once(monkeypatch):
    monkeypatch.chdir(FOLDER)

    assert len(message_of(FOLDER / "sum_of_unlike_mistakes.yaml").splitlines()) == 3


@pytest.mark.parametrize(
    ("ratio", "text"),
    [(0.0123, "0.012"), (0.291, "0.29"), (1, "1"), (101.25, "100"), (2469, "2,500")],
)
def test_how_many_times_as_much_is_told_without_a_power_of_ten(ratio, text):
    assert many_times(ratio) == text
