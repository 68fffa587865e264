"""Populations from tables: one `by` each value of a column, with names made of these values."""

import re
from typing import Any

from thalia.circuit.part_use import Modulator, Stimulus
from thalia.circuit.spec import Circuit, Pathway, Population
from thalia.errors import CircuitError, Diagnostics, Path, fail
from thalia.syntax.selection import Selection, parse_selection

MOST_VALUES = 500  # of a column that makes populations


def expand_tables(circuit: Circuit, diagnostics: Diagnostics) -> Circuit:
    """The circuit in which each population is one, and pathways name all those of a table."""
    populations: dict[str, Population] = {}
    made: dict[str, tuple[str, ...]] = {}
    aliases: dict[Path, Path] = {}
    for name, population in circuit.populations.items():
        if population.by is None:
            populations[name] = population
            continue
        split: dict[str, Population] = {}
        with diagnostics.catch(("populations", name)):
            split = _split(name, population, circuit)
        populations |= split
        made[name] = tuple(split)
        aliases |= {("populations", each): ("populations", name) for each in split}
    if not made:
        return circuit
    pathways = {name: _reaching(each, made) for name, each in circuit.pathways.items()}
    stimuli = {name: _targeting(each, made) for name, each in circuit.stimuli.items()}
    modulators = {name: _released(each, made) for name, each in circuit.modulators.items()}
    spikes = tuple(_named(circuit.record.spikes, made))
    changes = {
        "populations": populations,
        "pathways": pathways,
        "stimuli": stimuli,
        "modulators": modulators,
        "record": circuit.record.with_(spikes=spikes),
    }
    return circuit.with_(**changes).at(circuit.source.aliased(aliases))


def _split(name: str, population: Population, circuit: Circuit) -> dict[str, Population]:
    """The populations of a table, by the values of a column."""
    from thalia.compiler.read_data import node_query, table_of  # late: few circuits have tables
    from thalia.data.nodes import values_of

    assert population.by, "only what is made by a column is split"
    column = population.by
    try:
        table, key = table_of(population, circuit.folder)
        values = values_of(table, key, column, node_query(population))
    except CircuitError as error:
        raise CircuitError(each.under("file") for each in error.problems) from None
    if len(values) > MOST_VALUES:
        raise fail(
            f"'{column}' has {len(values):,} values, each of which would be a population; "
            f"at most {MOST_VALUES} are made",
            "choose a column of fewer and larger groups",
            ("by",),
        )
    words: dict[str, str] = {}
    for value in values:
        word = population_word(value)
        if word in words:
            raise fail(
                f"'{words[word]}' and '{value}' in '{column}' would both be {name}.{word}",
                "make them differ in letters or digits",
                ("by",),
            )
        words[word] = value
    return {
        f"{name}.{word}": population.model_copy(
            update={"by": None, "where": _with_value(population.where, column, value)}
        )
        for word, value in words.items()
    }


def _with_value(where: Selection | None, column: str, value: str) -> Selection:
    """A condition, and that a column has a value."""
    has_value = f"{column} == {value!r}"
    return parse_selection(f"({where}) and {has_value}" if where else has_value)


def population_word(value: str) -> str:
    """A value of a table as the last part of a population's name: `KCab-m` is `kcab_m`."""
    return re.sub(r"[^a-z0-9]+", "_", value.lower()).strip("_") or "other"


def _named(names: tuple[str, ...], made: dict[str, tuple[str, ...]]) -> list[str]:
    """Names, in which those of tables stand for all their populations."""
    return [each for name in names for each in made.get(name, (name,))]


def _reaching(pathway: Pathway, made: dict[str, tuple[str, ...]]) -> Pathway:
    changes = {side: tuple(_named(getattr(pathway, side), made)) for side in ("pre", "post")}
    return pathway.with_(**changes)


def _targeting(stimulus: Stimulus, made: dict[str, tuple[str, ...]]) -> Stimulus:
    return stimulus.with_(target=tuple(_named(stimulus.target, made)))


def _released(modulator: Modulator, made: dict[str, tuple[str, ...]]) -> Modulator:
    changes: dict[str, Any] = {
        key: tuple(_named(names, made))
        for key in ("released_by", "predicted_by")
        if (names := getattr(modulator, key))
    }
    return modulator.with_(**changes)
