"""`warmfront allocator`: keeps the warm reserve and answers requests."""

from allocator.worker import run

from schemas.settings import Settings


def command() -> None:
    """Run the allocator. Start more for more pools: each pool has one writer at a time."""
    run(Settings())
