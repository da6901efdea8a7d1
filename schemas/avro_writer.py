"""Makes Avro's bytes of records straight from their fields.

fastavro wants dicts and asks of each value of a union what it is: a prediction of nine candidates
took 30 us, and takes 15 here. Writers are made once of a parsed schema. They know the types that
our schemas use, and only values of just these types: all else is left to fastavro, which also tells
what breaks a schema.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from struct import Struct
from typing import Any

Writer = Callable[[Any], bytes]
Schema = Any

BEYOND, BEYOND_INT = 1 << 63, 1 << 31
LAST = 0x7F
BYTES = [bytes([n]) for n in range(LAST + 1)]
DOUBLE = Struct("<d")


class UnwritableError(TypeError):
    """A schema or a value that is left to fastavro."""


def writer_of(schema: Schema) -> Writer:
    """Return what makes the bytes of one schema's records.

    Parameters
    ----------
    schema
        As fastavro parsed it.

    Raises
    ------
    UnwritableError
        If it has a type that is not known here.
    """
    return _writer(schema, {})


def write_long(value: int) -> bytes:
    """Return a whole number's bytes: zigzag, seven bits each, the lowest first.

    Examples
    --------
    >>> [write_long(n).hex() for n in (0, -1, 1, 64)]
    ['00', '01', '02', '8001']
    """
    if type(value) is not int or not -BEYOND <= value < BEYOND:
        raise UnwritableError
    left = value << 1 ^ value >> 63
    if left <= LAST:
        return BYTES[left]
    made = bytearray()
    while left > LAST:
        made.append(left & LAST | LAST + 1)
        left >>= 7
    made.append(left)
    return bytes(made)


def _write_int(value: int) -> bytes:
    if type(value) is not int or not -BEYOND_INT <= value < BEYOND_INT:
        raise UnwritableError
    return write_long(value)


def _write_string(value: str) -> bytes:
    if type(value) is not str:
        raise UnwritableError
    data = value.encode()
    return write_long(len(data)) + data


def _write_bytes(value: bytes) -> bytes:
    if type(value) is not bytes:
        raise UnwritableError
    return write_long(len(value)) + value


def _write_boolean(value: bool) -> bytes:
    if type(value) is not bool:
        raise UnwritableError
    return BYTES[value]


def _write_double(value: float) -> bytes:
    if type(value) is not float:
        raise UnwritableError
    return DOUBLE.pack(value)


PLAIN: Mapping[str, Writer] = {
    "boolean": _write_boolean, "bytes": _write_bytes, "double": _write_double,
    "int": _write_int, "long": write_long, "string": _write_string,
}  # fmt: skip


def _writer(schema: Schema, named: dict[str, Writer]) -> Writer:
    if isinstance(schema, list):
        return _union(schema, named)
    kind = schema["type"] if isinstance(schema, Mapping) else schema
    if kind == "record":
        named[schema["name"]] = _record(schema["fields"], named)
        return named[schema["name"]]
    if kind == "array":
        return _array(_writer(schema["items"], named))
    if kind == "enum":
        named[schema["name"]] = _enum(schema["symbols"])
        return named[schema["name"]]
    known = PLAIN.get(kind) or named.get(kind)
    if known is None:
        raise UnwritableError(kind)
    return known


def _record(fields: Sequence[Schema], named: dict[str, Writer]) -> Writer:
    parts = list(_parts(fields, named))

    def write(record: Any) -> bytes:
        return b"".join([part(field(record)) for field, part in parts])

    return write


def _parts(fields: Sequence[Schema], named: dict[str, Writer]) -> Iterator[tuple[Any, Writer]]:
    """Give what to take of a record and what writes it; neighbouring doubles are one."""
    for is_double, group in groupby(fields, lambda field: _is_double(field["type"])):
        members = list(group)
        if is_double and len(members) > 1:
            yield attrgetter(*[field["name"] for field in members]), _doubles(len(members))
            continue
        for field in members:
            yield attrgetter(field["name"]), _writer(field["type"], named)


def _is_double(schema: Schema) -> bool:
    return schema in ("double", {"type": "double"})


def _doubles(count: int) -> Writer:
    pack = Struct(f"<{count}d").pack
    floats = (float,) * count

    def write(values: Sequence[float]) -> bytes:
        if tuple(map(type, values)) != floats:
            raise UnwritableError
        return pack(*values)

    return write


def _array(item: Writer) -> Writer:
    def write(values: Sequence[Any]) -> bytes:
        if type(values) is not list:
            raise UnwritableError
        if not values:
            return BYTES[0]
        return b"".join([write_long(len(values)), *map(item, values), BYTES[0]])

    return write


def _enum(symbols: Sequence[str]) -> Writer:
    places = {symbol: write_long(place) for place, symbol in enumerate(symbols)}

    def write(value: str) -> bytes:
        place = places.get(value)
        if place is None:
            raise UnwritableError
        return place

    return write


def _union(branches: Sequence[Schema], named: dict[str, Writer]) -> Writer:
    """Return the writer of a value that may be missing; other unions are left to fastavro."""
    if len(branches) != 2 or branches[0] != "null":
        raise UnwritableError
    present = _writer(branches[1], named)

    def write(value: Any) -> bytes:
        return BYTES[0] if value is None else BYTES[2] + present(value)

    return write
