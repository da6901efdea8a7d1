"""The resources that a program consumes, and how little of each counts as none."""

RESOURCES = (
    "cpu_cores",
    "memory_bytes",
    "storage_bytes",
    "disk_bytes_per_s",
    "network_bytes_per_s",
    "duration_s",
)

# Below these a machine reserves nothing, and idle noise would only use up buckets.
FLOORS = (0.01, 2.0**20, 2.0**20, 1024.0, 1024.0, 1.0)


def resource_index(resource: str) -> int:
    """Position of a resource in `RESOURCES`.

    Raises
    ------
    ValueError
        If there is no such resource.

    Examples
    --------
    >>> resource_index("memory_bytes")
    1
    """
    try:
        return RESOURCES.index(resource)
    except ValueError:
        raise ValueError(f"{resource!r} is not one of {', '.join(RESOURCES)}") from None
