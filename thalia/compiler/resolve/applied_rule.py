"""A plasticity rule as a pathway uses it: with its parameters, its pairing and its modulator."""

from dataclasses import dataclass

from thalia.compiler.resolve.components import Parameters
from thalia.errors import Path
from thalia.library.rule_keys import Rewiring
from thalia.library.schema import Layer, Rule
from thalia.syntax.equations import Statement


@dataclass(frozen=True)
class AppliedRule:
    """A rule, or a synapse model that scales the efficacy of each spike, as a pathway uses it.

    `word` is what the names of its variables begin with, `path` where it is written.
    """

    name: str
    word: str
    part: Layer
    values: Parameters
    path: Path
    pairing: str = ""
    instructed_by: str = ""
    modulator: str = ""

    @property
    def scale(self) -> str:
        """What changes of the weight are multiplied by; empty if the rule applies its modulator."""
        gated = isinstance(self.part, Rule) and self.part.is_gated
        return f"({self.modulator})" if self.modulator and not gated else ""

    @property
    def learning_rate(self) -> str:
        """What it multiplies the changes of the other rules by; empty if it does not."""
        return self.part.learning_rate if isinstance(self.part, Rule) else ""

    @property
    def rewiring(self) -> Rewiring | None:
        """How it prunes and grows synapses, as written; None if it does not."""
        return self.part.rewiring if isinstance(self.part, Rule) else None

    def statements(self, event: str) -> tuple[Statement, ...]:
        """What happens at an event, under the pairing that the pathway chose."""
        return self.part.statements(event, self.pairing)


def change_of(statement: Statement) -> str:
    """What a statement adds to the weight, as an expression."""
    return {
        "+=": f"({statement.right})",
        "-=": f"(-({statement.right}))",
        "*=": f"w*(({statement.right}) - 1)",
        "/=": f"w*(1/({statement.right}) - 1)",
        "=": f"(({statement.right}) - w)",
    }[statement.operator]
