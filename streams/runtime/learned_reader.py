"""Reads what is learnt across users, in every worker."""

from typing import Any

import structlog

from schemas.codec import Codec, UndecodableError
from schemas.records import PopulationPrior
from schemas.settings import Settings
from schemas.topics import POPULATION_PRIOR
from streams.pipeline.learned import LearnedVersions
from streams.runtime.follower import Follower

log = structlog.get_logger()


class LearnedReader(Follower):
    """Keeps `versions` up to the end of population.prior."""

    def __init__(self, settings: Settings, codec: Codec) -> None:
        super().__init__(settings, POPULATION_PRIOR)
        self.versions = LearnedVersions()
        self._codec = codec

    def take(self, message: Any) -> None:
        """Include one hour."""
        try:
            prior = self._codec.decode(POPULATION_PRIOR, message.value, PopulationPrior)
            if prior.kind == "DELTA":
                self.versions.add_published(prior.hour, prior.body)
        except (UndecodableError, ValueError) as error:
            # Not a source of work but of knowledge: one bad hour is skipped, by every worker alike.
            log.warning("hour of the population skipped", offset=message.offset, reason=str(error))
