"""Pass 3: Scaled → Plan. Names found, defaults filled in, dimensions checked, equations final."""

from dataclasses import replace

from thalia.compiler.downscale import Scaled
from thalia.compiler.named_data import data_notes
from thalia.compiler.options import CompilerOptions
from thalia.compiler.plan import Plan
from thalia.compiler.resolve.dales_law import check_signs
from thalia.compiler.resolve.inputs import collect_inputs
from thalia.compiler.resolve.names import (
    check_magnitudes,
    check_names,
    check_record,
    check_reference,
    check_variables,
)
from thalia.compiler.resolve.neuromodulators import (
    global_variables,
    in_phases,
    release_statements,
    releases_by_spikes,
    resolve_modulators,
    weight_changes,
)
from thalia.compiler.resolve.null_models import null_model_notes
from thalia.compiler.resolve.pathways import resolve_pathways
from thalia.compiler.resolve.phases import plan_phases
from thalia.compiler.resolve.plasticity import resolve_rules
from thalia.compiler.resolve.populations import build_groups, of_first_order
from thalia.compiler.resolve.rates import check_rates
from thalia.compiler.resolve.receptors import named_receptors, receptor_uses
from thalia.compiler.resolve.rounding import rounded_times
from thalia.compiler.resolve.rule_state import instructions, name_states
from thalia.compiler.resolve.spike_sources import most_spikes, playbacks_of
from thalia.compiler.resolve.stimuli import drives_of, resolve_stimuli, stimulus_receptors
from thalia.compiler.resolve.synapses import build_synapses, check_synapses
from thalia.errors import Diagnostics


def resolve(scaled: Scaled, options: CompilerOptions, diagnostics: Diagnostics) -> Plan:
    """The plan of a circuit, with one group per population and one synapse object per pathway.

    Raises
    ------
    CircuitError
        With every unknown name, wrong dimension, impossible delay and the like.
    """
    circuit = scaled.circuit
    check_names(circuit, diagnostics)
    check_magnitudes(circuit, diagnostics)

    # what is written, each with its component and its parameters
    modulators = resolve_modulators(circuit, diagnostics)
    stimuli = resolve_stimuli(circuit, diagnostics)
    uses = [
        *receptor_uses(circuit, diagnostics),
        *stimulus_receptors(circuit, stimuli, diagnostics),
    ]
    receptors = named_receptors(uses)
    rules = resolve_rules(circuit, modulators, diagnostics)
    pathways = resolve_pathways(circuit, receptors, rules, diagnostics)

    # what neurons receive, and so their equations
    states = name_states(pathways, receptors)
    received = collect_inputs(circuit, pathways, stimuli, receptors, states)
    groups = build_groups(circuit, received, modulators, diagnostics)
    drives = drives_of(stimuli, receptors, diagnostics)
    shared = global_variables(modulators, diagnostics)

    # what synapses do
    changes = weight_changes(circuit)
    synapses = build_synapses(circuit, pathways, states, modulators, changes, diagnostics)
    check_synapses(circuit, pathways, synapses, groups, shared, diagnostics)
    check_variables(groups, synapses, shared, diagnostics)
    check_signs(circuit, synapses.values(), diagnostics)
    instructed = instructions(circuit, pathways, states, diagnostics)

    # when, from outside, and what is kept
    phases = plan_phases(circuit, options.length, diagnostics)
    phases = in_phases(circuit, modulators, phases, diagnostics)
    playbacks = playbacks_of(circuit, diagnostics)
    steps = sum(phase.steps for phase in phases)
    notes = check_rates(stimuli, groups.values(), circuit.dt.mean, steps, diagnostics)
    check_record(circuit, groups, synapses, diagnostics)
    check_reference(circuit, diagnostics)
    if diagnostics.problems:
        raise circuit.source.placed(diagnostics.problems)

    with_instructions = (
        replace(each, on_pre=(*each.on_pre, *instructed.get(name, ())))
        for name, each in synapses.items()
    )
    plan = Plan(
        name=circuit.name,
        dt=circuit.dt.mean,
        seed=circuit.seed,
        phases=phases,
        groups=tuple(
            replace(group, most_spikes=most_spikes(playbacks, name, group.size))
            for name, group in groups.items()
        ),
        synapses=(*with_instructions, *releases_by_spikes(circuit, modulators)),
        modulators=tuple(circuit.modulators),
        shared=shared,
        releases=release_statements(modulators),
        weight_changes=changes,
        task_releases=tuple(
            name for name, modulator in circuit.modulators.items() if modulator.from_task
        ),
        drives=drives,
        playbacks=playbacks,
        record=circuit.record,
        unmodified=circuit.backend.unmodified,
        reference=circuit.reference,
        notes=(*scaled.report.notes, *data_notes(circuit), *notes),
    )
    roundings = rounded_times(circuit, options.length, stimuli, plan)
    first = of_first_order(plan.groups)
    return plan.with_(notes=(*plan.notes, *first, *roundings, *null_model_notes(plan)))
