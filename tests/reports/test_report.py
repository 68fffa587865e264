"""Pages about runs: what they show is what the files hold, and nothing of a file is run."""

import gzip
import json
import re
import shlex
from base64 import b64decode, b64encode
from hashlib import sha256
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import h5py
import numpy as np
import pytest

import thalia
from tests.figures.test_figures import made_of, poisson
from tests.helpers import DRIVEN, thalia_here
from thalia.compiler.expand import expand
from thalia.errors import CircuitError
from thalia.reports import activity, provenance
from thalia.reports.page import Report
from thalia.simulation.origin import written_circuit
from thalia.training.partner import SILENCE, Entry, Kept

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("report")


@pytest.fixture(scope="module")
def run(folder):
    """A run whose texts, as far as a circuit can have any, try to get into the page."""
    text = DRIVEN.replace(
        "name: driven", f"name: driven\nsummary: '{HOSTILE}'\ncite: ['{HOSTILE}']"
    )
    (folder / "driven.yaml").write_text(
        text + "modulators: {m: {kind: first_order, tonic: 1, baseline: 0}}\n"
    )
    return thalia.run(folder / "driven.yaml", output=folder / "run.h5", backend="runtime", seed=3)


class Page(HTMLParser):
    """The elements of a page as a browser finds them, with the text of each script."""

    def __init__(self, html):
        super().__init__()
        self.found, self.scripts = [], []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))
        self.scripts += [""] if tag == "script" else []

    def handle_data(self, data):
        if self.cdata_elem == "script":
            self.scripts[-1] += data

    def of(self, tag):
        return [attributes for name, attributes in self.found if name == tag]


@pytest.fixture(scope="module")
def html(run, folder):
    """The page as the command writes it, beside the run."""
    done = thalia_here("report", "run.h5", folder=folder)
    assert (done.stdout, done.stderr) == ("run.html\n", "")
    return (folder / "run.html").read_text()


@pytest.fixture(scope="module")
def page(html):
    return Page(html)


def items(page):
    """The charts of a page, as Bokeh reads them."""
    return json.loads(page.scripts[0])


def named(chart, kind):
    """The models of a kind within a chart."""
    found, left = [], [chart]
    while left:
        each = left.pop()
        if isinstance(each, dict):
            found += [each] if each.get("name") == kind and "attributes" in each else []
            left += each.values()
        elif isinstance(each, list):
            left += each
    return [each["attributes"] for each in found]


def values(array):
    """The numbers of an array as Bokeh writes it."""
    packed = b64decode(array["array"]["data"])
    raw = np.frombuffer(gzip.decompress(packed), array["dtype"])
    return raw.reshape(array["shape"])


def columns(chart):
    """The columns of every source of data in a chart."""
    made = []
    for source in named(chart, "ColumnDataSource"):
        entries = source["data"].get("entries", [])
        made.append({key: values(array) for key, array in entries if "array" in array})
    return made


def test_every_spike_of_few_is_in_the_raster(run, page):
    (chart,) = items(page)
    rasters = [each for each in columns(chart) if {"t", "n"} <= each.keys()]

    drawn = {(len(each["t"]), round(float(each["t"].sum()), 1)) for each in rasters}

    expected = {(len(s), round(float(s.times.sum() * 1e3), 1)) for s in run.spikes.values()}
    assert drawn == expected


def test_of_many_spikes_whole_neurons_are_drawn_and_the_caption_says_so():
    made = made_of({"e": poisson(20.0, 500, 20.0), "few": poisson(20.0, 3, 20.0)}, 20.0)
    made.modulators = made.traces = made.weights = {}

    chart = activity.chart_of(made)

    drawn = {s.data["n"].max(): s.data for s in sources_of(chart.layout)}
    few, many = drawn[min(drawn)], drawn[max(drawn)]
    assert len(few["t"]) == len(made.spikes["few"])
    kept, counts = np.unique(many["n"], return_counts=True)
    assert (counts == np.bincount(made.spikes["e"].neurons)[kept]).all()
    assert len(many["t"]) < activity.MOST_SPIKES
    assert "Spikes of one neuron in 4 (the file has all 20" in chart.caption


def test_the_caption_names_populations_that_were_not_recorded():
    made = made_of({"e": poisson(20.0, 5, 20.0)}, 20.0)
    made.modulators = made.traces = made.weights = {}
    made.sizes = {"e": 5, "reward": 1, "cue": 20}

    caption = activity.chart_of(made).caption

    assert (
        "Spikes of all neurons, the first population on top; not recorded: reward, cue." in caption
    )


@pytest.mark.slow
def test_the_report_of_the_microcircuit_is_a_file_that_one_can_send(tmp_path):
    run = thalia.run("cortex", output=tmp_path / "cortex.h5")

    assert len(run.report().html.encode()) < 10e6


def test_pictures_with_labels_scroll_where_the_page_is_narrow(page):
    pictures = [each for each in page.of("div") if each.get("class") == "wide picture"]

    assert len(pictures) == 2  # weights, and the graph


def test_names_of_many_small_populations_do_not_cover_each_other():
    """The names of a brain did: its bands were four pixels high."""
    made = made_of({f"p{n}": poisson(1.0, 2 if n else 400, 20.0) for n in range(60)}, 20.0)
    made.modulators = made.traces = made.weights = {}

    raster, _ = (chart for chart, _, _ in activity.chart_of(made).layout.children)
    ticks = np.sort(raster.yaxis.ticker.ticks)

    assert len(ticks) == 60
    assert np.diff(ticks).min() * (raster.height - activity.AROUND) >= activity.NAME - 1e-6


def test_of_what_was_not_recorded_there_is_no_chart():
    """As in the file of a subject that was saved."""
    made = made_of({"e": (np.zeros(0), np.zeros(0, int), 5)}, 20.0)
    made.modulators = made.traces = made.weights = {}

    assert activity.chart_of(made) is None


def sources_of(layout):
    return [
        each
        for each in layout.references()
        if type(each).__name__ == "ColumnDataSource" and "n" in each.data
    ]


def test_the_page_has_the_numbers_of_the_summary(run, html):
    rows = [f"{size:,}" for size in run.sizes.values()]
    assert all(f">{each}</td>" in html for each in rows)
    assert f">{run.rates['e']:.2f} Hz</td>" in html


def test_a_browser_is_allowed_to_run_only_the_scripts_of_thalia(page):
    policy = page.of("meta")[1]["content"]
    allowed = set(re.findall(r"'sha256-([^']+)'", policy))
    kinds = [each.get("type") for each in page.of("script")]

    sums = [b64encode(sha256(each.encode()).digest()).decode() for each in page.scripts]
    assert kinds == ["application/json", None, None]
    assert {*sums[1:]} == allowed
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy.split("script-src")[1]


def test_texts_of_a_file_become_no_elements(page):
    assert not [each for _, each in page.found if any(key.startswith("on") for key in each)]
    assert all(each["src"].startswith("data:image/png;base64,") for each in page.of("img"))
    assert all(each.get("alt") for each in page.of("img"))


def test_nothing_is_loaded_from_elsewhere(page):
    places = [each.get("src") or each.get("href") for _, each in page.found]
    outside = [each for each in places if each and not each.startswith(("data:", "#"))]

    assert [each for each in outside if not each.startswith("https://doi.org/10.")] == []
    assert page.of("link") == []


@pytest.fixture(scope="module")
def edited(run, folder):
    """The page of a run file that another program changed: a unit, and a conversation."""
    file = folder / "edited.h5"
    file.write_bytes(run.file.read_bytes())
    turns = [
        Entry(at="now", heard="a b", said="c", taught="c", by="script", levels={"fatigue": 0.1}),
        Entry(at="now", heard="b <b>d</b>", said="c", levels={"fatigue": 0.7}, slept=True),
        Entry(at="now", heard="a", said="c", levels={"fatigue": 0.8}),
    ]
    kept = Kept(size=10, vocabulary=[SILENCE, "a", "b", "c"], turns=turns)
    with h5py.File(file, "r+") as h5:
        h5["reports/v/v/e/data"].attrs["units"] = f"$$x$$ {HOSTILE}"
        h5["texts/conversation"] = kept.model_dump_json()
    return Page(thalia.report(file).html)


def test_a_unit_of_a_file_is_no_formula_and_no_element(edited):
    """For a formula Bokeh would fetch MathJax."""
    labels = [
        each["axis_label"] for each in named(items(edited), "LinearAxis") if "axis_label" in each
    ]

    assert any("$$x$$" in str(each) for each in labels)
    assert not [each for each in labels if isinstance(each, str) and "$$" in each]
    assert [each.get("type") for each in edited.of("script")] == ["application/json", None, None]


def test_a_conversation_shows_its_turns_and_the_words_it_has_heard(edited):
    lines = [each["y"].tolist() for each in columns(items(edited)[1]) if "y" in each]

    assert [2, 3, 3] in lines  # words
    assert [1] in lines  # right replies of those that were taught
    assert [0.1, 0.7, 0.8] in lines
    assert edited.of("b") == []


def command_of(html):
    return shlex.split(unescape(re.search(r"<pre>(thalia run [^<]+)</pre>", html)[1]))


def test_the_command_of_the_page_repeats_the_run(html, folder):
    command = command_of(html)

    again = thalia_here(*command[1:], "-o", "again.h5", folder=folder)

    assert again.returncode == 0, again.stderr
    assert thalia_here("diff", "run.h5", "again.h5", folder=folder).stdout == "bit-identical\n"


def test_a_circuit_that_options_changed_is_written_out_in_the_page(folder):
    changed = thalia.run(
        thalia.loads(
            DRIVEN, set={"populations.i.size": 7, "pathways.kick.weight": "321 pA"}, folder=folder
        ),
        output=folder / "changed.h5",
        backend="runtime",
    )
    section = provenance.section_of(changed).body
    text = re.search(r"written out in full</summary><pre>(.+?)</pre>", section, re.DOTALL)[1]
    file = folder / command_of(section)[2]
    file.write_text(unescape(text))

    planned = thalia_here("plan", file.name, folder=folder)

    with h5py.File(changed.file) as h5:
        assert planned.stdout == h5["plan"].asstr()[()]
    assert "The circuit was changed" in section
    assert re.search(r">all to all</td><td[^>]*>321 pA</td>", changed.report().html)


@pytest.mark.parametrize("name", ["gains.yaml", "./gains.yaml", "./gains/mine.yaml"])
def test_gains_in_a_file_beside_the_circuit_are_found_in_a_run_file(name):
    written = f"""
thalia: 1
name: amplified
duration: 1 s
populations: {{e: {{neuron: lif_current, size: 2}}}}
gains: {name}
"""
    files = [("circuits/amplified.yaml", written), (f"circuits/{Path(name)}", "e: 1.2")]

    assert str(expand(written_circuit(files)).gains["e"]) == "1.2"


def test_a_notebook_shows_the_page_in_a_frame_of_its_own(html):
    (frame,) = Page(Report("driven", html)._repr_html_()).of("iframe")

    assert frame["srcdoc"] == html
    assert "allow-same-origin" not in frame["sandbox"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("run.h5", "-o", "run.h5"), "run.h5: a report is HTML hint: give run.html"),
        (("empty",), "empty: holds no results"),
        (("missing.h5",), "missing.h5: there is no such file"),
        (("incomplete.h5",), "incomplete.h5: is not complete"),
    ],
)
def test_what_cannot_be_reported_is_refused(run, folder, arguments, told):
    (folder / "empty").mkdir(exist_ok=True)
    (folder / "incomplete.h5").write_bytes(run.file.read_bytes())
    with h5py.File(folder / "incomplete.h5", "r+") as h5:
        h5.attrs["complete"] = False

    done = thalia_here("report", *arguments, folder=folder)

    assert done.returncode == 2
    assert told in " ".join(done.stderr.split())


def test_without_bokeh_it_says_what_to_install(run, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)

    with pytest.raises(CircuitError, match=r"a report needs bokeh.*\n?.*pip install bokeh"):
        run.report()
