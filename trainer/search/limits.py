"""How much a study may try.

Light: numbers alone, so that forms and commands start without torch.
"""

STEPS = 100  # of a range test, where nothing else is asked for
FEWEST_STEPS, MOST_STEPS = 20, 10_000
MOST_CELLS = 64  # trainings of one map
