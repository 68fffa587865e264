"""A finished run, read lazily from its file."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from itertools import chain
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from thalia.compiler.graph import Network, network_from
from thalia.errors import counted, did_you_mean, fail, shortened
from thalia.recording.node_columns import read_nodes
from thalia.recording.page_checksums import check_contents, reading
from thalia.recording.results import Level, Shown, Spikes, Traces, Weights
from thalia.recording.writer import FORMAT
from thalia.syntax.late_imports import above
from thalia.syntax.units import Dimension

if TYPE_CHECKING:
    import neo

_NAME = re.compile(r"[A-Za-z0-9_.]{1,400}")  # of whatever a circuit names, once it is written out


class Recorded[Entry](Mapping[str, Entry]):
    """What a run file holds of one kind, by name; an entry is read from the file on access."""

    def __init__(self, names: list[str], read: Callable[[str], Entry], noun: str):
        self._names, self._read, self._noun = names, read, noun

    def __repr__(self) -> str:
        return f"Recorded({counted(len(self), self._noun)}: {', '.join(self._names)})"

    def _ipython_key_completions_(self) -> list[str]:
        return self._names

    def __getitem__(self, name: str) -> Entry:
        if name not in self._names:
            raise KeyError(f"no {self._noun} is called '{name}'; {did_you_mean(name, self._names)}")
        return self._read(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class Run(Shown):
    """A finished run, read lazily from its file; or the folder of a program for NEST that has run.

    Raises
    ------
    CircuitError
        If the file does not exist, or is not a run file.
    """

    def __init__(self, file: str | FilePath):
        self.file = FilePath(file)
        if not self.file.exists():
            raise fail(f"{file}: there is no such file")
        if self.file.is_dir():
            self.file = above("exporters.nest.results.collected")(self.file)
        with reading(self.file) as h5:
            self.attributes = {key: _plain(value) for key, value in h5.attrs.items()}
            if self.attributes.get("format") != FORMAT:
                raise fail(
                    f"{file}: is HDF5 but no run of Thalia", "give a file that `thalia run` wrote"
                )
            check_contents(h5, self.file)
            kinds = ("spikes", "weights", "modulators", "reports", "nodes")
            self._names = {kind: _leaves(h5, kind) for kind in kinds}
            self.structure: dict[str, Any] = json.loads(self.attributes["structure"])
            self.results: dict[str, Any] = json.loads(self.attributes.get("results", "{}"))
            _check_names(self.structure, self._names, self.file)
            self._network = network_from(str(self.attributes["name"]), self.structure)

    def __repr__(self) -> str:
        """The circuit, how much of it was simulated, and the file."""
        neurons, done = sum(self.sizes.values()), f"{self.duration:g} s"
        state = "" if self.attributes.get("complete") else ", incomplete"
        circuit = self.results.get("circuit") or self.structure.get("name") or self.file.stem
        return f"Run({circuit}: {counted(neurons, 'neuron')}, {done}{state}; {self.file})"

    @property
    def sizes(self) -> dict[str, int]:
        """Neurons of each population."""
        return dict(self.structure["populations"])

    @property
    def duration(self) -> float:
        """Model time in seconds."""
        return float(self.attributes["duration"])

    @property
    def phases(self) -> list[tuple[str, float, float]]:
        """Name, start and end of each phase, in seconds."""
        ends = np.cumsum([length for _, length in self.structure["phases"]])
        return [
            (name, end - length, end)
            for (name, length), end in zip(self.structure["phases"], ends, strict=True)
        ]

    @property
    def circuit_files(self) -> list[tuple[str, str]]:
        """Name and text of the circuit as written, and of every file that it includes."""
        with reading(self.file, "circuit") as h5:
            group = h5["circuit"]
            return [
                (str(group[key].attrs["file"]), group[key][:].tobytes().decode())
                for key in sorted(group, key=int)
            ]

    @property
    def files_beside(self) -> list[tuple[str, str]]:
        """Name and text of those that existed on disk when the run began."""
        with reading(self.file, "circuit") as h5:
            stood = [
                bool(h5["circuit"][key].attrs.get("stood_beside", False))
                for key in sorted(h5["circuit"], key=int)
            ]
        return [file for file, here in zip(self.circuit_files, stood, strict=True) if here]

    @property
    def network(self) -> Network:
        """Populations and pathways with their parameters."""
        return self._network

    @property
    def rates(self) -> dict[str, float]:
        """Mean rate of each population in the last phase, in Hz."""
        return dict(self.results["rates_hz"])

    @cached_property
    def spikes(self) -> Mapping[str, Spikes]:
        """Spikes by population."""
        return Recorded(self._names["spikes"], self._spikes, "recorded population")

    @cached_property
    def identifiers(self) -> Mapping[str, NDArray[Any]]:
        """What the neurons of a population are called in its table, by population: (n_neurons,).

        Whole numbers or words, without unit.
        """
        with reading(self.file, "nodes") as h5:
            named = [name for name in self._names["nodes"] if "identifiers" in h5[f"nodes/{name}"]]
        return Recorded(named, lambda name: self.columns[name]["id"], "population from a table")

    @cached_property
    def columns(self) -> Mapping[str, Mapping[str, NDArray[Any]]]:
        """By what neurons are chosen, by population and name: (n_neurons,) each, in SI, or words.

        These are the position `x`, `y` and `z` of those in a `space`, in metres, and of those from
        a table their `id` and the columns that the circuit names.
        """
        return Recorded(self._names["nodes"], self._columns, "population with columns")

    def _columns(self, name: str) -> Mapping[str, NDArray[Any]]:
        with reading(self.file, f"nodes/{name}") as h5:
            return read_nodes(h5, name)[0]

    def chosen_by(self, population: str) -> dict[str, Dimension | None]:
        """The dimensions of the columns of a population, None of words."""
        if population not in self._names["nodes"]:
            return {}
        with reading(self.file, f"nodes/{population}") as h5:
            return read_nodes(h5, population)[1]

    @cached_property
    def weights(self) -> Mapping[str, Weights]:
        """Weights by pathway."""
        return Recorded(self._names["weights"], self._weights, "recorded pathway")

    @cached_property
    def traces(self) -> Mapping[str, Traces]:
        """State variables over time, by the name under which the circuit records them."""
        return Recorded(self._names["reports"], self._traces, "recorded trace")

    @cached_property
    def modulators(self) -> Mapping[str, Level]:
        """Levels by modulator."""
        return Recorded(self._names["modulators"], self._modulator, "modulator")

    def to_neo(self) -> "neo.Block":
        """A block of Neo, for Elephant: a spike train for each neuron, state variables, levels.

        Raises
        ------
        CircuitError
            If Neo is not installed.
        """
        return above("exporters.neo.block")(self)

    def report(self) -> Any:
        """A page about the run that needs nothing else, as `thalia.report` makes it.

        Its method `.save(FILE)` writes it; a notebook shows it in place.

        Raises
        ------
        CircuitError
            If the run is not complete, or Bokeh is not installed.
        """
        return above("reports.report")(self)

    def _modulator(self, name: str) -> Level:
        with reading(self.file, f"modulators/{name}") as h5:
            group = h5[f"modulators/{name}"]
            time, value = (self._undamaged(group[key]) for key in ("time", "value"))
            return Level(time, value, float(group.attrs["baseline"]), name)

    def _spikes(self, name: str) -> Spikes:
        with reading(self.file, f"spikes/{name}") as h5:
            group = h5[f"spikes/{name}"]
            times, nodes = (self._undamaged(group[key]) for key in ("timestamps", "node_ids"))
            return Spikes(
                times * 1e-3,
                nodes.astype(np.int64),
                self.sizes[name],
                name,
                self.duration,
                self.identifiers.get(name),
            )

    def _undamaged(self, data: Any) -> NDArray[Any]:
        values: NDArray[Any] = data[:]
        if "crc32" in data.attrs and crc32(values.tobytes()) != int(data.attrs["crc32"]):
            raise fail(
                f"{self.file}: is damaged: {data.name[1:]} is not what was written",
                "take a copy of the file",
            )
        return values

    def _weights(self, name: str) -> Weights:
        with reading(self.file, f"weights/{name}") as h5:
            group = h5[f"weights/{name}"]
            ends = (group.attrs["pre_population"], group.attrs["post_population"])
            variables = group.get("variables", {})
            return Weights(
                group["pre"][:].astype(np.int64),
                group["post"][:].astype(np.int64),
                group["delay"][:] * 1e-3,
                group["time"][:],
                group["w"][:],
                group["w"].attrs["units"],
                ends,
                (self.sizes[ends[1]], self.sizes[ends[0]]),
                group.attrs.get("w_max"),
                tuple(json.loads(group.attrs.get("scaled_by", "[]"))),
                tuple(json.loads(group["efficacy"].attrs["rules"]) if "efficacy" in group else ()),
                group["efficacy"][:] if "efficacy" in group else None,
                name,
                (self.identifiers.get(ends[0]), self.identifiers.get(ends[1])),
                {key: data[:] for key, data in variables.items()},
                {key: str(data.attrs["units"]) for key, data in variables.items()},
            )

    def _traces(self, name: str) -> Traces:
        with reading(self.file, f"reports/{name}") as h5:
            reports = dict(h5[f"reports/{name}"].items())
            ((population, layout),) = next(iter(reports.values())).items()
            start, _, every = layout["mapping/time"][:]
            data = {variable: group[population]["data"] for variable, group in reports.items()}
            values = {variable: self._undamaged(each) for variable, each in data.items()}
            count = len(next(iter(values.values())))
            return Traces(
                name,
                population,
                (start + every * np.arange(count)) * 1e-3,
                layout["mapping/node_ids"][:].astype(np.int64),
                values,
                {variable: each.attrs["units"] for variable, each in data.items()},
            )


def _leaves(h5: Any, kind: str) -> list[str]:
    return list(h5[kind]) if kind in h5 else []


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _check_names(
    structure: Mapping[str, Any], recorded: Mapping[str, Iterable[str]], file: FilePath
) -> None:
    """Refuse names that no circuit can have, which a figure or a page could take for code."""
    named = [*structure["populations"], *structure.get("pathways", ()), *chain(*recorded.values())]
    for name in [*named, *(phase for phase, _ in structure["phases"])]:
        if not _NAME.fullmatch(str(name)):
            raise fail(
                f"{file}: has the name '{shortened(str(name))}', which no circuit can have",
                "do not trust this file: no version of Thalia writes such",
            )
