"""The pages and pictures that are made when the site is built, by their paths on it."""

from collections.abc import Callable
from functools import cache, partial

from docs.generate import curves, gallery, outcomes, parts, reference
from thalia.library.lookup import names

Made = dict[str, Callable[[], str]]

REFERENCE: Made = {
    "reference/keys.md": reference.keys_page,
    "reference/options.md": reference.commands_page,
    "reference/api.md": reference.python_page,
}


@cache
def made_pages() -> Made:
    """What writes each page and each picture, by its path on the site."""
    return {**REFERENCE, **_library(), **_regions(), **_gallery(), **_experiments()}


def _library() -> Made:
    made: Made = {}
    for kind in parts.TITLES:
        folder = f"library/{kind}"
        made[f"{folder}/index.md"] = partial(parts.kind_page, kind)
        for name in names(kind):
            made[f"{folder}/{name}.md"] = partial(parts.part_page, kind, name)
            if (part := f"{kind}/{name}") in curves.measured() and curves.flat(part) is None:
                made[f"{folder}/{name}.svg"] = partial(curves.picture, part)
    return made


def _regions() -> Made:
    pages = {f"library/regions/{n}.md": partial(gallery.region_page, n) for n in names("regions")}
    return {"library/regions/index.md": gallery.regions_page, **pages}


def _gallery() -> Made:
    made: Made = {"gallery/index.md": gallery.gallery_page}
    for name in parts.circuits():
        made[f"gallery/{name}.md"] = partial(gallery.circuit_page, name)
        made[f"gallery/{name}.svg"] = partial(gallery.graph, name)
    return made


def _experiments() -> Made:
    made: Made = {"experiments/index.md": gallery.experiments_page}
    for name in names("experiments"):
        made[f"experiments/{name}.md"] = partial(gallery.experiment_page, name)
        made[f"experiments/{name}.svg"] = partial(gallery.graph, name)
        if outcomes.kept(name):
            made[f"experiments/{name}-results.svg"] = partial(outcomes.picture, name)
    return made
