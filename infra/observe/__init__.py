"""What operators see of a running process: metrics, health and traces. Knows neither side."""
