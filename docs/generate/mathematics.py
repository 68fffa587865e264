"""Formulas of a page, between `$` or `$$` as in LaTeX, as MathML, which browsers typeset."""

import re

from docs.generate.repository import outside_code

BLOCK = re.compile(r"^\$\$\n?(.+?)\n?\$\$$", re.DOTALL | re.MULTILINE)
INLINE = re.compile(r"(?<![\\$\w])\$(?=\S)([^$\n]+?)(?<=\S)\$(?![\d\w])")


def typeset(text: str) -> str:
    """The page with MathML for its formulas; code is left alone."""
    return "".join(
        INLINE.sub(_inline, _blocks(piece)) if is_text else piece
        for piece, is_text in outside_code(text)
    )


def _inline(found: re.Match[str]) -> str:
    """Within a span, or Markdown would end the paragraph where a line begins with a formula."""
    return f"<span>{mathml(found[1], 'inline')}</span>"


def _blocks(text: str) -> str:
    return BLOCK.sub(lambda found: f"\n{mathml(found[1], 'block')}\n", text)


def mathml(latex: str, display: str) -> str:
    """A formula in LaTeX as MathML."""
    from latex2mathml.converter import convert

    return str(convert(latex, display=display)).replace("\n", " ")
