"""Keys of a plasticity rule that have keys of their own."""

from thalia.syntax.fields import Node, Statements


class Pairing(Node):
    """A spike-pairing scheme: how spikes update the traces, after the weight has changed."""

    on_pre: Statements = ()
    on_post: Statements = ()


class Later(Node):
    """Statements executed some time after a presynaptic spike: the parameter `after`."""

    after: str
    on_pre: Statements


class Rewiring(Node):
    """Pruning and growth of synapses from a pool of potential ones, the pathway's connectivity.

    `every`, `share`, `start` and `growth` name parameters; `below`, the weight under which a
    synapse is pruned, and `weight`, that of a new synapse, are expressions of parameters and
    `w_max`.
    """

    every: str
    share: str
    start: str
    growth: str
    below: str
    weight: str
