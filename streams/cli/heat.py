"""Shades for heat maps in the terminal."""

from collections.abc import Sequence

SHADES = " ░▒▓█"


def shades(values: Sequence[float], top: float) -> str:
    """Return a character for each value, from empty (0) to full (`top`); never empty above 0.

    Examples
    --------
    >>> shades([0.0, 0.1, 4.0, 8.0], 8.0)
    ' ░▒█'
    """
    return "".join(_shade(value / top if top > 0.0 else 0.0) for value in values)


def day_line(probabilities: Sequence[float]) -> str:
    """Return a character for each hour's probability, between bars.

    Examples
    --------
    >>> day_line([0.0, 0.5, 1.0])
    '| ▒█|'
    """
    return f"|{shades(probabilities, 1.0)}|"


def _shade(share: float) -> str:
    if share <= 0.0:
        return SHADES[0]
    return SHADES[min(len(SHADES) - 1, max(1, round(share * (len(SHADES) - 1))))]
