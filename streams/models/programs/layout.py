"""Numbers of contexts, features and tables: what each index into the learnt arrays means."""

from streams.models.programs.calibration import CALIBRATION_BINS

# Contexts of the user's own history, in the order of `contexts.walk`.
(
    ORDER0, ORDER1, ORDER2, ORDER3, ORDER4, ORDER6, SKIP2, SKIP23, FIRST_THIRD, HOUR_OF_DAY,
    AFTER_GAP, IN_HOUR, SAME_THREE, SAME_RUN, SAME_RUNS, DISTINCT1, DISTINCT12, DAY_AND_GAP,
    OWN_CONTEXTS,
) = range(19)  # fmt: skip
# Contexts of the population, in the order of `population_lookup.look_up`.
ALL0, ALL1, ALL2, ALL_RUN, ALL_SKIP2, ALL_CONTEXTS = range(6)

# Features of a candidate: slow and fast rates of each own context, rates of the population's,
# then single ones.
FIRST_ALL = 2 * OWN_CONTEXTS
FIRST_SINGLE = FIRST_ALL + ALL_CONTEXTS
(
    MATCH, RECENCY, SINCE, COMMONNESS, AFTER_GAP_RECENCY, HOUR_REPEAT, ONE_TWO, ONE_RECENCY,
    TWO_ALL, ONE_SKIP, ZERO_RECENCY, FAST_HOUR, STATE_FEATURES,
) = range(FIRST_SINGLE, FIRST_SINGLE + 13)  # fmt: skip
# Features that are logarithms of mixed probabilities, not learnt rates of states.
LOG_OWN, LOG_ALL = STATE_FEATURES, STATE_FEATURES + 1
FEATURES = STATE_FEATURES + 2

STATES = 376
RATIOS = 12
SELECTED = 128
ESCAPES = 512
CANDIDATES = 48

# Numbering of `PopulationDelta.sums`.
SEEN = 0
HITS = SEEN + STATE_FEATURES * STATES
GRADIENT = HITS + STATE_FEATURES * STATES
HESSIAN = GRADIENT + FEATURES
SELECTED_GRADIENT = HESSIAN + FEATURES * FEATURES
ESCAPE_SEEN = SELECTED_GRADIENT + SELECTED * FEATURES
ESCAPE_HITS = ESCAPE_SEEN + ESCAPES
# Two of each calibration bin: outcomes and hits.
CALIBRATION = ESCAPE_HITS + ESCAPES
LAYOUT_SIZE = CALIBRATION + 2 * CALIBRATION_BINS
