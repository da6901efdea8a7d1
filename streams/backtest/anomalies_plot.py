"""A series as a picture: its values, the range that was expected before each, its incidents."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.figure import Figure

from streams.models.anomaly import Budget, Incidents, Observation, SeriesDetector

# Below this a point opens no incident, but may keep one going.
OPENS_FROM = 0.5
JUST_BELOW = 0.499
# A day's end closes what is still open: far more than the half hour of quiet that it takes.
END_S = 86_400.0


@dataclass(slots=True)
class SeriesTrace:
    """Follows one series while it is scored, as the desk of incidents would.

    Parameters
    ----------
    name
        Of the series.
    per_day
        Alert budget.
    """

    name: str
    per_day: float = 1.0
    times_s: list[float] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    low: list[float] = field(default_factory=list)
    high: list[float] = field(default_factory=list)
    incidents: list[tuple[float, float, str]] = field(default_factory=list)
    _desk: Incidents = field(init=False)

    def __post_init__(self) -> None:
        self._desk = Incidents(Budget(self.per_day))

    def expects(self, detector: SeriesDetector, time_s: float, value: float) -> None:
        """Note what is expected of a point, before it is learned."""
        low, high = detector.expected(time_s)
        self.times_s.append(time_s)
        self.values.append(value)
        self.low.append(low)
        self.high.append(high)

    def scored(self, detector: SeriesDetector, score: float) -> None:
        """Take the score of the point that was noted last."""
        lasting = max(score, min(detector.unsuppressed, JUST_BELOW))
        seen = Observation(
            kind="series", time_s=self.times_s[-1], score=lasting, observed=self.values[-1],
            expected_low=self.low[-1], expected_high=self.high[-1],
        )  # fmt: skip
        for alert in self._desk.observe(self.name, seen):
            self._close(alert.started_at, alert.ended_at, alert.severity)

    def end(self) -> list[tuple[float, float, str]]:
        """Close what is open; return start and end in seconds, and severity, of each incident."""
        for alert in self._desk.tick(self.times_s[-1] + END_S) if self.times_s else []:
            self._close(alert.started_at, alert.ended_at, alert.severity)
        return self.incidents

    def _close(self, started_ms: int, ended_ms: int | None, severity: str) -> None:
        if ended_ms is not None:
            self.incidents.append((started_ms / 1000, ended_ms / 1000, severity))


def plot_series(path: Path, trace: SeriesTrace) -> None:
    """Draw a series; the picture's ending tells the format."""
    incidents = trace.end()
    times = [_day(time_s) for time_s in trace.times_s]
    figure = Figure(figsize=(9.0, 4.0), layout="constrained")
    axes = figure.subplots()
    axes.fill_between(
        times, trace.low, trace.high, alpha=0.3, linewidth=0, label="expected range",
        rasterized=True,
    )  # fmt: skip
    axes.plot(times, trace.values, color="black", linewidth=0.5, label="value", rasterized=True)
    _shade(axes, incidents)
    _frame(axes, trace.values)
    axes.set_title(f"{trace.name}: {len(incidents)} incidents told")
    axes.legend(loc="upper left")
    figure.savefig(path, dpi=150, metadata={"Date": None} if path.suffix == ".svg" else None)


def _shade(axes: Axes, incidents: Sequence[tuple[float, float, str]]) -> None:
    for number, (start_s, end_s, _) in enumerate(incidents):
        label = None if number else "incident"
        axes.axvspan(_day(start_s), _day(end_s), color="tab:red", alpha=0.4, label=label)
        axes.axvline(_day(start_s), color="tab:red", linewidth=1.0)


def _day(time_s: float) -> float:
    return float(date2num(datetime.fromtimestamp(time_s, UTC)))


def _frame(axes: Axes, values: Sequence[float]) -> None:
    """Show the values whole; where a young profile expects anything, its range is cut off."""
    low, high = min(values), max(values)
    margin = 0.1 * (high - low) or 1.0
    axes.set_ylim(low - margin, high + margin)
    locator = AutoDateLocator()
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
