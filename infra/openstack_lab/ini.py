"""Configuration files in the form that OpenStack's services read."""

from collections.abc import Mapping
from pathlib import Path

Sections = Mapping[str, Mapping[str, object]]


def render(sections: Sections) -> str:
    """Return the text of a configuration file.

    Examples
    --------
    >>> print(render({"api": {"debug": True, "workers": 1}}), end="")
    [api]
    debug = true
    workers = 1
    """
    lines = []
    for name, options in sections.items():
        lines.append(f"[{name}]")
        lines += [f"{key} = {_value(value)}" for key, value in options.items()]
    return "\n".join(lines) + "\n"


def write(path: Path, sections: Sections) -> Path:
    """Write a configuration file and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render(sections))
    return path


def _value(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
