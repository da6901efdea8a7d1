"""Probability levels of every demand forecast."""

# What a forecast states. Mixtures are learnt at three of them, the others follow from the shape of
# the calibrated residuals between.
LEVELS = (0.05, 0.10, 0.25, 0.50, 0.75, 0.90, 0.95, 0.99)
LOW, MEDIAN, HIGH = 0, 3, 6  # of 5, 50 and 95 % within LEVELS
MIXED = (0.05, 0.50, 0.95)
