"""Regions of a circuit become populations, pathways and modulators, called by their region."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache, reduce
from typing import Any

from thalia.circuit.connectivity import with_rule_of_data
from thalia.circuit.limits import MOST_ELEMENTS
from thalia.circuit.part_use import Modulator, RuleUse, gather_modulator
from thalia.circuit.reference_spec import Reference
from thalia.circuit.spec import Circuit, Pathway, Population, RegionUse
from thalia.circuit.template_spec import Fragment
from thalia.compiler.plan import identifier
from thalia.errors import CircuitError, Diagnostics, Path, did_you_mean, fail
from thalia.library.lookup import part_text
from thalia.syntax.equations import rename
from thalia.syntax.folder import HERE, Folder
from thalia.syntax.former_names import current_names
from thalia.syntax.validation import parse
from thalia.syntax.yaml_reader import Source, read_yaml

TEMPLATE = "template"  # stands among the rules of a pathway for those that a template has


@dataclass(frozen=True)
class Template:
    """A region template: checked, as plain data that a circuit may change, and its places."""

    file: str
    fragment: Fragment
    data: Mapping[str, Any]
    source: Source


def template_of(
    name: str, folder: Folder = HERE, own_neurons: frozenset[str] = frozenset()
) -> Template:
    """The region template of this name: of the library, or in a file in the folder of a circuit.

    `own_neurons` are the names of the neuron models that the circuit defines itself.

    Raises
    ------
    CircuitError
        If there is none, or with every mistake in it.
    """
    return _read_template(*part_text("regions", name, folder), own_neurons)


@lru_cache(maxsize=64)
def _read_template(text: str, file: str, own_neurons: frozenset[str]) -> Template:
    data, source = read_yaml(text, file)
    data, source = current_names(Fragment, data, source, {"neurons": own_neurons})
    fragment = parse(Fragment, data, source)
    assert isinstance(data, dict)  # or `parse` had refused it
    return Template(file, fragment, data, source)


type Rules = Mapping[str, tuple[RuleUse, ...]]


@dataclass(frozen=True)
class TemplateRules:
    """The rules that templates have for synapses that end, or begin, at a population.

    Those of the end are for synapses from other regions. Where both have some, those of the
    beginning hold if one template wrote both. `templates` has that of each region.
    """

    afferents: Rules
    efferents: Rules
    templates: Mapping[str, str]

    def taken_by(self, pathway: Pathway) -> Pathway:
        """A pathway between two populations, with the rules of a template where it asks for them.

        Raises
        ------
        CircuitError
            If it asks for rules of a template and there are none, or those of two templates.
        """
        if all(use.rule != TEMPLATE for use in pathway.plasticity):
            return pathway
        found: list[RuleUse] = []
        for index, use in enumerate(pathway.plasticity):
            found += [use] if use.rule != TEMPLATE else self._for(pathway, use, index)
        return pathway.with_(plasticity=tuple(found))

    def _for(self, pathway: Pathway, use: RuleUse, index: int) -> tuple[RuleUse, ...]:
        here: Path = ("plasticity", index)
        (pre,), (post,) = pathway.pre, pathway.post
        if use.model_fields_set != {"rule"}:
            message = "the rules of a template are taken as they are"
            raise fail(message, "write the rule itself, to give it other numbers", here)
        (from_region, _, _), (to_region, _, _) = pre.partition("."), post.partition(".")
        within = from_region == to_region and from_region in self.templates
        leaving = self.efferents.get(pre)
        arriving = None if within else self.afferents.get(post)
        known_to_both = self.templates.get(from_region) == self.templates.get(to_region)
        learned = leaving or arriving
        if not learned or (leaving and arriving and not known_to_both):
            which = "both ends have" if learned else "neither end has"
            message = f"from '{pre}' to '{post}': {which} rules in the template of its region"
            known = ", ".join(sorted({*self.afferents, *self.efferents})) or "no population"
            raise fail(message, f"write the rules; templates have some for {known}", here)
        return learned


def expand_regions(circuit: Circuit, diagnostics: Diagnostics) -> tuple[Circuit, TemplateRules]:
    """The circuit without regions: what they have is its own, and a mistake is where it is written.

    Populations and pathways are called `region.name`, and modulators, which expressions read,
    `region_name`. The rules are those that pathways of the circuit may take from templates.
    """
    rules = TemplateRules({}, {}, {name: use.template for name, use in circuit.regions.items()})
    populations, pathways = dict(circuit.populations), dict(circuit.pathways)
    modulators = dict(circuit.modulators)
    places: dict[Path, str] = {}
    files: dict[str, str] = {}
    aliases: dict[Path, Path] = {}
    written = circuit.source.below_each("regions")
    claims = [circuit.reference] if circuit.reference else []
    for region, use in circuit.regions.items():
        here: Path = ("regions", region)
        try:
            template = template_of(use.template, circuit.folder, frozenset(circuit.neurons))
        except CircuitError as error:
            diagnostics.problems += [
                p.under(*here) if p.place else p.under(*here, "template") for p in error.problems
            ]
            continue
        both = template.source.joined(written.get(region, Source()), ())
        fragment = _changed_template(here, use, template, both, diagnostics)
        places |= {(*here, *path): place for path, place in both.places.items()}
        files |= both.files
        _check_shares(here, use, template.fragment, fragment, template.file, diagnostics)
        for name, population in fragment.populations.items():
            populations[f"{region}.{name}"] = _sized(
                _modulated_in(region, population, fragment), use.size
            )
            aliases["populations", f"{region}.{name}"] = (*here, "populations", name)
        if fragment.reference:
            claims.append(_claimed(region, fragment.reference))
        for name, pathway in fragment.pathways.items():
            pathways[f"{region}.{name}"] = _in_region(region, pathway, fragment)
            aliases["pathways", f"{region}.{name}"] = (*here, "pathways", name)
        rules = TemplateRules(
            {**rules.afferents, **_outward(region, fragment, fragment.afferents)},
            {**rules.efferents, **_outward(region, fragment, fragment.efferents)},
            rules.templates,
        )
        for name, modulator in fragment.modulators.items():
            made = modulator_in(region, name)
            if made in modulators:
                message = f"the region '{region}' has a modulator of this name, its '{name}'"
                diagnostics.error(("modulators", made), message, "choose another name")
            modulators[made] = _modulator_in_region(region, modulator, fragment)
            aliases["modulators", made] = (*here, "modulators", name)
        if len(populations) + len(pathways) + len(modulators) > MOST_ELEMENTS:
            break  # which is refused
    for name, population in circuit.populations.items():
        if population.share is not None:
            path: Path = ("populations", name, "share")
            diagnostics.error(path, "'share' is for regions", "use `size:` instead")
    reference = reduce(_both, claims) if claims else None
    source = circuit.source.joined(Source(places, files), ()).aliased(aliases)
    made_of = {"populations": populations, "pathways": pathways, "modulators": modulators}
    return circuit.with_(regions={}, reference=reference, **made_of).at(source), rules


def _changed_template(
    here: Path, use: RegionUse, template: Template, source: Source, diagnostics: Diagnostics
) -> Fragment:
    """A region's template with the circuit's changes; `source` is where both are written."""
    kinds: dict[str, type[Population | Pathway | Modulator]] = {
        "populations": Population,
        "pathways": Pathway,
        "modulators": Modulator,
    }
    changes = {
        kind: {
            **getattr(template.fragment, kind),
            **_changed(kind, model, getattr(use, kind), here, template, source, diagnostics),
        }
        for kind, model in kinds.items()
    }
    return template.fragment.with_(**changes)


def _changed[Model: Population | Pathway | Modulator](
    kind: str,
    model: type[Model],
    changes: Mapping[str, Mapping[str, Any]],
    here: Path,
    template: Template,
    source: Source,
    diagnostics: Diagnostics,
) -> dict[str, Model]:
    """What a circuit changes of one kind of a template's elements."""
    known = template.data.get(kind) or {}
    made = {}
    for name, new in changes.items():
        path: Path = (*here, kind, name)
        if name not in known:
            message = f"{template.file} has no {kind[:-1]} '{name}'"
            diagnostics.error(path, message, did_you_mean(name, known))
            continue
        before = {"kind": known[name]} if isinstance(known[name], str) else known[name]
        if model is Population and {"size", "file"} & new.keys():
            before = {key: value for key, value in before.items() if key != "share"}
        both = {
            key: {**before[key], **value}
            for key, value in new.items()
            if isinstance(value, dict) and isinstance(before.get(key), dict)
            # connectivity with a rule or data of its own shares no keys with another
            if key != "connect" or "rule" not in with_rule_of_data(value)
        }
        try:
            data = {**before, **new, **both}
            data = gather_modulator(data) if model is Modulator else data
            made[name] = parse(model, data, source.below((kind, name)))
        except CircuitError as error:
            diagnostics.problems += [problem.under(*path) for problem in error.problems]
    return made


def modulator_in(region: str, name: str) -> str:
    """The name in a circuit of a modulator of one of its regions."""
    return f"{identifier(region)}_{name}"


def _own(region: str, expression: str, fragment: Fragment) -> str:
    """An expression of a template with the names that its modulators have in the circuit."""
    return rename(expression, {name: modulator_in(region, name) for name in fragment.modulators})


def _in_region(region: str, pathway: Pathway, fragment: Fragment) -> Pathway:
    """A pathway of a template; its ends, instructive pathways and modulators are the region's."""
    changes: dict[str, Any] = {
        side: tuple(f"{region}.{end}" for end in getattr(pathway, side)) for side in ("pre", "post")
    }
    changes["plasticity"] = tuple(_rule_in(region, use, fragment) for use in pathway.plasticity)
    if pathway.release:
        changes["release"] = _own(region, pathway.release, fragment)
    return pathway.with_(**changes)


def _outward(region: str, fragment: Fragment, rules: Rules) -> dict[str, tuple[RuleUse, ...]]:
    """Rules of a template for synapses with other parts of a circuit, by population in it."""
    return {
        f"{region}.{population}": tuple(_rule_in(region, use, fragment) for use in uses)
        for population, uses in rules.items()
    }


def _rule_in(region: str, use: RuleUse, fragment: Fragment) -> RuleUse:
    """The use of a rule, whose instructive pathway and modulators belong to the same region."""
    changes = {}
    if use.instructed_by:
        changes["instructed_by"] = f"{region}.{use.instructed_by}"
    if use.modulator:
        changes["modulator"] = _own(region, use.modulator, fragment)
    return use.with_(**changes)


def _modulated_in(region: str, population: Population, fragment: Fragment) -> Population:
    """A population of a template, whose modulators belong to the same region."""
    modulation = {k: _own(region, each, fragment) for k, each in population.modulation.items()}
    return population.with_(modulation=modulation) if modulation else population


def _modulator_in_region(region: str, modulator: Modulator, fragment: Fragment) -> Modulator:
    """A modulator of a template; what releases it, and what it reads, is the region's."""
    changes: dict[str, Any] = {}
    if modulator.input:
        changes["input"] = _own(region, modulator.input, fragment)
    for key in ("released_by", "predicted_by", "weight_change_of"):
        if names := getattr(modulator, key):
            changes[key] = tuple(f"{region}.{name}" for name in names)
    return modulator.with_(**changes)


def _claimed(region: str, claims: Reference) -> Reference:
    """What was published of a template, with the names that its populations have in the circuit."""
    kinds = ("rates", "ranges", "bands")
    named = {
        kind: {f"{region}.{name}": value for name, value in getattr(claims, kind).items()}
        for kind in kinds
    }
    listed = {
        kind: tuple(f"{region}.{name}" for name in getattr(claims, kind))
        for kind in ("pacemakers", "asynchronous")
    }
    return claims.with_(**named, **listed)


def _both(first: Reference, second: Reference) -> Reference:
    """Two claims as one; where both speak of a population, the first holds."""
    sources = first.source if second.source in first.source else f"{first.source}; {second.source}"
    both = {
        key: {**getattr(second, key), **getattr(first, key)} for key in ("rates", "ranges", "bands")
    }
    both["bands"] = {k: v for k, v in both["bands"].items() if k not in first.asynchronous}
    uncorrelated = (name for name in second.asynchronous if name not in both["bands"])
    return Reference(
        source=sources,
        pacemakers=tuple(dict.fromkeys(first.pacemakers + second.pacemakers)),
        asynchronous=tuple(dict.fromkeys((*first.asynchronous, *uncorrelated))),
        **both,
    )


def _check_shares(
    here: Path,
    use: RegionUse,
    template: Fragment,
    changed: Fragment,
    file: str,
    diagnostics: Diagnostics,
) -> None:
    """Check the shares of a template, and those that are left; mistakes are noted at the region."""
    every, shares = (
        {name: each.share.mean for name, each in fragment.populations.items() if each.share}
        for fragment in (template, changed)
    )
    listed = ", ".join(f"{name} {share:g}" for name, share in every.items())
    if every and abs(sum(every.values()) - 1) > 0.005:
        message = f"the shares of {file} sum to {sum(every.values()):g}, expected 1"
        diagnostics.error((*here, "template"), message, listed)
    small = {name: share for name, share in shares.items() if share * use.size < 0.5}
    if small:
        need = max(math.ceil(0.5 / share) if share else 0 for share in small.values())
        message = f"{use.size} neurons are too few: none are left for {', '.join(small)} of {file}"
        hint = f"use at least {need}; shares are {listed}"
        diagnostics.error((*here, "size"), message, hint)


def _sized(population: Population, region_size: int) -> Population:
    share = population.share.mean if population.share else 1.0
    if population.file:
        return population
    # `_check_shares` has refused a share of none
    size = population.size or max(1, round(share * region_size))
    return population.with_(size=size, share=None)
