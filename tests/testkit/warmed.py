"""Imported by the process that workers are forked from, which then has all that they share."""

import streams.agents.worker  # noqa: F401 - for what it imports in turn
from streams.runtime.warm_up import warm_up

warm_up()
