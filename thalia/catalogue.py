"""The library for readers: what there is, what each part means, and whom to cite."""

import re

from thalia.equations import equation_text
from thalia.errors import CircuitError, did_you_mean, fail
from thalia.expand import expand
from thalia.parts import KINDS, Neuron, Part, Rule, StimulusKind, Synapse, find, names, part_text
from thalia.source import read_yaml
from thalia.spec import Circuit, Fragment
from thalia.units import si_unit
from thalia.validate import parse

ALL_KINDS = (*KINDS, "regions")


def listing(what: str | None = None) -> str:
    """The whole library by kind, one kind of it, or one part with its parameters and equations.

    Raises
    ------
    CircuitError
        If nothing has this name.
    """
    if what is None:
        return "\n".join(_kind(kind) for kind in ALL_KINDS if names(kind))
    if what in ALL_KINDS:
        return _kind(what)
    for kind in ALL_KINDS:
        if what in names(kind):
            return _region(what) if kind == "regions" else _part(kind, what)
    known = [*ALL_KINDS, *(name for kind in ALL_KINDS for name in names(kind))]
    raise fail(f"the library has no '{what}'", did_you_mean(what, known))


def _kind(kind: str) -> str:
    lines = [f"{kind}:"]
    for name in names(kind):
        summary = _fragment(name).summary if kind == "regions" else find(kind, name)[0].summary
        lines.append(f"  {name:<18} {summary}")
    return "\n".join(lines) + "\n"


def _part(kind: str, name: str) -> str:
    part = find(kind, name)[0]
    lines = [f"{name}: {part.summary}", f"  source: {part.source}"]
    lines += [f"  {key}: {text}" for key in ("reproduces", "differs") if (text := getattr(part, key))]
    if part.parameters:
        lines.append("  parameters:")
        lines += [f"    {key} = {p.default}  {p.meaning}" for key, p in part.parameters.items()]
    lines += [f"  {line}" for line in _model(part)]
    return "\n".join(lines) + "\n"


def _model(part: Part) -> list[str]:
    match part:
        case Neuron():
            lines = ["equations:", *(f"  {equation_text(e)}" for e in part.equations), f"threshold: {part.threshold}"]
            return lines + [f"reset: {statement}" for statement in part.reset]
        case Synapse():
            lines = [f"weight in {si_unit(part.weight)}", "in the postsynaptic neuron:"]
            lines += [f"  {equation_text(e)}" for e in part.neuron]
            return [*lines, f"  current: {part.current}", *(f"on_pre: {s}" for s in part.on_pre)]
        case Rule():
            lines = ["equations:", *(f"  {equation_text(e)}" for e in part.equations)]
            return lines + [f"{event}: {s}" for event in ("on_pre", "on_post") for s in getattr(part, event)]
        case StimulusKind():
            return [f"{key}: {text}" for key in ("current", "rate") if (text := getattr(part, key))]
    return []


def _fragment(name: str) -> Fragment:
    from pathlib import Path

    text, file = part_text("regions", name, Path("."))
    data, source = read_yaml(text, file)
    return parse(Fragment, data, source)


def _region(name: str) -> str:
    fragment = _fragment(name)
    lines = [f"{name}: {fragment.summary}", f"  source: {fragment.source}", "  populations:"]
    lines += [f"    {key}: {p.neuron}, share {p.share or p.size}" for key, p in fragment.populations.items()]
    lines += ["  pathways:", *(f"    {key}: {', '.join(p.pre)} to {', '.join(p.post)}" for key, p in fragment.pathways.items())]
    return "\n".join(lines) + "\n"


def citations(circuit: Circuit) -> list[str]:
    """The papers behind a circuit and all its parts, one a line, as DOIs with what they stand behind."""
    written_out = expand(circuit)
    found: dict[str, list[str]] = {doi: [circuit.name] for doi in circuit.cite}
    for region, use in circuit.regions.items():
        for doi in _fragment(use.template).cite:
            found.setdefault(doi, []).append(f"region {region}")
    for kind, name in sorted(_used(written_out)):
        try:
            text = written_out.part(kind, name).source
        except CircuitError:
            continue
        for doi in re.findall(r"doi:(10\.\d{4,}/[^\s,;]+)", text):
            found.setdefault(doi.rstrip("."), []).append(name)
    return [f"https://doi.org/{doi}  ({', '.join(dict.fromkeys(uses))})" for doi, uses in found.items()]


def _used(circuit: Circuit) -> set[tuple[str, str]]:
    used = {("neurons", population.neuron) for population in circuit.populations.values()}
    used |= {("synapses", pathway.synapse.part) for pathway in circuit.pathways.values()}
    used |= {("plasticity", rule.rule) for pathway in circuit.pathways.values() for rule in pathway.plasticity}
    return used | {("stimuli", stimulus.kind) for stimulus in circuit.stimuli.values()}


def starter(name: str) -> str:
    """A small circuit of this name that learns something, with a comment for every section.

    Raises
    ------
    CircuitError
        If the name is not in snake_case.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise fail(f"'{name}' is not a name", "names are snake_case: my_circuit")
    return _STARTER.replace("NAME", name)


_STARTER = """\
thalia: 1  # version of the format
name: NAME
dt: 0.1 ms
seed: 1

populations:
  inputs: {neuron: poisson, size: 100, parameters: {rate: 10 Hz}}
  excitatory: {neuron: lif_conductance, size: 400, initial: {v: "uniform(-60 mV, -50 mV)"}}
  inhibitory: {neuron: lif_conductance, size: 100, initial: {v: "uniform(-60 mV, -50 mV)"}}

pathways:
  inputs_to_excitatory:
    pre: inputs
    post: excitatory
    connect: {probability: 0.2}
    synapse: ampa
    weight: lognormal(3 nS, 1 nS, max=9 nS)
    delay: 1.5 ms
    w_max: 9 nS
    plasticity: [stdp_pair]  # `thalia list stdp_pair` shows its equations and parameters

  excitation:  # several pathways in one: rows of a table are targets, columns sources
    pre: excitatory
    post: [excitatory, inhibitory]
    connect: {probability: [[0.02], [0.1]]}
    synapse: ampa
    weight: 0.5 nS
    delay: 1.5 ms

  inhibition:
    pre: inhibitory
    post: [excitatory, inhibitory]
    connect: {probability: 0.1}
    synapse: gaba_a
    weight: 2 nS
    delay: 0.8 ms

phases:
  - {name: settle, duration: 200 ms, plasticity: off}
  - {name: learn, duration: 1 s}

record:
  spikes: all
  weights: {pathways: plastic, every: 100 ms}
"""
