"""Connectivity that cannot be: more partners than there are, or pairs that do not fit."""

from collections.abc import Mapping

from thalia.circuit.spec import Circuit, Pathway
from thalia.compiler.synaptic_input import sizes_of, total_number
from thalia.errors import Diagnostics, counted


def check_numbers(circuit: Circuit, scaled: Circuit, diagnostics: Diagnostics) -> None:
    """Note what no network can have, in the circuit or in the same circuit at its scale."""
    sizes, sizes_then = sizes_of(circuit), sizes_of(scaled)
    for name, pathway in circuit.pathways.items():
        if not {pathway.pre[0], pathway.post[0]} <= circuit.populations.keys():
            continue
        found = _impossible(pathway, sizes)
        if found is None and (then := _impossible(scaled.pathways[name], sizes_then)):
            found = f"at this scale, {then[0]}", "use a larger scale"
        if found:
            diagnostics.error(("pathways", name, "connect"), *found)


def _impossible(pathway: Pathway, sizes: Mapping[str, int]) -> tuple[str, str] | None:
    """What is wanted and what is possible, and a remedy; None if it is possible."""
    connect, (pre,), (post,) = pathway.connect, pathway.pre, pathway.post
    if connect.rule == "one_to_one":
        if sizes[pre] == sizes[post]:
            return None
        ends = f"{sizes[pre]:,} neurons in {pre} and {sizes[post]:,} in {post}"
        hint = "for one partner each, use `fixed_indegree` or `fixed_outdegree` with `number: 1`"
        return f"'one_to_one' needs two populations of the same size, found {ends}", hint
    if connect.rule == "blocks":
        return _uneven_blocks(connect.blocks or 1, {pre: sizes[pre], post: sizes[post]})
    own = pre == post and not connect.autapses
    kind = "" if connect.multapses else "different "
    others = "others" if own else "neurons"
    number = connect.number[0][0].mean if connect.number else 0
    match connect.rule:
        case "fixed_indegree":
            wanted, possible = round(number), sizes[pre] - own
            message = f"each neuron of {post} is to have {counted(wanted, f'{kind}source')}"
            message += f", and {pre} has {possible:,} {others}"
        case "fixed_outdegree":
            wanted, possible = round(number), sizes[post] - own
            message = f"each neuron of {pre} is to have {counted(wanted, f'{kind}target')}"
            message += f", and {post} has {possible:,} {others}"
        case "fixed_total_number":
            wanted, possible = (
                round(total_number(connect, sizes[pre], sizes[post])),
                sizes[pre] * (sizes[post] - own),
            )
            message = f"expected at most {counted(possible, f'{kind}pair')}, found {wanted:,}"
        case _:
            return None
    if wanted <= possible or (connect.multapses and possible):
        return None
    hint = f"use at most {possible:,}, or allow multapses" if possible else "allow autapses"
    return message, hint


def _uneven_blocks(blocks: int, sizes: Mapping[str, int]) -> tuple[str, str] | None:
    """What is wanted and found where a population cannot be divided; None if all can."""
    found = [f"{size:,} neurons in {name}" for name, size in sizes.items() if size % blocks]
    if not found:
        return None
    message = f"'blocks' needs populations that divide into {blocks:,} equal blocks, found "
    return message + " and ".join(found), "choose another size, or another number of blocks"
