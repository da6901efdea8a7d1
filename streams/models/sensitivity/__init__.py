"""How much a waited minute costs each user, from what they do after waits."""

from streams.models.sensitivity.evidence import Estimate
from streams.models.sensitivity.normal import Normal
from streams.models.sensitivity.sensitivity import Sensitivity
from streams.models.sensitivity.wait_counts import WaitCounts

__all__ = ["Estimate", "Normal", "Sensitivity", "WaitCounts"]
