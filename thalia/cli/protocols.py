"""The commands that put a rule through spike trains: `thalia window` and `thalia protocol`."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from thalia.cli.options import Lower, Seed
from thalia.cli.output import say
from thalia.errors import fail

RuleName = Annotated[
    str,
    typer.Argument(metavar="RULE", help="A rule of the library, or a file such as ./my_rule.yaml."),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="A parameter of the rule, its preset or its pairing; may be repeated.",
    ),
]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", help="The figure; its ending decides the format.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of drawing.")]
BackendName = Annotated[
    str | None,
    typer.Option("--backend", help="cpp or runtime; by default the fastest that works here."),
]
Weight = Annotated[float, typer.Option(help="Initial weight, as a fraction of w_max.")]
WeightOrNone = Annotated[
    float | None,
    typer.Option("--weight", help="Initial weight; by default the protocol's own."),
]
Delay = Annotated[
    float,
    typer.Option("--dendritic", help="Delay from a postsynaptic spike to the synapse, in ms."),
]


def window(
    rule: RuleName,
    set_: Set = None,
    output: Output = None,
    as_json: Json = False,
    pairs: Annotated[int, typer.Option(help="Number of pairs at each interval.")] = 1,
    frequency: Annotated[float, typer.Option(help="Frequency of the pairs in Hz.")] = 1.0,
    weight: Weight = 0.5,
    dendritic: Delay = 0.0,
    backend: BackendName = None,
    seed: Seed = None,
    lower: Lower = "on",
) -> None:
    """Draw the weight change of a rule against spike timing.

    The interval is from a presynaptic to a postsynaptic spike.

    Example: thalia window stdp_pair --set tau_minus='40 ms'
    """
    from thalia.simulation import pairing_protocols

    settings = parsed_settings(set_)
    intervals, change = pairing_protocols.window(
        rule,
        pairs=pairs,
        frequency=frequency,
        weight=weight,
        settings=settings,
        dendritic=dendritic,
        backend=backend,
        seed=seed,
        lower=lower,
    )
    if as_json:
        say(
            json.dumps(
                {
                    "rule": rule,
                    "settings": settings,
                    "pairs": pairs,
                    "frequency_hz": frequency,
                    "interval_ms": intervals.tolist(),
                    "change": change.tolist(),
                }
            )
        )
        return
    from thalia.figures.protocols import window_figure
    from thalia.figures.style import save

    say(
        save(
            window_figure(rule, intervals, change, pairs),
            output or Path(f"{_stem(rule)}_window.png"),
        )
    )


def protocol(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="frequency, bursts, triplets, quadruplets, rates, trains, or a file.",
        ),
    ],
    rule: RuleName,
    set_: Set = None,
    output: Output = None,
    as_json: Json = False,
    pre: Annotated[
        str | None, typer.Option(help="Presynaptic spikes for `trains`, times in ms: 10,50,60.")
    ] = None,
    post: Annotated[
        str | None, typer.Option(help="Postsynaptic spikes for `trains`, times in ms.")
    ] = None,
    weight: WeightOrNone = None,
    dendritic: Delay = 0.0,
    backend: BackendName = None,
    seed: Seed = None,
    lower: Lower = "on",
) -> None:
    """Put a rule through a protocol, next to measurements.

    Example: thalia protocol frequency stdp_triplet
    """
    from thalia.simulation import pairing_protocols

    settings = parsed_settings(set_)
    if name == "trains":
        start = 0.5 if weight is None else weight
        _trains(
            rule,
            pre,
            post,
            settings,
            output,
            as_json,
            weight=start,
            dendritic=dendritic,
            backend=backend,
            seed=seed,
            lower=lower,
        )
        return
    for option, train in (("--pre", pre), ("--post", post)):
        if train is not None:
            raise fail(f"{option} is for `thalia protocol trains`", f"{name} has its own spikes")
    if dendritic and name == "rates":
        raise fail("--dendritic has no meaning between independent trains", "leave it out")
    delay: dict[str, Any] = {"dendritic": dendritic} if dendritic else {}
    result = pairing_protocols.protocol(
        name,
        rule,
        settings=settings,
        weight=weight,
        backend=backend,
        seed=seed,
        lower=lower,
        **delay,
    )
    if as_json:
        curves = [asdict(curve) for curve in result.curves]
        say(
            json.dumps(
                {
                    "protocol": name,
                    "rule": rule,
                    "settings": settings,
                    "x_label": result.x_label,
                    "source": result.source,
                    "curves": curves,
                }
            )
        )
        return
    from thalia.figures.protocols import protocol_figure
    from thalia.figures.style import save

    say(save(protocol_figure(result), output or Path(f"{_stem(rule)}_{_stem(name)}.png")))


def _trains(
    rule: str,
    pre: str | None,
    post: str | None,
    settings: dict[str, str],
    output: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Explicit spike trains on one synapse."""
    from thalia.simulation import pairing_protocols

    if pre is None or post is None:
        raise fail(
            "trains needs --pre and --post", "times in ms, as in --pre 10,50,60 --post 20,30"
        )
    trains = (
        [pairing_protocols.parsed_train(pre, "--pre")],
        [pairing_protocols.parsed_train(post, "--post")],
    )
    result = pairing_protocols.outcome(rule, *trains, settings=settings, every=1.0, **options)
    if as_json:
        history = {
            "time_ms": result.times.round(9).tolist(),
            "weight": result.history[:, 0].tolist(),
        }
        say(
            json.dumps(
                {
                    "rule": rule,
                    "settings": settings,
                    "weight": float(result.weight[0]),
                    "history": history,
                }
            )
        )
        return
    from thalia.figures.protocols import trains_figure
    from thalia.figures.style import save

    figure = trains_figure(rule, trains[0][0], trains[1][0], result.times, result.history[:, 0])
    say(save(figure, output or Path(f"{_stem(rule)}_trains.png")))


def parsed_settings(settings: Sequence[str] | None) -> dict[str, str]:
    """NAME=VALUE pairs as a mapping.

    Raises
    ------
    CircuitError
        If one is not such a pair.
    """
    pairs = {}
    for setting in settings or []:
        name, equals, value = setting.partition("=")
        if not equals or not name.strip() or not value.strip():
            raise fail(
                f"--set {setting}: expected NAME=VALUE",
                "as in --set tau_plus='16.8 ms', or --set preset=hippocampus",
            )
        pairs[name.strip()] = value.strip()
    return pairs


def _stem(name: str) -> str:
    return Path(name).stem if name.endswith(".yaml") else name
