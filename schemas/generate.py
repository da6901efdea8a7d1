"""Writes schemas/records.py from schemas/avro: `python -m schemas.generate`.

The .avsc files are the source; a test proves that the committed records are what they give.
"""

import json
from pathlib import Path
from typing import Any

AVRO = Path(__file__).with_name("avro")
RECORDS = Path(__file__).with_name("records.py")
HEAD = '''"""The records on the topics, generated from schemas/avro by `python -m schemas.generate`.

Times are unix milliseconds, UTC. Don't edit: change the .avsc and generate again.
"""

from typing import Literal

import msgspec
'''
PRIMITIVES = {
    "string": "str", "long": "int", "int": "int", "double": "float", "boolean": "bool",
    "bytes": "bytes",
}  # fmt: skip


def render() -> str:
    """Return the source of records.py as the schemas give it."""
    parts: dict[str, str] = {}
    for path in sorted(AVRO.glob("*.avsc")):
        _record(json.loads(path.read_text(encoding="utf-8")), parts)
    return HEAD + "".join(parts.values())


def _record(schema: dict[str, Any], parts: dict[str, str]) -> None:
    lines = [f"\n\nclass {schema['name']}(msgspec.Struct, frozen=True, kw_only=True):\n"]
    if schema["doc"]:
        lines.append(f'    """{schema["doc"]}"""\n\n')
    for field in schema["fields"]:
        default = f" = {_default(field['default'])}" if "default" in field else ""
        lines.append(f"    {field['name']}: {_type(field['type'], parts)}{default}\n")
    parts[schema["name"]] = "".join(lines)


def _default(value: Any) -> str:
    return json.dumps(value) if isinstance(value, str) else repr(value)


def _type(schema: Any, parts: dict[str, str]) -> str:
    if isinstance(schema, list):
        return f"{_type(schema[1], parts)} | None"
    if isinstance(schema, str):
        return PRIMITIVES[schema]
    if schema["type"] == "record":
        _record(schema, parts)
        return str(schema["name"])
    if schema["type"] == "enum":
        names = ", ".join(f'"{symbol}"' for symbol in schema["symbols"])
        return f"Literal[{names}]"
    if schema["type"] == "array":
        return f"list[{_type(schema['items'], parts)}]"
    return PRIMITIVES[schema["type"]]


if __name__ == "__main__":
    RECORDS.write_text(render(), encoding="utf-8")
