"""Dead letters as the page shows them: where from and why; never what they hold."""

from typing import Any

from schemas.topics import CONSUMED, dead_letters
from streams.dashboard.newest import Newest

KEPT = 200
SOURCES = {dead_letters(topic).name: topic.name for topic in CONSUMED}


class Letters:
    """The newest dead letters, from their headers."""

    def __init__(self) -> None:
        self._kept = Newest[str, dict[str, Any]](KEPT)

    def take(self, name: str, offset: int, time_ms: int, headers: Any) -> None:
        """Keep a letter of a dead-letter topic, given by its catalogue name."""
        told = {key: value.decode("utf-8", "replace") for key, value in headers or [] if value}
        source = SOURCES[name]
        self._kept.put(
            f"{source}/{offset}",
            {
                "letter": f"{source}/{offset}",
                "topic": source,
                "time": time_ms,
                "partition": told.get("__connect.errors.partition", ""),
                "offset": told.get("__connect.errors.offset", ""),
                "stage": told.get("__connect.errors.stage", ""),
                "reason": told.get("__connect.errors.exception.message", ""),
            },
        )

    def shown(self) -> list[dict[str, Any]]:
        """Return them, newest first."""
        return sorted(self._kept.values(), key=lambda letter: letter["time"], reverse=True)
