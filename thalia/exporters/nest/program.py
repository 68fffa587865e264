"""The program of a network for PyNEST, as text that can be read and changed, and its data."""

from math import ceil
from pathlib import Path as FilePath
from pprint import pformat
from typing import Any

import h5py
import numpy as np

from thalia.exporters.nest.models import Cell
from thalia.exporters.nest.nestml_build import MODULE
from thalia.exporters.nest.network import Generator, Network, Projection
from thalia.syntax.units import Value

PROGRAM, DATA = "run.py", "network.h5"
MS = 1e-3
MOST = 2**27 - 2  # synapses of a model that a virtual process of NEST 3.10 holds, as it says itself
UNEVEN = 1.02  # neurons, and so synapses, are dealt out to virtual processes one by one

HEAD = '''"""{name}: a network of Thalia for NEST 3, which needs PyNEST, NumPy and h5py.

    python run.py --threads 4
    mpirun -n 4 python run.py       # with a NEST that was built with MPI

The same number of virtual processes (threads times ranks) gives the same spikes. They are
written into `output/`, from where `thalia.Run` reads them, and `thalia plot` and `thalia health`.
{remarks}"""

import argparse
import time
from pathlib import Path

import h5py
import nest
import numpy as np

HERE = Path(__file__).parent
DT = {dt!r}  # ms
PHASES = {phases!r}  # ms
ROWS = 10_000_000  # of synapses that are read at a time
LEARNING = {learning!r}  # phases in which pathways learn
COLUMNS = ["source", "target", "weight"]
LEAST = {least}  # virtual processes, of which each holds {most:,} synapses of a model at most
COMMON = ("stdp_pl_synapse_hom", "stdp_dopamine_synapse")  # all synapses share their parameters

arguments = argparse.ArgumentParser()
arguments.add_argument("--threads", type=int, default=1)
arguments.add_argument("--seed", type=int, default={seed})
arguments = arguments.parse_args()

began = time.perf_counter()
nest.ResetKernel()
nest.set(resolution=DT, local_num_threads=arguments.threads, rng_seed=arguments.seed)
if nest.total_num_virtual_procs < LEAST:
    raise SystemExit(
        f"its synapses need {{LEAST}} virtual processes (threads times processes), "
        f"found {{nest.total_num_virtual_procs}}: --threads {{LEAST}}"
    )
{models}data = h5py.File(HERE / "network.h5", "r")
cells, recorders, transmitters, plastic, behind, patients = {{}}, {{}}, {{}}, {{}}, {{}}, []


def create(name, model, size, parameters, arrays=(), early=False):
    """A population; `arrays` are parameters that differ from neuron to neuron.

    Spikes of one that is early are recorded a step later, and their delays have one more step.
    """
    cells[name] = nest.Create(model, size, params=parameters)
    here = nest.GetLocalNodeCollection(cells[name]) if arrays else ()  # those of this process
    if here:
        rows = np.array(here.tolist()) - cells[name][0].global_id
        here.set({{each: data[f"cells/{{name}}/{{each}}"][:][rows] for each in arrays}})
    behind[name] = 0.0 if early else DT  # Thalia names the beginning of a step


def transmit(pathway, populations, delay, patient=False):
    """A modulator: what makes spikes of populations known to the synapses of a pathway.

    A patient one does when spikes reach them, and at the end of each phase; others at once.
    """
    transmitters[pathway] = nest.Create("volume_transmitter")
    if patient:
        patients.append(transmitters[pathway])
    for name in populations:
        given = {{"delay": delay * DT}}
        nest.Connect(cells[name], transmitters[pathway], "all_to_all", given)


def synapse(name, learning):
    """The model of the synapses of a pathway: static, or plastic with parameters of their own."""
    if learning is None:
        return "static_synapse"
    model, parameters, rates = learning
    if name in transmitters:
        parameters = {{**parameters, "volume_transmitter": transmitters[name]}}
    nest.CopyModel(model, name, parameters)
    plastic[name] = model, {{rate: parameters[rate] for rate in rates}}
    return name


def connect(name, pre, post, receptor=0, learning=None):
    """The synapses of a pathway; each process takes those onto its own neurons."""
    model = synapse(name, learning)
    rows = data[f"projections/{{name}}"]
    first, start = cells[pre][0].global_id, cells[post][0].global_id
    for begin in range(0, len(rows["source"]), ROWS):
        part = {{key: column[begin : begin + ROWS] for key, column in rows.items()}}
        targets = part["target"].astype(np.int64) + start
        mine = targets % nest.total_num_virtual_procs % nest.num_processes == nest.Rank()
        if mine.any():
            nest.Connect(
                part["source"][mine].astype(np.int64) + first,
                targets[mine],
                "one_to_one",
                {{
                    "synapse_model": model,
                    "weight": part["weight"][mine],
                    "delay": part["delay"][mine] * DT,
                    "receptor_type": np.full(mine.sum(), receptor),
                }},
            )


def normal(mean, sd, low=-np.inf, high=np.inf):
    """Normally distributed; what is not between the bounds is drawn again, as in what follows."""
    return nest.math.redraw(nest.random.normal(mean, sd), low, high)


def lognormal(mean, sd, low=0.0, high=np.inf):
    """Lognormally distributed, with the mean and standard deviation of the value itself."""
    variance = np.log1p((sd / mean) ** 2)
    drawn = nest.random.lognormal(np.log(mean) - variance / 2, np.sqrt(variance))
    return nest.math.redraw(drawn, low, high)


def uniform(first, last, low=-np.inf, high=np.inf):
    """Uniformly distributed."""
    return nest.random.uniform(max(first, low), min(last, high))


def draw(name, pre, post, rule, weight, delay, receptor=0, learning=None, later=0):
    """The synapses of a pathway, drawn by NEST; delays in ms, and so many steps more."""
    given = {{"weight": weight, "delay": delay + later * DT, "receptor_type": receptor}}
    given["synapse_model"] = synapse(name, learning)
    nest.Connect(cells[pre], cells[post], rule, given)


def poisson(name, rate, weight, receptor=0):
    """Poisson spikes, independent for each neuron; a rate in Hz, or [[ms, rate from then], ...]."""
    if np.ndim(rate):
        times, values = np.transpose(rate)
        changes = {{"rate_times": np.maximum(np.rint(times / DT), 1) * DT, "rate_values": values}}
        generator = nest.Create("inhomogeneous_poisson_generator", params=changes)
    else:
        generator = nest.Create("poisson_generator", params={{"rate": rate}})
    synapse = {{"weight": weight, "delay": DT, "receptor_type": receptor}}
    nest.Connect(generator, cells[name], "all_to_all", synapse)


def simulate(duration):
    """A phase, in whose last moment, the shortest delay, patient transmitters are heard."""
    last = min(nest.min_delay, duration) if patients else 0.0
    never = round(sum(PHASES.values()) / DT) + 1
    for length, interval in ((duration - last, never), (last, 1)):
        for each in patients:
            each.deliver_interval = interval
        if length > DT / 2:
            nest.Simulate(length)


def play(name):
    """The spikes of a source, each of which leaves at the end of its step."""
    neurons, steps = data[f"played/{{name}}/neuron"][:], data[f"played/{{name}}/step"][:]
    generators = nest.Create("spike_generator", len(cells[name]))
    for neuron in np.unique(neurons):
        generators[int(neuron)].set(spike_times=np.sort(steps[neurons == neuron]) * DT)
    nest.Connect(generators, cells[name], "one_to_one", {{"delay": DT}})


'''
TAIL = """
for name in cells:  # created after all cells: between them it takes threads long to find a cell
    recorders[name] = nest.Create("spike_recorder")
    nest.Connect(cells[name], recorders[name])
built = time.perf_counter()
for phase, duration in PHASES.items():
    for name, (model, rates) in plastic.items():
        if rates:
            learns = phase in LEARNING[name]
            now = {rate: value if learns else 0.0 for rate, value in rates.items()}
            if model in COMMON:
                nest.SetDefaults(name, now)
            else:
                nest.GetConnections(synapse_model=name).set(now)
    simulate(duration)
ended = time.perf_counter()

(HERE / "output").mkdir(exist_ok=True)
with h5py.File(HERE / "output" / f"spikes_{nest.Rank()}.h5", "w") as file:
    file.attrs.update({"processes": nest.num_processes, "synapses": synapses})
    for name, recorder in recorders.items():
        events = recorder.get("events")
        group = file.create_group(f"spikes/{name}")  # in SONATA's layout
        times = events["times"] - behind[name]
        kept = times < sum(PHASES.values()) - DT / 2  # a step later it may be over
        group["timestamps"] = times[kept]
        group["timestamps"].attrs["units"] = "ms"
        neurons = events["senders"][kept] - cells[name][0].global_id
        group["node_ids"] = neurons.astype("u8")
    for name in plastic:  # of those onto the neurons of this process
        for key, values in nest.GetConnections(synapse_model=name).get(COLUMNS).items():
            file[f"weights/{name}/{key}"] = np.atleast_1d(values)
if nest.Rank() == 0:
    print(f"{sum(map(len, cells.values()))} neurons, {nest.num_connections} connections")
    print(f"built in {built - began:.3f} s, simulated in {ended - built:.3f} s")
    print("read the spikes with thalia.Run, or `thalia plot raster`, of this folder")
"""


INSTALLED = f'''\
if not (HERE / "{MODULE}.so").exists():
    raise SystemExit("its models are not compiled yet: python build.py")
nest.Install(str(HERE / "{MODULE}.so"))
'''


def program(network: Network, circuit: str) -> str:
    """The text of the program."""
    remarks = "".join(f"\nNote: {each}." for each in network.remarks)
    lines = [
        HEAD.format(
            name=circuit,
            remarks=f"{remarks}\n" if remarks else "",
            dt=_plain(network.dt / MS),
            phases={name: _plain(steps * network.dt / MS) for name, steps in network.phases},
            learning={
                each.pathway: [
                    name
                    for (name, _), on in zip(network.phases, each.plastic.learns, strict=True)
                    if on
                ]
                for each in network.projections
                if each.plastic and each.plastic.rates
            },
            least=_virtual_processes(network),
            most=MOST,
            seed=network.seed % (2**32 - 1) + 1,
            models=INSTALLED if network.models else "",
        ),
        "# populations",
        *map(_created, network.cells),
        *(
            f"transmit({each.pathway!r}, {list(each.populations)!r}, {each.delay}"
            f"{', patient=True' if each.patient else ''})"
            for each in network.transmitters
        ),
        "",
        "# pathways",
        *map(_connected, network.projections),
        "synapses = nest.num_connections",
        "",
        "# stimuli",
        *map(_driven, network.generators),
        *(f"play({each.population!r})" for each in network.cells if each.plays),
    ]
    return "\n".join(lines) + "\n" + TAIL


def _virtual_processes(network: Network) -> int:
    """How many it takes to hold the synapses of one model, of which each has about as many."""
    sizes = {each.population: each.size for each in network.cells}
    numbers: dict[str, float] = {}
    for each in network.projections:
        model = each.pathway if each.plastic else "static_synapse"
        numbers[model] = numbers.get(model, 0) + _number_of_synapses(each, sizes)
    return max(1, ceil(UNEVEN * max(numbers.values(), default=0) / MOST))


def _number_of_synapses(each: Projection, sizes: dict[str, int]) -> float:
    """How many a pathway has, or will have on average where NEST draws them."""
    if each.synapses:
        return each.synapses.number()
    pre, post, rule = sizes[each.pre], sizes[each.post], each.rule or {}
    numbers = {
        "fixed_total_number": rule.get("N", 0),
        "pairwise_bernoulli": rule.get("p", 0) * pre * post,
        "fixed_indegree": rule.get("indegree", 0) * post,
        "fixed_outdegree": rule.get("outdegree", 0) * pre,
        "all_to_all": pre * post,
        "one_to_one": post,
    }
    return float(numbers[rule["rule"]])


def write_data(network: Network, file: FilePath) -> None:
    """What the program reads: synapses, parameters that differ, and spikes of sources."""
    with h5py.File(file, "w") as h5:
        for cell in network.cells:
            for name, values in cell.parameters.items():
                if isinstance(values, np.ndarray):
                    h5[f"cells/{cell.population}/{name}"] = values
        for each in network.projections:
            if each.synapses:
                group = h5.create_group(f"projections/{each.pathway}")
                for name, column in each.synapses.columns().items():
                    group[name] = column
        for name, (neurons, steps) in network.played.items():
            h5[f"played/{name}/neuron"], h5[f"played/{name}/step"] = neurons, steps


def _created(cell: Cell) -> str:
    single = {k: v for k, v in cell.parameters.items() if not isinstance(v, np.ndarray)}
    arrays = [name for name, value in cell.parameters.items() if isinstance(value, np.ndarray)]
    parameters = pformat(
        {name: _number(value) for name, value in single.items()}, width=88, sort_dicts=False
    )
    more = f", {arrays!r}" if arrays else ""
    more += ", early=True" if cell.early else ""
    return f"create({cell.population!r}, {cell.model!r}, {cell.size}, {parameters}{more})"


def _connected(each: Projection) -> str:
    more = f", receptor={each.port.receptor}" if each.port.receptor else ""
    if each.plastic:
        parameters = {name: _plain(value) for name, value in each.plastic.parameters.items()}
        rates = list(each.plastic.rates)
        more += f", learning={(each.plastic.model, parameters, rates)!r}"
    ends = f"{each.pathway!r}, {each.pre!r}, {each.post!r}"
    if not (each.weight and each.delay):
        return f"connect({ends}{more})"
    sign = "-" if each.port.sign < 0 else ""
    more += f", later={each.later}" if each.later else ""
    numbers = f"weight={sign}{_distribution(each.weight)}, delay={_distribution(each.delay)}"
    return f"draw({ends}, {each.rule!r}, {numbers}{more})"


def _distribution(value: Value) -> str:
    """A number, or a call of the function of the program that draws from the distribution."""
    first, *second = value.arguments
    if not second or second[0] == (first if value.kind == "uniform" else 0):
        return str(_plain(first))
    bounds = (("low", value.low), ("high", value.high))
    limits = (f"{name}={_plain(bound)}" for name, bound in bounds if bound is not None)
    return f"{value.kind}({', '.join([*(str(_plain(a)) for a in value.arguments), *limits])})"


def _driven(each: Generator) -> str:
    receptor = f", receptor={each.port.receptor}" if each.port.receptor else ""
    rate: Any = _plain(each.rates[0][1])
    if len(each.rates) > 1:
        rate = [[_plain(time / MS), _plain(value)] for time, value in each.rates]
    numbers = f"rate={rate}, weight={_plain(each.weight)}"
    return f"poisson({each.population!r}, {numbers}{receptor})  # {each.stimulus}"


def _number(value: Any) -> Any:
    return [_plain(each) for each in value] if isinstance(value, list) else _plain(value)


def _plain(value: Any) -> float:
    """A number in a unit of NEST without the last digit that the conversion from SI leaves."""
    return float(f"{float(value):.15g}")
