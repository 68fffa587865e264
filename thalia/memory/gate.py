"""The gate of a memory: whether what is offered is stored, waits, or is skipped."""

from thalia.memory.answers import Decision

# thresholds of the share of worth neurons that fire; as in T4DM, chosen there
STORE, WAIT = 0.6, 0.3
PROMOTE, DISCARD = 0.65, 0.25  # of what waits, when it sleeps
COLD = 20  # outcomes, before which everything is stored: nothing is known of what is worth it
ROOM = 50  # for what waits; the oldest gives way


def decided(worth: float, outcomes: int) -> Decision:
    """What becomes of an offer whose outcome is expected to be `worth`, from 0 to 1."""
    if outcomes < COLD or worth >= STORE:
        return "stored"
    return "waiting" if worth >= WAIT else "skipped"
