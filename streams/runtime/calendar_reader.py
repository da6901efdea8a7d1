"""Reads the calendar, in every worker."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import structlog

from schemas.codec import Codec, UndecodableError
from schemas.records import CalendarEvent
from schemas.settings import Settings
from schemas.topics import CALENDAR_EVENTS
from streams.runtime.follower import Follower
from streams.runtime.holidays_known import holidays_between, parse_country

log = structlog.get_logger()
# Holidays are known this long ahead: between two looks a fast replay may play months.
HOLIDAYS_AHEAD = timedelta(days=400)


class CalendarReader(Follower):
    """Keeps the newest record of each event of calendar.events, and knows the holidays."""

    def __init__(self, settings: Settings, codec: Codec) -> None:
        super().__init__(settings, CALENDAR_EVENTS)
        self._codec = codec
        self._country = settings.holiday_country
        self._zone = ZoneInfo(settings.zone)
        self._events: dict[bytes, CalendarEvent] = {}
        self.version = 0  # rises with every record
        if self._country:
            parse_country(self._country)

    def events(self, now_ms: int) -> list[CalendarEvent]:
        """Return all events, and the holidays around a time."""
        found = list(self._events.values())
        if self._country:
            now = datetime.fromtimestamp(now_ms / 1000, UTC)
            span = now - timedelta(days=1), now + HOLIDAYS_AHEAD
            found += holidays_between(self._country, self._zone, *span)
        return found

    def take(self, message: Any) -> None:
        """Use one record; an empty value deletes its event."""
        self.version += 1
        if message.value is None:
            self._events.pop(message.key, None)
            return
        try:
            event = self._codec.decode(CALENDAR_EVENTS, message.value, CalendarEvent)
        except UndecodableError as error:
            log.warning("calendar event skipped", offset=message.offset, reason=str(error))
            return
        self._events[message.key] = event
