"""Fixtures that every folder of tests may use."""

from hypothesis import settings

# How fast a machine is says nothing about a property; benches look after time.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

pytest_plugins = ["tests.testkit.broker"]
