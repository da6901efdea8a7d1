"""Checks that no change of a schema shuts out old data: `python -m schemas.check [--record]`.

Every version that ever landed is kept in schemas/history. The present schema must read data written
with each of them (BACKWARD_TRANSITIVE), and must itself be kept. `--record` keeps it, if it may.
"""

import io
import json
import sys
from pathlib import Path
from typing import Any

import fastavro
from fastavro.schema import parse_schema
from fastavro.utils import generate_many

from schemas.codec import AVRO, without_logical_types

HISTORY = Path(__file__).with_name("history")
SAMPLES = 20


def load(path: Path) -> Any:
    """Return a schema as JSON has it."""
    return json.loads(path.read_text(encoding="utf-8"))


def versions(name: str) -> list[Path]:
    """Return the kept versions of a record's schema, the oldest first."""
    return sorted((HISTORY / name).glob("*.avsc"), key=lambda path: int(path.stem))


def trouble_reading(writer: Any, reader: Any) -> str | None:
    """Return why a schema can't read another's data, or None.

    Examples
    --------
    >>> old = {"type": "record", "name": "R", "fields": [{"name": "a", "type": "long"}]}
    >>> new = {"type": "record", "name": "R", "fields": [{"name": "b", "type": "long"}]}
    >>> trouble_reading(old, old), trouble_reading(old, new)
    (None, 'No default value for field b in R')
    """
    written = parse_schema(without_logical_types(writer))
    read = parse_schema(without_logical_types(reader))
    for sample in generate_many(written, SAMPLES):
        out = io.BytesIO()
        fastavro.schemaless_writer(out, written, sample)
        out.seek(0)
        try:
            fastavro.schemaless_reader(out, written, read)
        except Exception as error:  # noqa: BLE001 - whatever it is, old data can't be read
            return str(error)
    return None


def problems(record: bool) -> list[str]:
    """Return what is wrong, in words; with `record`, keep new versions that may be."""
    found = []
    for path in sorted(AVRO.glob("*.avsc")):
        kept, now = versions(path.stem), load(path)
        for old in kept:
            why = trouble_reading(load(old), now)
            if why is not None:
                found.append(f"{path.stem} can't read data of version {old.stem}: {why}")
        if not kept or load(kept[-1]) != now:
            if record and not found:
                _keep(path, len(kept) + 1)
            else:
                found.append(f"{path.stem} has changed: python -m schemas.check --record keeps it")
    return found


def _keep(path: Path, number: int) -> None:
    target = HISTORY / path.stem / f"{number}.avsc"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(path.read_text(encoding="utf-8"), encoding="utf-8")


if __name__ == "__main__":
    wrong = problems(record="--record" in sys.argv)
    sys.stdout.write("".join(f"{line}\n" for line in wrong) or "schemas read all old data\n")
    sys.exit(bool(wrong))
