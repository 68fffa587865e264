"""Pages that are made when the site is built: formulas, publications, and numbers as they were kept."""

import json
import re

import pytest
from PIL import Image

from benchmarks import health, learning, rendering
from docs.generate import curves, gallery, latex, outcomes, parts
from docs.generate.bibliography import bibtex, linked
from docs.generate.pages import made_pages
from tests.helpers import ROOT
from thalia.library.lookup import names
from thalia.syntax.equations import parse_equations, parse_statements


@pytest.mark.parametrize(
    ("text", "formula"),
    [
        ("-v / tau_m", r"-\frac{v}{\tau_{m}}"),
        ("(a - b) * c", r"\left(a - b\right)\,c"),
        ("a - (b - c)", r"a - \left(b - c\right)"),
        ("a - (b + c)", r"a - \left(b + c\right)"),
        ("a * (-b)", r"a\,\left(-b\right)"),
        ("-a * b + c", r"-a\,b + c"),
        ("a + -b", r"a + \left(-b\right)"),
        ("w**mu_plus", r"w^{\mu_{+}}"),
        ("(a + b)**2", r"\left(a + b\right)^{2}"),
        ("(a / b)**2", r"\left(\frac{a}{b}\right)^{2}"),
        ("(-x)**2", r"\left(-x\right)^{2}"),
        ("1e-05 * x", r"10^{-5}\,x"),
        ("5e-10", r"5\times 10^{-10}"),
        ("v > v_th and t >= 1", r"v > v_{\mathrm{th}} \wedge t \ge 1"),
        ("int(x > 0) * sqrt(y)", r"\left[x > 0\right]\,\sqrt{y}"),
        ("clip(x, 0, 1)", r"\mathrm{clip}\left(x, 0, 1\right)"),
        ("exp(-x)", r"\exp\left(-x\right)"),
        ("r1 + pre_trace", r"r_{1} + \mathrm{pre}_{\mathrm{trace}}"),
    ],
)
def test_an_expression_as_latex(text, formula):
    assert latex.expression(text) == formula


@pytest.mark.parametrize(
    ("text", "formula"),
    [
        ("w -= a - b", r"w \leftarrow w - \left(a - b\right)"),
        ("x += 1", r"x \leftarrow x + 1"),
        ("w *= a + b", r"w \leftarrow w\,\left(a + b\right)"),
        ("v = v_reset", r"v \leftarrow v_{\mathrm{reset}}"),
    ],
)
def test_a_statement_as_latex(text, formula):
    (statement,) = parse_statements(text)

    assert latex.statement(statement) == formula


def test_a_differential_equation_as_latex():
    (equation,) = parse_equations("dg/dt = -g/tau : siemens")

    assert latex.equation(equation) == r"\frac{dg}{dt} = -\frac{g}{\tau}"


def test_publications_become_links_and_bibtex():
    text = "Song, Miller & Abbott (2000) Nat Neurosci 3:919. doi:10.1038/78829"

    assert linked(text).endswith("[doi:10.1038/78829](https://doi.org/10.1038/78829)")
    assert bibtex(text).splitlines() == [
        "@article{song2000,",
        "  author  = {Song and Miller and Abbott},",
        "  year    = {2000},",
        "  journal = {Nat Neurosci},",
        "  volume  = {3},",
        "  pages   = {919},",
        "  doi     = {10.1038/78829}",
        "}",
    ]


def test_a_book_and_an_article_without_a_doi_are_bibtex_too():
    book = (
        "Izhikevich (2007) Dynamical Systems in Neuroscience, MIT Press, section 8. doi:10.7551/m/1"
    )

    assert "@book{izhikevich2007," in bibtex(book)
    assert "  title   = {Dynamical Systems in Neuroscience}," in bibtex(book)
    assert "  doi     = {10.7551/m/1}" in bibtex(book)
    assert bibtex("Pawlak & Kerr (2008) J Neurosci 28:2435, PMC6671189").endswith(
        "  pages   = {2435}\n}"
    )


@pytest.mark.parametrize(
    ("source", "author"),
    [
        ("von der Malsburg (1973) Kybernetik 14:85. doi:10.1007/BF00288907", "von der Malsburg"),
        (
            "A cue, as in Compte & Wang (2000) Cereb Cortex 10:910. doi:10.1093/c/10.9",
            "Compte and Wang",
        ),
        ("Aitchison et al. (2021) Nat Neurosci 24:565. doi:10.1038/s41593", "Aitchison and others"),
    ],
)
def test_authors_are_told_from_the_words_before_them(source, author):
    assert f"author  = {{{author}}}" in bibtex(source)


@pytest.mark.parametrize("kind", parts.TITLES)
def test_every_part_of_the_library_has_a_page_with_its_parameters(kind):
    missing = [
        (name, key)
        for name in names(kind)
        for key in parts.find(kind, name)[0].parameters
        if f"| `{key}` |" not in parts.part_page(kind, name)
    ]

    assert missing == []


# what a benchmark writes into a page by itself
WRITTEN = re.compile(r"<!-- (\w+): begin -->.*?<!-- \1: end -->", re.DOTALL)
KEPT = sorted(gallery.MEASURED.glob("*.json"))


@pytest.mark.parametrize("file", KEPT, ids=lambda file: file.stem)
def test_numbers_on_the_page_of_a_circuit_are_those_that_were_kept(file):
    found, page = json.loads(file.read_text()), gallery.circuit_page(file.stem)
    rates = {
        (condition, population): rendering.told(rate)
        for condition, each in found["conditions"].items()
        for population, rate in each["rates_hz"].items()
    }
    measures = {
        (condition, name): rendering.told(measure)
        for condition, each in found["conditions"].items()
        for name, measure in each["measures"].items()
    }

    assert [key for key, shown in (rates | measures).items() if shown not in page] == []
    assert found["command"] in page


def test_every_part_has_a_curve_or_the_reason_why_not():
    every = {f"{kind}/{name}" for kind in parts.TITLES for name in names(kind)}

    assert every - {*curves.measured()} == {*curves.NO_CURVE}
    assert "*No curve: it hands on a spike or does not.*" in parts.part_page("synapses", "copy")


def test_the_curve_of_a_train_is_the_published_release():
    """The first of the ten of a depressing synapse at 20 Hz, as in tests/synapses/test_tsodyks_markram.py."""
    kept = curves.measured()["synapses/tsodyks_markram"]

    assert kept["released"][:4] == [0.5, 0.26515, 0.15483, 0.10302]
    assert "tsodyks_markram.svg" in parts.part_page("synapses", "tsodyks_markram")


def test_the_curve_of_pulses_is_that_of_their_times():
    kept = curves.measured()["stimuli/current_pulses"]

    on = [t for t, value in zip(kept["time_s"], kept["value"], strict=True) if value == 100]
    assert (min(on), max(t for t in on if t < 1)) == pytest.approx((0.1, 0.2), abs=0.003)
    assert kept["unit"] == "pA"


def test_kept_curves_and_circuits_are_of_parts_that_exist():
    known = {f"{kind}/{name}" for kind in parts.TITLES for name in names(kind)}

    assert sorted({*curves.measured()} - known) == []
    assert sorted({f.stem for f in gallery.MEASURED.glob("*.json")} - {*parts.circuits()}) == []


@pytest.mark.parametrize(
    "file",
    [*ROOT.glob("plots/*.png"), *ROOT.glob("results/circuits/*.png")],
    ids=lambda file: file.relative_to(ROOT).as_posix(),
)
def test_every_picture_can_be_opened(file):
    """That of a circuit was empty, and its page had none."""
    with Image.open(file) as picture:
        picture.load()


def test_every_circuit_experiment_and_region_has_a_page():
    pages = made_pages()

    assert {f"gallery/{file.stem}.md" for file in (ROOT / "circuits").glob("*.yaml")} <= {*pages}
    assert {f"experiments/{name}.md" for name in names("experiments")} <= {*pages}
    assert {f"library/regions/{name}.md" for name in names("regions")} <= {*pages}


@pytest.mark.parametrize("page", rendering.PAGES)
def test_numbers_of_a_page_are_those_that_were_kept(page):
    text = (ROOT / page).read_text()

    assert rendering.MARK.search(text)
    assert rendering.rendered(text) == text


def test_a_number_in_a_text_is_rendered():
    mark = "<!-- result copying plasticity_off accuracy -->old<!-- end -->"
    found = json.loads((ROOT / "results" / "learning" / "copying.json").read_text())
    interval = found["conditions"]["plasticity_off"]["aggregate"]["accuracy"]

    assert f"-->{interval['mean']:.3f} [{interval['low']:.3f}, " in rendering.rendered(mark)


def test_a_difference_in_a_text_is_paired_by_seed(tmp_path, monkeypatch):
    seeds = {"with": {"700": 3, "701": 5, "702": 9}, "without": {"701": 1, "700": 1}}
    conditions = {name: {"seeds": {"exact": values}} for name, values in seeds.items()}
    kept = {"result": "exact", "conditions": conditions}
    (tmp_path / "talk.json").write_text(json.dumps(kept))
    monkeypatch.setattr(rendering.learning, "RESULTS", tmp_path)

    # of 2 and 4: t(0.975, 1) = 12.706, and the standard error is 1
    mark = "<!-- difference talk with without -->?<!-- end -->"
    assert "-->3.000 [-9.706, 15.706], n = 2<!--" in rendering.rendered(mark)
    # the logarithms of 3 and 5: 1.354 +- 12.706 * 0.2554
    ratio = rendering.rendered(mark.replace("difference", "ratio"))
    assert "-->3.873 [0.151, 99.420], n = 2<!--" in ratio
    half = rendering.rendered(mark.replace("difference", "half difference"))
    assert "-->13<!--" in half


def test_a_grid_and_the_time_of_an_experiment_are_rendered(tmp_path, monkeypatch):
    interval = {"mean": 0.5, "low": 0.4, "high": 0.6}
    each = {"seeds": {"exact": {"700": 0.4, "701": 0.6}}, "aggregate": {"exact": interval}}
    conditions = {
        "many": {**each, "costs": {"processor_seconds": 7200.0}},
        "few": {**each, "costs": {"processor_seconds": 3600.0}},
        "baseline_none": {**each, "costs": {}},
    }
    (tmp_path / "talk.json").write_text(json.dumps({"result": "exact", "conditions": conditions}))
    monkeypatch.setattr(rendering.learning, "RESULTS", tmp_path)

    grid = rendering.rendered("<!-- grid talk few,many exact -->?<!-- end -->")
    assert "| few | 0.500 [0.400, 0.600], n = 2 |\n| many |" in grid
    time = rendering.rendered("<!-- processor talk -->?<!-- end -->")
    assert "-->6.0 processor hours, or 22 minutes on 16 cores<!--" in time


def by_hand(page):
    """What is left of a page without everything that scripts write into it."""
    text = (ROOT / page).read_text()
    before, _, after = text.partition(learning.BEGIN)
    text = before + after.partition(learning.END)[2]
    return WRITTEN.sub("", rendering.MARK.sub("", text))


# rows of tables with decimals that are no results: settings, definitions, and versions
SETTINGS = (
    "| `text`, of Python 3.12.1, bits a character",
    "| 1. dopamine (reward)",
    "| 2. noradrenaline (novelty)",
    "| weights exchanged at random",
    "| all weights zero, or no plasticity",
    "| `izhikevich` with k/c_m = 0.04 /(mV ms)",
    "| band | the band in which",
    "| gamma, CV 0.25 to 1.4",
    "| Poisson with a dead time of 0.1, 0.5",
    "| lognormal, CV 0.5, 1",
)


@pytest.mark.parametrize("page", rendering.PAGES)
def test_no_interval_is_typed(page):
    typed = re.compile(r"-?\d[\d.]* (?:%|nat|bits)? ?\[-?\d[\d.]*, -?\d[\d.]*\]")
    text = by_hand(page)

    assert [line for line in text.splitlines() if "±" in line or typed.search(line)] == []


@pytest.mark.parametrize("page", rendering.PAGES)
def test_no_number_of_a_table_is_typed(page):
    rows = [line for line in by_hand(page).splitlines() if line.startswith("|")]

    assert [row for row in rows if re.search(r"\d\.\d", row) and not row.startswith(SETTINGS)] == []


def test_settings_are_rows_of_pages():
    texts = "\n".join(map(by_hand, rendering.PAGES))

    assert [row for row in SETTINGS if f"\n{row}" not in texts] == []


def test_a_number_of_a_benchmark_is_found_by_its_keys():
    """Keys may have spaces and commas, so that slashes are between them."""
    setting = "times_thalia / 10 Hz, dt 0.1 ms"
    mark = f"<!-- number speed/three_factor / {setting} / brian2, the same by hand -->?<!-- end -->"
    found = json.loads((ROOT / "results" / "speed" / "three_factor.json").read_text())

    told = f"{found['times_thalia']['10 Hz, dt 0.1 ms']['brian2, the same by hand']:.3g}"
    assert f"-->{told}<!--" in rendering.rendered(mark)


@pytest.mark.parametrize(
    ("mean", "half", "text"),
    [
        (217.3, 44.0, "217 ± 44"),
        (8.234, 0.31, "8.2 ± 0.3"),
        (8.234, 0.163, "8.23 ± 0.16"),
        (13.512, 1.09, "13.5 ± 1.1"),
        (0.9281, 0.000193, "0.928 ± 0.000"),
        (100.0, 0.0, "100"),
    ],
)
def test_a_number_has_the_digits_that_its_interval_leaves_sure(mean, half, text):
    assert rendering.told({"mean": mean, "low": mean - half, "high": mean + half}) == text


def test_the_page_of_a_rule_has_the_form_of_each_of_its_variables():
    page = parts.part_page("plasticity", "dopamine_stdp")

    forms = re.findall(r"^\| `(\w+)` \| \*\*([\w-]+)\*\*: ", page, re.MULTILINE)
    assert dict(forms) == {
        "pre_trace": "event-driven",
        "post_trace": "hoisted",
        "eligibility": "rescaled",
        "w": "accumulated",
    }  # as docs/lowering.md explains


def test_a_window_that_depends_on_nothing_is_a_sentence():
    page = parts.part_page("plasticity", "weight_decay")

    assert "whatever the interval" in page
    assert "weight_decay.svg" not in page
    assert "library/plasticity/weight_decay.svg" not in made_pages()


@pytest.mark.parametrize("page", rendering.PAGES)
def test_no_number_begins_a_line_where_its_mark_would_end_the_paragraph(page):
    begun = re.findall(
        r"^[ >]*<!-- (?:result|difference|ratio|half|processor|measured|number) .*",
        (ROOT / page).read_text(),
        re.MULTILINE,
    )

    assert begun == []


def test_the_page_of_an_experiment_draws_every_condition_that_was_kept():
    summary = json.loads((ROOT / "results" / "learning" / "spacing.json").read_text())
    intervals = {
        condition: each["aggregate"]["gain"] for condition, each in summary["conditions"].items()
    }

    page, drawn = gallery.experiment_page("spacing"), outcomes.picture("spacing")

    assert "spacing-results.svg)" in page
    assert "experiments/spacing-results.svg" in made_pages()
    assert [name for name in intervals if f"<!-- {name.replace('_', ' ')} -->" not in drawn] == []
    assert {bar.condition: (bar.low, bar.high) for bar in outcomes.kept("spacing")} == {
        name: (each["low"], each["high"]) for name, each in intervals.items()
    }


def test_the_page_of_a_circuit_shows_its_figure_and_its_raster():
    page = gallery.circuit_page("capture")

    assert "](../plots/capture.png)" in page
    assert "](../results/circuits/capture.png)" in page


def test_the_page_of_an_experiment_shows_its_first_trials_or_says_why_not(monkeypatch, tmp_path):
    page = gallery.experiment_page("bandit")
    monkeypatch.setattr(gallery, "ROOT", tmp_path)

    assert "](../results/rasters/bandit.png)" in page
    assert gallery.first_trials("bandit").startswith("There is no raster here: ")


def test_what_is_out_of_range_in_several_seeds_is_told_once():
    rate = {"where": "l5", "measure": "rate", "expected": "1 to 5 Hz"}
    cv = {**rate, "measure": "cv", "value": 2}
    first, second = ({"findings": [{**rate, "value": value}]} for value in (6.04, 5.5))
    second["findings"].append(cv)

    assert [*health.told({"700": first, "701": second}, "seeds")] == [
        "l5: rate 5.5 to 6.04, expected 1 to 5 Hz",
        "l5: cv 2 in 1 of 2 seeds, expected 1 to 5 Hz",
    ]
