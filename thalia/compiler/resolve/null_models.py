"""Null models of pathways: refused where they would change nothing."""

from math import isclose

from thalia.circuit.connectivity import Connect
from thalia.circuit.spec import Pathway
from thalia.compiler.plan import Plan
from thalia.errors import Diagnostics, Path

KNOWN = ("formula", "given")  # weights that depend on who is connected


def check_null_model(pathway: Pathway, path: Path, diagnostics: Diagnostics) -> None:
    """Note a null model of which the pathway as written is the only example."""
    weight, here = pathway.weight[0][0], (*path, "rewire")
    match pathway.rewire:
        case "degree_preserving" | "erdos_renyi" if _is_complete(pathway.connect):
            message = f"every pair is connected, so that '{pathway.rewire}' changes nothing"
            diagnostics.error(here, message, "remove it, or shuffle weights that differ")
        case "weights_shuffled" if not weight.is_random:
            message = f"all weights are {weight}, so that shuffling them changes nothing"
            diagnostics.error(here, message, "remove it, or rewire with `degree_preserving`")
        case "signs_shuffled" if any(isclose(weight.share(high=0), each) for each in (0, 1)):
            message = f"all weights have the same sign ({weight}), and there is none to shuffle"
            diagnostics.error(here, message, "remove it, or rewire with `degree_preserving`")


def _is_complete(connect: Connect) -> bool:
    """Whether a rule connects every pair, whatever is drawn."""
    chances = [connect.within, connect.between] if connect.blocks != 1 else [connect.within]
    in_blocks = connect.rule == "blocks" and all(p is not None and p.mean == 1 for p in chances)
    return in_blocks or connect.rule == "all_to_all"


def null_model_notes(plan: Plan) -> tuple[str, ...]:
    """Which null models have the same distribution as what they replace."""
    return tuple(
        f"{member.name}: its weights are drawn independently of who is connected, so that "
        f"{member.null_model} is another draw of the same network"
        for _, member in plan.pathways()
        if member.null_model == "weights_shuffled" and member.weight.kind not in KNOWN
    )
