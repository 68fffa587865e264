"""Pages of the site and reports as a browser shows them: texts can be read, and nothing is wider than a phone."""

import json
import os
import re
import shutil
import subprocess
import sys
from html import unescape

import pytest

import thalia
from tests.helpers import DRIVEN, ROOT

BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)
PAGES = [
    "index.html",
    "tutorials/first/index.html",
    "library/plasticity/stdp_pair/index.html",
    "gallery/receptors/index.html",
    "reference/api/index.html",
]
LAPTOP, PHONE = 1280, 390  # pixels
# what is wrong with a page, as JSON in an attribute of its root: `--dump-dom` prints it
AUDIT = """<style>* { transition: none !important; }</style><script>
function parts(text) { const n = text.match(/[\\d.]+/g).map(Number); return n.length < 4 ? [...n, 1] : n; }
function over(top, below) { return [0, 1, 2].map(k => top[k] * top[3] + below[k] * (1 - top[3])); }
function ground(element) {
  const layers = [];
  for (let e = element; e; e = e.parentElement) layers.push(parts(getComputedStyle(e).backgroundColor));
  return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255]);
}
function opacity(e) { return e ? getComputedStyle(e).opacity * opacity(e.parentElement) : 1; }
function luminance(c) {
  const v = c.map(x => x / 255).map(x => x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
  return 0.2126 * v[0] + 0.7152 * v[1] + 0.0722 * v[2];
}
function contrast(element) {
  const below = ground(element), colour = parts(getComputedStyle(element).color);
  colour[3] *= opacity(element);
  const [a, b] = [luminance(over(colour, below)), luminance(below)];
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}
function visible(e) { return e.checkVisibility({checkOpacity: true, checkVisibilityCSS: true}) && e.getClientRects().length; }
addEventListener("load", () => setTimeout(() => {
  if (SCHEME) document.body.setAttribute("data-md-color-scheme", SCHEME);
  setTimeout(() => {
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), faint = {};
    while (texts.nextNode()) {
      const element = texts.currentNode.parentElement, text = texts.currentNode.textContent.trim();
      if (!text || !visible(element) || element.closest("script, style, .headerlink, math")) continue;
      const style = getComputedStyle(element), size = parseFloat(style.fontSize);
      const large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700), found = contrast(element);
      if (found < (large ? 3 : 4.5)) faint[text.slice(0, 40)] = found.toFixed(2);
    }
    document.documentElement.setAttribute("data-found", JSON.stringify({
      faint, width: document.documentElement.scrollWidth, window: innerWidth,
      silent: [...document.images].filter(e => !e.hasAttribute("alt")).map(e => e.src),
      charts: document.querySelectorAll("[class^=bk-]").length,
      headings: document.querySelectorAll("h1").length,
    }));
  }, 700);
}, 1500));
</script>"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not BROWSER, reason="no Chromium on the path"),
]


def audited(file, scheme="", width=LAPTOP):
    """What a browser finds in a page."""
    text = re.sub(r"<meta http-equiv=.?Content-Security-Policy[^>]*>", "", file.read_text())
    copy = file.with_name(f"audited_{scheme}_{width}.html")
    copy.write_text(
        text.replace("</body>", AUDIT.replace("SCHEME", json.dumps(scheme)) + "</body>")
    )
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files"]
    done = subprocess.run(
        [BROWSER, *options, "--virtual-time-budget=20000", f"--window-size={width},900", "--dump-dom", copy.as_uri()],
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=True,
    )  # fmt: skip
    (found,) = re.findall(r'<html[^>]* data-found="([^"]*)"', done.stdout)
    return json.loads(unescape(found))


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site, built strictly, without running its tutorials."""
    if given := os.environ.get("THALIA_TEST_SITE"):
        return ROOT / given
    folder = tmp_path_factory.mktemp("site")
    pytest.importorskip("mkdocs", reason="uv run --group docs pytest")
    subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "-d", folder],
        cwd=ROOT,
        env=os.environ | {"DOCS_RUN": "no"},
        check=True,
    )
    return folder


@pytest.mark.parametrize("scheme", ["default", "slate"])
@pytest.mark.parametrize("page", PAGES)
def test_texts_of_a_page_can_be_read_in_both_schemes(site, page, scheme):
    found = audited(site / page, scheme)

    assert found["faint"] == {}
    assert found["silent"] == []
    assert found["headings"] == 1


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_no_wider_than_a_phone(site, page):
    found = audited(site / page, width=PHONE)

    assert found["width"] <= found["window"]


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    run = thalia.run(thalia.loads(DRIVEN), output=folder / "run.h5", backend="runtime", seed=3)
    return thalia.report(run).save(folder / "report.html")


@pytest.mark.parametrize("width", [LAPTOP, PHONE])
def test_a_report_shows_its_charts_and_can_be_read(report, width):
    found = audited(report, width=width)

    assert found["charts"] >= 1
    assert found["faint"] == {}
    assert found["silent"] == []
    assert found["width"] <= found["window"]


def test_a_report_shows_its_charts_although_its_policy_forbids_other_scripts(report):
    """As it is, with its policy: only the scripts of Thalia run, and they draw."""
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=20000"]
    done = subprocess.run(
        [BROWSER, *options, "--dump-dom", report.as_uri()],
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=True,
    )

    assert re.search(r'<div class="bk-', done.stdout)
