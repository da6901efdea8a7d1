"""How often a series turns back: what a controller that oscillates does without end."""

from collections.abc import Sequence


def turns(values: Sequence[float], least: float) -> int:
    """Changes of direction, each after going back by more than `least` from the last extreme.

    Examples
    --------
    >>> turns([0, 1, 2, 1.8, 3, 4], least=0.5), turns([0, 2, 0, 2, 0], least=0.5)
    (0, 3)
    """
    found, direction, extreme = 0, 0, values[0]
    for value in values:
        if direction == 0 and abs(value - extreme) > least:
            direction, extreme = (1 if value > extreme else -1), value
        elif direction * (value - extreme) > 0:
            extreme = value
        elif direction and abs(value - extreme) > least:
            found, direction, extreme = found + 1, -direction, value
    return found


def means(values: Sequence[float], size: int) -> list[float]:
    """Mean of each stretch of `size` values."""
    return [sum(values[k : k + size]) / size for k in range(0, len(values) - size + 1, size)]
