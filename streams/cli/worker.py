"""`warmfront worker`: one worker of the streaming pipeline."""

from schemas.settings import Settings
from streams.agents.worker import run


def command() -> None:
    """Run a worker: profiles, predictions, forecasts. Start more for more throughput."""
    run(Settings())
