"""Tables as text that a paper takes in: Markdown and LaTeX."""

from collections.abc import Sequence

from thalia.publication.description import Table

_LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "µ": r"\textmu{}",
    "Ω": r"$\Omega$",
    "±": r"$\pm$",
    "–": "--",
}


def as_markdown(tables: Sequence[Table]) -> str:
    """A heading and a table for each; line breaks within cells become `<br>`."""
    return "\n".join(_markdown(table) for table in tables)


def _markdown(table: Table) -> str:
    lines = [table.heads, tuple("---" for _ in table.heads), *table.rows]
    rows = "".join(f"| {' | '.join(map(_cell, line))} |\n" for line in lines)
    return f"## {table.title}\n\n{rows}"


def _cell(text: str) -> str:
    safe = text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")
    return safe.replace("\n", "<br>")


def as_latex(tables: Sequence[Table]) -> str:
    r"""A `tabularx` for each, in the style of Nordlie et al.; it needs that package."""
    return "% needs \\usepackage{tabularx}\n" + "\n".join(map(_latex, tables))


def _latex(table: Table) -> str:
    columns = "|" + "l|" * (len(table.heads) - 1) + "X|"
    width = len(table.heads)
    lines = [rf"\multicolumn{{{width}}}{{|l|}}{{\textbf{{{_escaped(table.title)}}}}}\\ \hline"]
    if any(table.heads):
        lines.append(
            " & ".join(rf"\textit{{{_escaped(each)}}}" for each in table.heads) + r"\\ \hline"
        )
    for row in table.rows:
        cells = [_latex_cell(each) for each in row]
        lines.append(" & ".join(cells) + r"\\ \hline")
    body = "\n".join(lines)
    return (
        rf"\noindent\begin{{tabularx}}{{\linewidth}}{{{columns}}}\hline" + "\n" + body + "\n"
        r"\end{tabularx}" + "\n"
    )


def _latex_cell(text: str) -> str:
    lines = [_escaped(line) for line in text.split("\n")]
    if len(lines) == 1:
        return lines[0]
    return rf"\begin{{tabular}}[t]{{@{{}}l@{{}}}}{r'\\ '.join(lines)}\end{{tabular}}"


def _escaped(text: str) -> str:
    return "".join(_LATEX.get(character, character) for character in text)
