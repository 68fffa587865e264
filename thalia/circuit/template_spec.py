"""What the template of a region consists of, as the files in `thalia/library/regions` say it."""

from pydantic import model_validator

from thalia.circuit.part_use import ModulatorField, RuleFields
from thalia.circuit.reference_spec import Reference
from thalia.circuit.spec import Pathway, Population
from thalia.errors import did_you_mean
from thalia.syntax.fields import Name, Node, Words, refuse


class Fragment(Node):
    """A region template: populations as shares of its size, pathways, modulators, published rates.

    A modulator of the template is called `region_name` in the expressions of a circuit. `afferents`
    are the rules by which synapses from elsewhere on one of its populations learn, and `efferents`
    those of synapses of one of its populations, elsewhere or within, where a pathway says
    `plasticity: template`.
    """

    summary: str
    source: str = ""
    cite: Words = ()
    reference: Reference | None = None
    populations: dict[Name, Population]
    pathways: dict[Name, Pathway] = {}
    modulators: dict[Name, ModulatorField] = {}
    afferents: dict[Name, RuleFields] = {}
    efferents: dict[Name, RuleFields] = {}

    @model_validator(mode="after")
    def _rules_are_of_populations(self) -> "Fragment":
        for key in ("afferents", "efferents"):
            for name in getattr(self, key):
                if name not in self.populations:
                    raise refuse(
                        f"'{key}' has rules of '{name}', which the template does not have",
                        did_you_mean(name, self.populations),
                    )
        return self
