"""River estimators in state: an allow-list with exact, pickle-free save and load."""

from streams.models.river.estimator_state import ALLOWED, dump, load

__all__ = ["ALLOWED", "dump", "load"]
