"""Pass 2: Circuit → Circuit. Regions and matrix pathways become ordinary populations and pathways."""

import math
from collections.abc import Iterator
from functools import reduce
from typing import Any

from thalia.circuit.part_use import RuleUse, Stimulus
from thalia.circuit.spec import (
    Circuit,
    Delay,
    Fragment,
    Gains,
    Pathway,
    Population,
    Reference,
    RegionUse,
)
from thalia.errors import CircuitError, Path, Problem, did_you_mean
from thalia.library.lookup import part_text
from thalia.syntax.former_names import current_names
from thalia.syntax.validation import parse
from thalia.syntax.yaml_reader import read_text, read_yaml


def expand(circuit: Circuit) -> Circuit:
    """The same circuit, written out: every pathway has one `pre` and one `post`, every stimulus one target.

    Raises
    ------
    CircuitError
        For a region that is not there or refers to itself, and for every table of the wrong shape.
    """
    problems: list[Problem] = []
    circuit = _expand_schedules(_expand_regions(_with_gains(circuit, problems), problems))
    pathways, stimuli, aliases = {}, {}, {}
    for name, pathway in circuit.pathways.items():
        for made, single in _split_pathway(name, pathway, problems):
            pathways[made] = single
            aliases[("pathways", made)] = ("pathways", name)
    for name, stimulus in circuit.stimuli.items():
        for made, each in _split_stimulus(name, stimulus, problems):
            stimuli[made] = each
            aliases[("stimuli", made)] = ("stimuli", name)
    if problems:
        raise circuit.source.placed(problems)
    written_out = circuit.with_(pathways=pathways, stimuli=stimuli)
    return written_out.at(
        circuit.source.aliased({made: name for made, name in aliases.items() if made != name})
    )


def _with_gains(circuit: Circuit, problems: list[Problem]) -> Circuit:
    """The circuit with the gains that stand in a file beside it."""
    if not isinstance(circuit.gains, str):
        return circuit
    here: Path = ("gains",)
    try:
        text, file = read_text(circuit.folder / circuit.gains), str(circuit.folder / circuit.gains)
        data, source = read_yaml(text, file)
        gains = parse(Gains, {"gains": data}, source.joined(source, here)).gains
    except CircuitError as error:
        hint = "`thalia calibrate` writes one"
        problems += [
            p if p.place else Problem(here, p.message, p.hint or hint) for p in error.problems
        ]
        return circuit.with_(gains={})
    return circuit.with_(gains=gains).at(circuit.source.joined(source, here))


def _expand_regions(circuit: Circuit, problems: list[Problem]) -> Circuit:
    populations, pathways = dict(circuit.populations), dict(circuit.pathways)
    source = circuit.source
    claims = [circuit.reference] if circuit.reference else []
    own = {"neurons": circuit.neurons}
    for region, use in circuit.regions.items():
        here: Path = ("regions", region)
        try:
            text, file = part_text("regions", use.template, circuit.folder)
            data, fragment_source = read_yaml(text, file)
            data, fragment_source = current_names(Fragment, data, fragment_source, own)
            parse(Fragment, data, fragment_source)
            assert isinstance(data, dict)  # or `parse` had refused it
            fragment_source = fragment_source.joined(source.below(here), ())
            fragment = parse(Fragment, _changed(here, use, data, file, problems), fragment_source)
        except CircuitError as error:
            problems += [
                Problem((*here, *p.path), p.message, p.hint, p.place)
                if p.place
                else Problem((*here, "template"), p.message, p.hint)
                for p in error.problems
            ]
            continue
        source = source.joined(fragment_source, here)
        problems += _shares(here, use, fragment, file)
        for name, population in fragment.populations.items():
            made = f"{region}.{name}"
            populations[made] = _sized(population, use.size)
            source = source.aliased({("populations", made): (*here, "populations", name)})
        if fragment.reference:
            claims.append(_claimed(region, fragment.reference))
        for name, pathway in fragment.pathways.items():
            made = f"{region}.{name}"
            changes: dict[str, Any] = {
                side: tuple(f"{region}.{end}" for end in getattr(pathway, side))
                for side in ("pre", "post")
            }
            changes["plasticity"] = tuple(_instructed_in(region, use) for use in pathway.plasticity)
            pathways[made] = pathway.model_copy(update=changes)
            source = source.aliased({("pathways", made): (*here, "pathways", name)})
    for name, population in circuit.populations.items():
        if population.share is not None:
            problems.append(
                Problem(
                    ("populations", name, "share"), "'share' is for regions", "give `size:` instead"
                )
            )
    reference = reduce(_both, claims) if claims else None
    return circuit.with_(
        regions={}, populations=populations, pathways=pathways, reference=reference
    ).at(source)


def _claimed(region: str, claims: Reference) -> Reference:
    """What was published of a template, with the names that its populations have in the circuit."""
    kinds = ("rates", "ranges", "bands")
    named = {
        kind: {f"{region}.{name}": value for name, value in getattr(claims, kind).items()}
        for kind in kinds
    }
    return claims.model_copy(
        update={**named, "pacemakers": tuple(f"{region}.{name}" for name in claims.pacemakers)}
    )


def _both(first: Reference, second: Reference) -> Reference:
    """Two claims as one; where both speak of a population, the first holds."""
    sources = first.source if second.source in first.source else f"{first.source}; {second.source}"
    both = {
        key: {**getattr(second, key), **getattr(first, key)} for key in ("rates", "ranges", "bands")
    }
    return Reference(
        source=sources,
        pacemakers=tuple(dict.fromkeys(first.pacemakers + second.pacemakers)),
        **both,
    )


def _changed(
    here: Path, use: RegionUse, data: dict[str, Any], file: str, problems: list[Problem]
) -> dict[str, Any]:
    """A template's data with what the circuit changes of it."""
    made = dict(data)
    for kind, each in (("populations", use.populations), ("pathways", use.pathways)):
        known = made[kind] = dict(data.get(kind) or {})
        for name, changes in each.items():
            if name not in known:
                problems.append(
                    Problem(
                        (*here, kind, name),
                        f"{file} has no {kind[:-1]} '{name}'",
                        did_you_mean(name, known),
                    )
                )
                continue
            before = known[name]
            both = [
                key
                for key, new in changes.items()
                if isinstance(new, dict) and isinstance(before.get(key), dict)
            ]
            known[name] = {
                **before,
                **changes,
                **{key: {**before[key], **changes[key]} for key in both},
            }
    return made


def _expand_schedules(circuit: Circuit) -> Circuit:
    """Releases of modulators at given times become spikes of populations of one neuron."""
    populations, stimuli, modulators = (
        dict(circuit.populations),
        dict(circuit.stimuli),
        dict(circuit.modulators),
    )
    source = circuit.source
    for name, modulator in circuit.modulators.items():
        made = modulator.scheduled(name)
        for population, each in made.items():
            populations[population] = Population(neuron="spike_source", size=1)
            stimuli[population] = Stimulus(kind="spikes", target=(population,), times={0: each.at})
            source = source.aliased(
                {
                    (kind, population): ("modulators", name, "schedule")
                    for kind in ("populations", "stimuli")
                }
            )
        if made:
            modulators[name] = modulator.model_copy(
                update={"released_by": (*(modulator.released_by or ()), *made)}
            )
    return circuit.with_(populations=populations, stimuli=stimuli, modulators=modulators).at(source)


def _instructed_in(region: str, use: RuleUse) -> RuleUse:
    """The use of a rule, whose instructive pathway belongs to the same region."""
    return (
        use.model_copy(update={"instructed_by": f"{region}.{use.instructed_by}"})
        if use.instructed_by
        else use
    )


def _shares(here: Path, use: RegionUse, fragment: Fragment, file: str) -> Iterator[Problem]:
    """What is wrong with the shares of a region's populations, told at the region's place, with those of the template."""
    shares = {
        name: population.share.mean
        for name, population in fragment.populations.items()
        if population.share
    }
    listed = ", ".join(f"{name} {share:g}" for name, share in shares.items())
    if shares and abs(sum(shares.values()) - 1) > 0.005:
        yield Problem(
            (*here, "template"),
            f"the shares of {file} sum to {sum(shares.values()):g}, expected 1",
            listed,
        )
    small = {name: share for name, share in shares.items() if share * use.size < 0.5}
    if small:
        need = max(math.ceil(0.5 / share) if share else 0 for share in small.values())
        message = f"{use.size} neurons leave none for {', '.join(small)} of {file}"
        yield Problem((*here, "size"), message, f"give it at least {need}; shares are {listed}")


def _sized(population: Population, region_size: int) -> Population:
    share = population.share.mean if population.share else 1.0
    size = population.size or max(1, round(share * region_size))  # of none `_shares` has told
    return population.model_copy(update={"size": size, "share": None})


def _split_pathway(
    name: str, pathway: Pathway, problems: list[Problem]
) -> list[tuple[str, Pathway]]:
    shape = (len(pathway.post), len(pathway.pre))
    tables = {
        ("connect", "probability"): pathway.connect.probability,
        ("connect", "number"): pathway.connect.number,
        ("weight",): pathway.weight,
        ("delay", "axonal"): pathway.delay.axonal,
        ("delay", "dendritic"): pathway.delay.dendritic,
    }
    wrong = [
        _shape_problem(("pathways", name, *key), entry, shape)
        for key, entry in tables.items()
        if entry
    ]
    if any(wrong):
        problems += [problem for problem in wrong if problem]
        return []
    made = []
    for row, post in enumerate(pathway.post):
        for column, pre in enumerate(pathway.pre):
            picked = {key: _pick(entry, row, column) for key, entry in tables.items()}
            if _is_empty(picked):
                continue
            single = shape == (1, 1)
            made.append(
                (
                    name if single else f"{name}.{_word(pre)}_to_{_word(post)}",
                    _one(pathway, pre, post, picked),
                )
            )
    return made


def _one(pathway: Pathway, pre: str, post: str, picked: dict[tuple[str, ...], Any]) -> Pathway:
    connect = pathway.connect.model_copy(
        update={
            "probability": picked["connect", "probability"],
            "number": picked["connect", "number"],
        }
    )
    delay = Delay(axonal=picked["delay", "axonal"], dendritic=picked["delay", "dendritic"])
    changes = {
        "pre": (pre,),
        "post": (post,),
        "connect": connect,
        "weight": picked[("weight",)],
        "delay": delay,
    }
    return pathway.model_copy(update=changes)


def _split_stimulus(
    name: str, stimulus: Stimulus, problems: list[Problem]
) -> list[tuple[str, Stimulus]]:
    problem = _shape_problem(
        ("stimuli", name, "number"), stimulus.number, (len(stimulus.target), 1)
    )
    if problem:
        problems.append(problem)
        return []
    if len(stimulus.target) == 1:
        return [(name, stimulus)]
    return [
        (
            f"{name}.{_word(target)}",
            stimulus.model_copy(
                update={"target": (target,), "number": _pick(stimulus.number, row, 0)}
            ),
        )
        for row, target in enumerate(stimulus.target)
    ]


def _word(name: str) -> str:
    return name.replace(".", "_")


def _shape_problem(path: Path, entries: Any, shape: tuple[int, int]) -> Problem | None:
    found = (len(entries), len(entries[0]) if entries else 0)
    if all(have in (1, want) and have for have, want in zip(found, shape, strict=True)):
        return None
    rows, columns = shape
    message = f"expected a table of {rows} rows (post) and {columns} columns (pre), found {found[0]} and {found[1]}"
    return Problem(path, message, "one row, one column or a single number holds for all")


def _pick(entries: Any, row: int, column: int) -> Any:
    if entries is None:
        return None
    line = entries[row if len(entries) > 1 else 0]
    return ((line[column if len(line) > 1 else 0],),)


def _is_empty(picked: dict[tuple[str, ...], Any]) -> bool:
    """A zero in a table of probabilities or numbers means that there is no such pathway."""
    entries = [picked["connect", key] for key in ("probability", "number")]
    return any(entry is not None and entry[0][0].mean == 0 for entry in entries)
