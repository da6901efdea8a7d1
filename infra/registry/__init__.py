"""The schema registry of this machine."""
