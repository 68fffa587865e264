"""Pass 2: Circuit → Circuit. Regions and matrix pathways become populations and pathways."""

from typing import Any

from thalia.circuit.limits import MOST_ELEMENTS, MOST_MODULATORS
from thalia.circuit.part_use import Stimulus
from thalia.circuit.spec import (
    Circuit,
    Delay,
    Gains,
    Pathway,
    Population,
    too_many,
)
from thalia.compiler.expand_regions import expand_regions
from thalia.compiler.expand_tables import expand_tables
from thalia.compiler.options import DEFAULT_OPTIONS, CompilerOptions
from thalia.compiler.plan import identifier
from thalia.errors import CircuitError, Diagnostics, Path, Problem, did_you_mean, fail
from thalia.syntax.validation import parse
from thalia.syntax.yaml_reader import read_yaml


def expand(
    circuit: Circuit,
    options: CompilerOptions = DEFAULT_OPTIONS,
    diagnostics: Diagnostics | None = None,
) -> Circuit:
    """The circuit written out: pathways with one `pre` and one `post`, stimuli with one target.

    What is written out already stays as it is. Pathways of `disconnect` are gone, and so are
    `conditions`, which change the circuit as it is written.

    Parameters
    ----------
    options : CompilerOptions, optional
        Every pass of the compiler takes them; this one reads none.
    diagnostics : Diagnostics, optional
        What collects the mistakes of all passes.

    Raises
    ------
    CircuitError
        For a region that is not there or refers to itself, for every table of the wrong shape, and
        for every name in `disconnect` that no pathway has.
    """
    diagnostics = diagnostics or Diagnostics()
    circuit, rules = expand_regions(_with_gains(circuit, diagnostics), diagnostics)
    circuit = _expand_schedules(expand_tables(circuit, diagnostics))
    _check_number(circuit)
    pathways, stimuli, aliases = {}, {}, {}
    for name, pathway in circuit.pathways.items():
        for made, single in _split_pathway(name, pathway, diagnostics):
            with diagnostics.catch(("pathways", name)):
                pathways[made] = (name, rules.taken_by(single))
            aliases[("pathways", made)] = ("pathways", name)
    for name, stimulus in circuit.stimuli.items():
        for made, each in _split_stimulus(name, stimulus, diagnostics):
            stimuli[made] = each
            aliases[("stimuli", made)] = ("stimuli", name)
    if diagnostics.problems:
        raise circuit.source.placed(diagnostics.problems)
    changes = {"pathways": _connected(circuit, pathways), "disconnect": (), "conditions": {}}
    written_out = circuit.with_(stimuli=stimuli, **changes)
    return written_out.at(
        circuit.source.aliased({made: name for made, name in aliases.items() if made != name})
    )


def _check_number(circuit: Circuit) -> None:
    """Refuse a circuit of more elements than are checked in a few seconds.

    Raises
    ------
    CircuitError
        If there are more.
    """
    count = len(circuit.populations) + len(circuit.modulators)
    count += sum(len(each.pre) * len(each.post) for each in circuit.pathways.values())
    count += sum(len(each.target) for each in circuit.stimuli.values())
    count += sum(
        len(names or ())
        for each in circuit.modulators.values()
        for names in (each.released_by, each.predicted_by, each.weight_change_of)
    )
    if count > MOST_ELEMENTS:
        raise circuit.source.placed([too_many(count, circuit.source.locate(()))])
    if (count := len(circuit.modulators)) > MOST_MODULATORS:
        message = f"there are {count:,} modulators, expected at most {MOST_MODULATORS}"
        raise circuit.source.placed([Problem(("modulators",), message)])


def _with_gains(circuit: Circuit, diagnostics: Diagnostics) -> Circuit:
    """The circuit with its gains read from their file."""
    if not isinstance(circuit.gains, str):
        return circuit
    here: Path = ("gains",)
    try:
        text, file = circuit.folder.text(circuit.gains), circuit.folder.named(circuit.gains)
        data, source = read_yaml(text, file)
        gains = parse(Gains, {"gains": data}, source.joined(source, here)).gains
    except CircuitError as error:
        hint = "`thalia calibrate` writes one"
        diagnostics.problems += [
            p if p.place else Problem(here, p.message, p.hint or hint) for p in error.problems
        ]
        return circuit.with_(gains={})
    return circuit.with_(gains=gains).at(circuit.source.joined(source, here))


def _expand_schedules(circuit: Circuit) -> Circuit:
    """Releases of modulators at given times become spikes of populations of one neuron."""
    populations, stimuli, modulators = (
        dict(circuit.populations),
        dict(circuit.stimuli),
        dict(circuit.modulators),
    )
    aliases: dict[Path, Path] = {}
    for name, modulator in circuit.modulators.items():
        made = modulator.scheduled(name)
        for population, each in made.items():
            populations[population] = Population(neuron="spike_source", size=1)
            stimuli[population] = Stimulus(kind="spikes", target=(population,), times={0: each.at})
            for kind in ("populations", "stimuli"):
                aliases[kind, population] = ("modulators", name, "schedule")
        if made:
            released_by = tuple(dict.fromkeys((*(modulator.released_by or ()), *made)))
            modulators[name] = modulator.with_(released_by=released_by)
    return circuit.with_(populations=populations, stimuli=stimuli, modulators=modulators).at(
        circuit.source.aliased(aliases)
    )


def _split_pathway(
    name: str, pathway: Pathway, diagnostics: Diagnostics
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
        diagnostics.problems += [problem for problem in wrong if problem]
        return []
    if shape != (1, 1) and pathway.connect.rule == "data":
        with diagnostics.catch(("pathways", name, "connect")):
            pathway = _by_identifier(pathway)
    made = []
    for row, post in enumerate(pathway.post):
        for column, pre in enumerate(pathway.pre):
            picked = {key: _pick(entry, row, column) for key, entry in tables.items()}
            if _is_empty(picked):
                continue
            single = shape == (1, 1)
            made.append(
                (
                    name if single else f"{name}.{identifier(pre)}_to_{identifier(post)}",
                    _one(pathway, pre, post, picked),
                )
            )
    return made


def _by_identifier(pathway: Pathway) -> Pathway:
    """A pathway between several populations, whose data must say which neuron is of which."""
    connect = pathway.connect
    if not connect.file or connect.by == "index":
        what = "indices are" if connect.file or connect.arrays else "a matrix is"
        raise fail(
            f"{what} of one population to another, and here are {len(pathway.pre)} and "
            f"{len(pathway.post)}",
            "write a pathway for each pair, or use a table with identifiers",
        )
    by_identifier = connect.with_(by="identifier")
    return pathway.with_(connect=by_identifier)


def _connected(circuit: Circuit, pathways: dict[str, tuple[str, Pathway]]) -> dict[str, Pathway]:
    """The pathways, each given with its name as written, without those of `disconnect`."""
    known = {*circuit.pathways, *pathways}
    unknown = [
        Problem(
            ("disconnect", index),
            f"there is no pathway '{name}'",
            did_you_mean(name, known),
            missing=("pathways", name),
        )
        for index, name in enumerate(circuit.disconnect)
        if name not in known
    ]
    if unknown:
        raise circuit.source.placed(unknown)
    cut = {*circuit.disconnect}
    return {
        made: single
        for made, (written, single) in pathways.items()
        if cut.isdisjoint((made, written))
    }


def _one(pathway: Pathway, pre: str, post: str, picked: dict[tuple[str, ...], Any]) -> Pathway:
    connect = pathway.connect.with_(
        probability=picked["connect", "probability"], number=picked["connect", "number"]
    )
    delay = Delay(axonal=picked["delay", "axonal"], dendritic=picked["delay", "dendritic"])
    changes = {
        "pre": (pre,),
        "post": (post,),
        "connect": connect,
        "weight": picked[("weight",)],
        "delay": delay,
    }
    return pathway.with_(**changes)


def _split_stimulus(
    name: str, stimulus: Stimulus, diagnostics: Diagnostics
) -> list[tuple[str, Stimulus]]:
    problem = _shape_problem(
        ("stimuli", name, "number"), stimulus.number, (len(stimulus.target), 1)
    )
    if problem:
        diagnostics.problems.append(problem)
        return []
    if len(stimulus.target) == 1:
        return [(name, stimulus)]
    return [
        (
            f"{name}.{identifier(target)}",
            stimulus.with_(target=(target,), **_number_of(stimulus, row)),
        )
        for row, target in enumerate(stimulus.target)
    ]


def _number_of(stimulus: Stimulus, row: int) -> dict[str, Any]:
    """The number of sources of one target, if any was written."""
    given = "number" in stimulus.model_fields_set
    return {"number": _pick(stimulus.number, row, 0)} if given else {}


def _shape_problem(path: Path, entries: Any, shape: tuple[int, int]) -> Problem | None:
    found = (len(entries), len(entries[0]) if entries else 0)
    if all(have in (1, want) and have for have, want in zip(found, shape, strict=True)):
        return None
    rows, columns = shape
    wanted = f"a table of {rows} rows (post) and {columns} columns (pre)"
    message = f"expected {wanted}, found {found[0]} and {found[1]}"
    return Problem(path, message, "one row, one column or a single number applies to all")


def _pick(entries: Any, row: int, column: int) -> Any:
    if entries is None:
        return None
    line = entries[row if len(entries) > 1 else 0]
    return ((line[column if len(line) > 1 else 0],),)


def _is_empty(picked: dict[tuple[str, ...], Any]) -> bool:
    """A zero in a table of probabilities or numbers means that there is no such pathway."""
    entries = [picked["connect", key] for key in ("probability", "number")]
    given = (entry[0][0] for entry in entries if entry is not None)
    return any(not value.is_formula and value.mean == 0 for value in given)
