"""Alerts of one pool: hours whose demand is unlike what was forecast, grouped into incidents."""
