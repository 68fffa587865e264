"""Names, defaults and dimensions: a Circuit becomes the groups and synapses of a Plan."""
