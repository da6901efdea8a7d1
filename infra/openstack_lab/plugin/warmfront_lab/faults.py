"""Delays and failures of the simulated hypervisor, from a file that is read at every operation.

The file ($WARMFRONT_LAB_FAULTS) holds JSON: {"spawn": {"delay": [0.5, 1.5], "fail": 0.1,
"hosts": ["cmp1"]}, "*": ...}. A rule for "*" holds for operations without one of their own.
"""

import json
import os
import random
import time

from nova import exception


def inject(operation, host):
    """Wait and fail as the file says."""
    rule = _rule(operation, host)
    shortest_s, longest_s = rule.get("delay", (0, 0))
    if longest_s > 0:
        time.sleep(random.uniform(shortest_s, longest_s))
    if random.random() < rule.get("fail", 0):
        raise exception.NovaException(f"a failed {operation} was asked for")


def _rule(operation, host):
    try:
        with open(os.environ["WARMFRONT_LAB_FAULTS"], encoding="utf-8") as stream:
            rules = json.load(stream)
    except (KeyError, OSError, ValueError):
        return {}
    rule = rules.get(operation) or rules.get("*") or {}
    return rule if host in rule.get("hosts", [host]) else {}
