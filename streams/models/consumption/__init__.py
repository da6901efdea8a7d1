"""What each program consumes: quantile sketches per user and of the population."""

from streams.models.consumption.consumption import Consumption
from streams.models.consumption.consumption_counts import ConsumptionCounts
from streams.models.consumption.resources import RESOURCES

__all__ = ["RESOURCES", "Consumption", "ConsumptionCounts"]
