"""A run as Neurodata Without Borders (NWB 2): units, recorded variables, modulators, synapses."""

from datetime import datetime
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, uuid5

import numpy as np

from thalia.recording.run_file import Run

if TYPE_CHECKING:
    from pynwb import NWBFile
    from pynwb.base import ProcessingModule

ENDING, FILES, NEEDS = ".nwb", (), "pynwb"
CELLS_PER_TABLE = 1_000_000  # synapses of one pathway in a table; for more, use the run file


def write(run: Run, target: FilePath) -> None:
    """Write a run; times are in seconds from its start, and the session starts at its creation."""
    from pynwb import NWBHDF5IO, NWBFile
    from pynwb.file import Subject

    attributes, name = run.attributes, str(run.attributes["name"])
    file = NWBFile(
        session_description=f"Simulation of the circuit {name} for {run.duration:g} s "
        f"with Thalia {attributes['thalia']}.",
        identifier=str(
            uuid5(NAMESPACE_URL, f"{name}/{attributes['created']}/{attributes['seed']}")
        ),
        session_start_time=datetime.fromisoformat(str(attributes["created"])),
        experiment_description=f"Seed {attributes['seed']}, backend {attributes['backend']}, "
        f"time step {attributes['dt']:g} s.",
        keywords=["simulation", "spiking neural network", name],
        source_script=run.circuit_files[0][1],
        source_script_file_name=f"{name}.yaml",
        experimenter=["Simulation, Thalia"],
        institution="none: a simulation",
        # archives require sex and age
        subject=Subject(
            subject_id=name, description="No animal: a simulated circuit.", sex="U", age="P0D"
        ),
    )
    _units(run, file)
    if run.traces or run.modulators or run.weights:
        module = file.create_processing_module(
            "simulation", "States, modulators and synapses of the simulated circuit."
        )
        _series(run, module)
        _synapses(run, module)
    with NWBHDF5IO(str(target), "w") as out:
        out.write(file)


def _units(run: Run, file: "NWBFile") -> None:
    """One unit for each neuron whose spikes were recorded."""
    if not run.spikes:
        return
    from pynwb.misc import Units

    about = "Neurons whose spikes were recorded; a spike is at the beginning of a time step."
    file.units = Units(name="units", description=about, resolution=float(run.attributes["dt"]))
    file.add_unit_column("population", "Population of the circuit that the neuron belongs to.")
    file.add_unit_column("neuron", "Index of the neuron in its population.")
    for population in run.spikes:
        spikes = run.spikes[population]
        order = np.lexsort((spikes.times, spikes.neurons))
        bounds = np.searchsorted(spikes.neurons[order], np.arange(spikes.size + 1))
        for neuron in range(spikes.size):
            train = spikes.times[order[bounds[neuron] : bounds[neuron + 1]]]
            file.add_unit(
                spike_times=train,
                obs_intervals=[[0.0, run.duration]],
                population=population,
                neuron=neuron,
            )


def _series(run: Run, module: "ProcessingModule") -> None:
    from pynwb import TimeSeries

    for name, traces in run.traces.items():
        neurons = ", ".join(map(str, traces.neurons))
        for variable, values in traces.items():
            module.add(
                TimeSeries(
                    name=f"{name}_{variable}",
                    data=values,
                    unit=traces.units[variable],
                    description=f"{variable} of neurons {neurons} of {traces.population}",
                    **_clock(traces.time),
                )
            )
    for name, level in run.modulators.items():
        about = f"Level of the modulator {name}; its signal is zero at {level.baseline:g}."
        module.add(
            TimeSeries(
                name=f"modulator_{name}",
                data=level.value,
                unit="a.u.",
                description=about,
                **_clock(level.time),
            )
        )


def _clock(times: np.ndarray[Any, Any]) -> dict[str, float]:
    step = float(times[1] - times[0]) if len(times) > 1 else 1.0
    return {"starting_time": float(times[0]), "rate": 1.0 / step}


def _synapses(run: Run, module: "ProcessingModule") -> None:
    """Each recorded pathway as a table of its synapses, with the weights at the end."""
    from hdmf.common import DynamicTable, VectorData

    for name in run.weights:
        each = run.weights[name]
        if not 0 < len(each.pre) <= CELLS_PER_TABLE:
            continue
        when, rules = f"at {each.time[-1]:g} s", ", ".join(each.scaling_rules)
        described = [
            ("pre", f"Index of the presynaptic neuron in {each.ends[0]}.", each.pre),
            ("post", f"Index of the postsynaptic neuron in {each.ends[1]}.", each.post),
            ("delay", "Axonal delay in seconds.", each.delay),
            ("weight", f"Weight in {each.unit}, {when}.", np.asarray(each.w[-1])),
        ]
        if each.efficacy is not None:
            about = f"By what {rules} multiplies the weight of an arriving spike, {when}."
            described.append(("efficacy", about, np.asarray(each.efficacy[-1])))
        for variable, values in each.variables.items():
            about = f"Variable of the synapses, in {each.units[variable] or '1'}, {when}."
            described.append((variable, about, np.asarray(values[-1])))
        columns = [VectorData(name=key, description=about, data=v) for key, about, v in described]
        module.add(
            DynamicTable(
                name=f"synapses_{name}",
                description=f"Synapses of the pathway {name}.",
                columns=columns,
            )
        )
