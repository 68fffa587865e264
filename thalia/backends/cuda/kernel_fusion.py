"""Which parts of a step share a kernel, by what they read and write.

Objects that run over the same neurons share a kernel unless a data dependency intervenes; the same
dependencies decide which kernel waits for which.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Piece:
    """What one object does in a step: its range, and the arrays that it reads and writes."""

    name: str
    over: str
    of: str
    reads: frozenset[str]
    writes: frozenset[str]
    at_flush: bool = False
    is_threshold: bool = False

    def conflicts(self, other: "Piece") -> bool:
        """Whether the order of the two matters."""
        return bool(self.writes & (other.reads | other.writes) or self.reads & other.writes)


@dataclass
class Kernel:
    """Pieces that run one after the other in one kernel."""

    pieces: list[Piece]

    @property
    def name(self) -> str:
        """A unique name: that of its first piece, and whether it is one of a flush."""
        more = f"_and_{len(self.pieces) - 1}_more" if len(self.pieces) > 1 else ""
        return (
            self.first.name
            + more
            + ("_at_flush" if any(piece.at_flush for piece in self.pieces[1:]) else "")
        )

    @property
    def first(self) -> Piece:
        """The piece that defines what the kernel runs over."""
        return self.pieces[0]

    def takes(self, piece: Piece) -> bool:
        """Whether a piece runs over the same range, so that it can follow in the same kernel."""
        if self.first.over not in ("neurons", "synapses") or self.first.of != piece.of:
            return False
        return piece.over == self.first.over or (
            piece.over == "spikes" and any(each.is_threshold for each in self.pieces)
        )


def joined(pieces: Iterable[Piece]) -> list[Kernel]:
    """The kernels of a step: a piece joins the last one that takes it, unless one conflicts."""
    kernels: list[Kernel] = []
    for piece in pieces:
        for kernel in reversed(kernels):
            if kernel.takes(piece):
                kernel.pieces.append(piece)
                break
            if any(piece.conflicts(each) for each in kernel.pieces):
                kernels.append(Kernel([piece]))
                break
        else:
            kernels.append(Kernel([piece]))
    return kernels
