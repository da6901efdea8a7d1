"""Kafka Connect on this machine, and the sinks that fill a PostgreSQL warehouse."""
