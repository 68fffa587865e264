"""How much a circuit may hold, so that all of it is checked within a few seconds.

Where one of them stands, the text of equations is limited as well: `syntax.expression_size`,
`syntax.equations`, `syntax.yaml_reader`.
"""

MOST_ELEMENTS = 2500  # populations, pathways between two of them, stimuli, modulators, releases
MOST_MODULATORS = 200  # of these, each of which can follow all others
MOST_NEURONS = 2**31 - 1  # of a population, whose indices have 32 bits
MOST_INPUTS = 100  # of a population, whose terms are added up in one equation
MOST_RULES = 30  # of a pathway, and as many models of a synapse
MOST_EQUATIONS = 100_000  # of all populations, with those of what they receive
MOST_TEXT = 250_000  # characters of these equations, counted once where populations are alike
MOST_CHOSEN_FROM = 1_000_000  # neurons of a population from which `thalia check` chooses some
