"""Colours of figures and reports can be told from their background (WCAG 2.2, 1.4.3 and 1.4.11)."""

import re

import pytest

from thalia.figures import style
from thalia.reports.page import _STYLE

WHITE = "#FFFFFF"


def luminance(colour: str) -> float:
    """Relative luminance of a colour as #RRGGBB, or #RGB, as WCAG defines it."""
    digits = colour[1:] if len(colour) == 7 else "".join(2 * each for each in colour[1:])
    parts = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours, 1 to 21."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [("#000", WHITE, 21), ("#777777", WHITE, 4.478), ("#123456", "#123456", 1)],
)
def test_contrast_is_that_of_the_standard(one, other, ratio):
    """4.478 of #777777 on white, by the checker of WebAIM: the grey that just fails."""
    assert contrast(one, other) == pytest.approx(ratio, abs=0.01)


@pytest.mark.parametrize("colour", style.PALETTE)
def test_lines_stand_out_from_white(colour):
    assert contrast(colour, WHITE) >= 3


TEXTS = {*re.findall(r"(?<![-\w])color: (#\w+)", _STYLE), style.INK, style.GREY}


@pytest.mark.parametrize("colour", sorted(TEXTS))
def test_texts_can_be_read(colour):
    assert contrast(colour, WHITE) >= 4.5
