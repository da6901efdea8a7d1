"""Where compiled kernels are kept: a folder for each state of their sources.

numba looks only at a function's own file: a kernel compiled with another file's old constant would
go on running silently. Any change of any model or policy starts a new folder.
"""

import hashlib
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCES = ("streams/models", "allocator/policy")


def kernel_cache() -> Path:
    """Return the folder for the sources as they are.

    Examples
    --------
    >>> kernel_cache() == kernel_cache()
    True
    """
    digest = hashlib.sha256()
    for source in SOURCES:
        for path in sorted((ROOT / source).rglob("*.py")):
            digest.update(path.read_bytes())
    return ROOT / ".cache" / "kernels" / digest.hexdigest()[:16]
