"""Names and numbers of what the policy's memory holds; see `memory`."""

import numpy as np

DECAY_S = np.array([15.0, 60.0, 240.0, 1_000.0, 5_000.0, 30_000.0, 200_000.0])
DECAYS = len(DECAY_S)
ACTIVE_S = np.array([300.0, 1_800.0, 10_800.0])
HOURS_OF_WEEK = 168
HOURS_OF_DAY = 24
SLOT_S = 120.0
SLOTS = 31  # the last hour in two-minute counts, and the running one

FEATURE_NAMES = (
    *(f"log requests per lead time, memory {s:g} s" for s in DECAY_S),
    *(f"mean log crowd met by requests, memory {s:g} s" for s in DECAY_S),
    "log rate of this hour of the week",
    "log rate of this hour of the day",
    "share of the hour gone x change to the next hour",
    "log follow-ups expected of who asked lately",
    "log requests within the last lead time",
    "log requests within the last ninth of the lead time",
    "log seconds since the last request",
    "log seconds since the one before",
    "log largest two-minute count of the last hour",
    *(f"log people active within {s:g} s" for s in ACTIVE_S),
    "log forecast of the next lead time",
    "log upper forecast of the next lead time",
    "log launches that active people are expected to make",
)
FEATURES = len(FEATURE_NAMES)

# Scalars of Memory.clock.
(
    NOW, STARTED, REQUESTS, LAST_REQUEST, EARLIER_REQUEST, FOLLOW_UPS, MEAN_FOLLOW_UPS,
    MEAN_WEIGHT, SLOT, MARK_FIRST, MARK_HALF, MARK_END, SNAP_OPEN, SNAP_SHORT, SNAP_END,
    LEARNED, NORM_COUNT, LARGEST_CROWD, SEEN_S, LEAD, PRICE, PRICED_AT, FORECAST, FORECAST_HIGH,
    FORECAST_AT, INTENTS, PROMISED, PROMISED_HITS, MISSES, ASKED_MISSES, ASKED, LAUNCHED,
    PRICED_HOUR, USUAL_LOG_PRICE, ACTIVE,
) = range(35)  # fmt: skip
CLOCK = ACTIVE + len(ACTIVE_S)
