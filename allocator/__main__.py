"""`python -m allocator`: one allocator process, as `warmfront allocator` runs it."""

from allocator.worker import run
from schemas.settings import Settings

if __name__ == "__main__":
    run(Settings())
