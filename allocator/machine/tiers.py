"""The states that warm and resting instances are kept in, and the calls between them."""

from types import MappingProxyType

from allocator.machine.lifecycle import Phase
from allocator.machine.observed import CloudStatus, Verb

# Best first: what a request is given.
BY_TIER = MappingProxyType(
    {
        "active": Phase.READY,
        "paused": Phase.PAUSED,
        "suspended": Phase.SUSPENDED,
        "shelved": Phase.SHELVED,
    }
)
TIER_OF = MappingProxyType({phase: tier for tier, phase in BY_TIER.items()})
REST = MappingProxyType(
    {Phase.PAUSED: Verb.PAUSE, Phase.SUSPENDED: Verb.SUSPEND, Phase.SHELVED: Verb.SHELVE}
)
WAKE = MappingProxyType(
    {Phase.PAUSED: Verb.UNPAUSE, Phase.SUSPENDED: Verb.RESUME, Phase.SHELVED: Verb.UNSHELVE}
)
ASLEEP = MappingProxyType(
    {
        CloudStatus.PAUSED: Phase.PAUSED,
        CloudStatus.SUSPENDED: Phase.SUSPENDED,
        CloudStatus.SHELVED: Phase.SHELVED,
    }
)
# An unpause is done when it is answered; the others are only accepted then.
AT_ONCE = frozenset({Verb.UNPAUSE})
