"""Publications that a component names, with links, and as BibTeX."""

import re

# as in: Song, Miller & Abbott (2000) Nat Neurosci 3:919. doi:10.1038/78829
CITED = re.compile(
    r"(?P<authors>(?:(?:van|von|de|der|den) )*[A-ZÀ-Ý][^();:]*?) \((?P<year>\d{4})\) "
    r"(?P<journal>[A-Za-z][A-Za-z .]+?) "
    r"(?P<volume>\d+):(?P<page>[\w-]+)(?:[^;]*?doi:(?P<doi>10\.\d{4,}/[^\s,;]*[^\s,;.)]))?"
)
# as in: Izhikevich (2007) Dynamical Systems in Neuroscience, MIT Press
BOOK = re.compile(
    r"(?P<authors>[A-ZÀ-Ý][^();:]*?) \((?P<year>\d{4})\) (?P<title>[A-Z][^,;:]*), "
    r"(?P<publisher>[^,;:]*Press)(?:[^;]*?doi:(?P<doi>10\.\d{4,}/[^\s,;]*[^\s,;.)]))?"
)
DOI = re.compile(r"\bdoi:(10\.\d{4,}/[^\s,;]*[^\s,;.)])")


def linked(text: str) -> str:
    """A text with its DOIs as links."""
    return DOI.sub(r"[doi:\1](https://doi.org/\1)", text)


def bibtex(text: str) -> str:
    """The publications of a text; titles, which it does not have, come with their DOIs."""
    return "\n\n".join(_entry(found) for form in (CITED, BOOK) for found in form.finditer(text))


def _entry(found: re.Match[str]) -> str:
    authors = re.sub(
        r"^(?:.*\b(?:of|by|after|in|coincidence|Fig\. \d+[a-z]?,?) )", "", found["authors"]
    )
    people = re.split(r", | & ", authors.replace(" et al.", " & others"))
    key = re.sub(r"\W", "", people[0].split()[-1]).lower() + found["year"]
    given = found.groupdict()
    names = {"title": "title", "publisher": "publisher", "journal": "journal", "volume": "volume"}
    names |= {"page": "pages", "doi": "doi"}
    rows = {"author": " and ".join(people), "year": found["year"]}
    rows |= {name: given[key] for key, name in names.items() if given.get(key)}
    lines = [f"  {name:<8}= {{{value}}}" for name, value in rows.items()]
    return f"@{'article' if 'journal' in given else 'book'}{{{key},\n" + ",\n".join(lines) + "\n}"
