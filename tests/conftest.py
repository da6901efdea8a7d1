"""Fixtures that every folder of tests may use."""

import os

from hypothesis import HealthCheck, settings

# How fast a machine is says nothing about a property; benches look after time.
untimed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
# A change is judged by the same examples wherever it is tried; a soak's rounds each try others.
settings.register_profile("same", untimed, derandomize=True)
settings.register_profile("others", untimed)
settings.load_profile("others" if "WARMFRONT_SEED" in os.environ else "same")

pytest_plugins = ["tests.testkit.broker"]
