"""When items are to be reviewed: the scheduler FSRS, beside what the circuit has forgotten.

FSRS-6 models the chance to remember an item as a power of the time since its last review, and how
that changes with grades (Ye, Su & Cao 2022, doi:10.1145/3534678.3539081, and its successors). It
knows no circuit; it is a reference for it.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from thalia.errors import fail
from thalia.memory.answers import Due
from thalia.memory.items import Item


def reviewed(card: str, grade: int, now: datetime) -> str:
    """The card of an item, as text, after a review; an empty one is new.

    Raises
    ------
    CircuitError
        If the package `fsrs` is not there.
    """
    fsrs = _package()
    before = fsrs.Card.from_json(card) if card else fsrs.Card(card_id=1)
    after, _ = fsrs.Scheduler(enable_fuzzing=False).review_card(before, fsrs.Rating(grade), now)
    return str(after.to_json())


def due(items: Sequence[Item], confidences: Sequence[float], now: datetime) -> list[Due]:
    """All items, those that are due first come first, and then those that were never reviewed.

    Raises
    ------
    CircuitError
        If the package `fsrs` is not there.
    """
    fsrs = _package()
    scheduler = fsrs.Scheduler(enable_fuzzing=False)
    found = []
    for item, confidence in zip(items, confidences, strict=True):
        time, chance = None, None
        if item.told.card:
            card = fsrs.Card.from_json(item.told.card)
            time = card.due.astimezone(UTC).isoformat(timespec="seconds")
            chance = float(scheduler.get_card_retrievability(card, now))
        found.append(Due(item.number, time, chance, confidence, item.told.text))
    return sorted(found, key=lambda each: (each.due is None, each.due or "", each.item))


def time_of(now: datetime | None) -> datetime:
    """The time of a review, by default the present.

    Raises
    ------
    CircuitError
        If it has no time zone.
    """
    if now is not None and now.tzinfo is None:
        raise fail(f"now: expected a time with its zone, found {now}", "datetime.now(UTC)")
    return now or datetime.now(UTC)


def _package() -> Any:
    try:
        import fsrs
    except ImportError:
        raise fail(
            "reviews need the package fsrs, which is not installed",
            "pip install 'thalia[review]'",
        ) from None
    return fsrs
