"""JSON, one object per line. Hot path: msgspec decodes a chunk at a time, and of each object only the paths used."""

from collections.abc import Collection, Mapping
from contextlib import suppress
from functools import cached_property
from io import BytesIO
from types import GenericAlias
from typing import Any

import msgspec

from exporter.formats.decoders.decoder import Decoded, LineDecoder, bare
from exporter.formats.decoders.json_repair import is_json, repaired, simplified
from exporter.formats.decoders.json_values import NoList, each, item, size, where, within
from exporter.formats.source import Each, FromJson, Length, Step, Where, Within, parse_path

# Any scalar is accepted for any field: one odd value must not reject the line.
Scalar = str | int | float | bool | None

# After a chunk had to be decoded line by line, so are this many more, before whole chunks are tried again.
_CAREFUL_CHUNKS = 8


def _is_number(value: Any) -> bool:
    """Whether msgspec can convert a value to a float, also from text."""
    try:
        msgspec.convert(value, float, strict=False)
    except msgspec.ValidationError:
        return False
    return True


class _Node:
    """What is read at one place in the objects; becomes a msgspec type."""

    def __init__(self) -> None:
        self.fields: dict[str, _Node] = {}
        self.element: _Node | None = None
        self.inner: JsonLines | None = None
        # Whether everything in it is decoded, and searched for names; None if not known yet.
        self.searched: bool | None = None
        self.name = ""
        self.type: Any = Scalar
        # Converts values to float that msgspec can't; None if it is not read as a number.
        self.convert: Mapping[Any, float] | None = None

    def note(self, searched: bool) -> None:
        """Note whether it is searched. ValueError if it is also read in the other way."""
        if self.searched is None:
            self.searched = searched
        if self.searched is not searched:
            raise ValueError("a value that is searched with `..` can't also be read by another kind of path")

    def build(self, names: dict[str, Any]) -> None:
        """Set its type. Classes created for it are added to `names`."""
        if self.searched:
            self.type = Any
        elif self.fields:
            for node in self.fields.values():
                node.build(names)
            names[self.name] = self.struct(list(self.fields))
            # PHP and Lua write an empty object as `[]`.
            self.type = names[self.name] | list[msgspec.Raw] | Scalar
        elif self.element:
            self.element.build(names)
            self.type = GenericAlias(list, (self.element.type,)) | NoList | Scalar
        elif self.inner:
            self.type = self.inner.type | list[msgspec.Raw] | Scalar

    def struct(self, order: list[str], loose: Collection[str] | None = None) -> Any:
        """A class with its fields, in `order`. Numbers are floats, except for those that are `loose` (default: all)."""
        fields = []
        for n, (name, node) in enumerate(self.fields.items()):
            attribute = f"f{n}"
            is_float = node.convert is not None and loose is not None and attribute not in loose
            fields.append((name, (attribute, float if is_float else node.type, None if node.convert is None else -1.0)))
        fields.sort(key=lambda field: order.index(field[0]) if field[0] in order else len(order))
        rename = {attribute: name for name, (attribute, _, _) in fields}
        return msgspec.defstruct(self.name, [definition for _, definition in fields], rename=rename, gc=False)


class JsonLines(LineDecoder):
    """Decoder of JSON lines. Call `expression` for all paths first: `names` fixes what is read of each object.

    `escaped` is False if the log does not escape quotes inside values.
    """

    def __init__(self, prefix: str = "J", escaped: bool = True) -> None:
        self._prefix = prefix
        self._escaped = escaped
        self._nodes = 0
        self._temporaries = 0
        self._root = _Node()
        self._root.name = f"{prefix}0"
        self._inner: list[tuple[str, JsonLines]] = []
        # Decoders of JSON in texts below the top level, by the name of their function.
        self._within: dict[str, JsonLines] = {}
        self._order: list[str] | None = None
        self._careful = 0
        self._last: tuple[Any, Any] = (None, None)
        # Numbers are decoded as floats by msgspec. Those that some line has in another form are `loose`, and are
        # converted here.
        self._numbers: dict[str, Mapping[Any, float]] = {}
        self._loose: set[str] = set()

    @cached_property
    def names(self) -> dict[str, Any]:
        """The names that the expressions use."""
        names: dict[str, Any] = {"item": item, "size": size, "each": each, "where": where, "within": within}
        if not self._root.fields:
            self._root.fields["status"] = self._node()
        self._root.build(names)
        for reader, inner in self._within.items():
            names |= inner.names | {reader: inner.decode_again}
        for n, node in enumerate(self._root.fields.values()):
            if node.inner:
                names |= node.inner.names
                self._inner.append((f"f{n}", node.inner))
        return names

    @property
    def type(self) -> Any:
        """The class of the objects. Read it after the last call of `expression`."""
        return self.names[self._root.name]

    @cached_property
    def _decoder(self) -> msgspec.json.Decoder[Any]:
        """Accepts any value in any field."""
        return msgspec.json.Decoder(self.type)

    @cached_property
    def _typed(self) -> msgspec.json.Decoder[Any]:
        """Once the order is known, accepts only floats for numbers that are not loose."""
        return self._decoder

    def _decoder_of(self, loose: Collection[str] | None) -> msgspec.json.Decoder[Any]:
        assert self._order is not None, "asked for before the first line"
        return msgspec.json.Decoder(self._root.struct(self._order, loose), strict=loose is None)

    def expression(self, path: str) -> str:
        """An expression for the value at a path; None if something on the way is not an object or a list."""
        return self.walk(parse_path(path), "r")

    def number(self, path: str, convert: Mapping[Any, float]) -> str | None:
        """An expression for a float, if the path is a top-level name; else None."""
        steps = parse_path(path)
        if len(steps) > 1:
            return None
        code = self.expression(path)
        self._root.fields[str(steps[0])].convert = self._numbers[code.removeprefix("r.")] = convert
        return code

    def walk(self, steps: tuple[Step, ...], row: str, root: _Node | None = None) -> str:
        """The expression of a path's steps, starting from an object (by default the line) in the variable `row`."""
        # Long, as it has a branch for each kind of step.
        node, code = root or self._root, row
        for n, step in enumerate(steps):
            node.note(searched=isinstance(step, Within))
            if isinstance(step, str):
                code = self._attribute(node, code, step)
                node = node.fields[step]
            elif isinstance(step, int):
                node.element = node.element or self._node()
                node, code = node.element, f"item({code}, {step})"
            elif isinstance(step, Where):
                node.element = node.element or self._node()
                node = node.element
                code = f"where({code}, lambda e: {self._attribute(node, 'e', step.name)}, {step.words!r})"
            elif isinstance(step, Within):
                return f"within({code}, {step.name!r})"
            elif step is Length:
                node.element = node.element or self._node()
                return f"size({code})"
            elif step is Each:
                node.element = node.element or self._node()
                return f"each({code}, lambda e: {self.walk(steps[n + 1 :], 'e', node.element)})"
            elif step is FromJson:
                node.inner = node.inner or JsonLines(f"{node.name}_")
                if n != 1 or not code.startswith("r."):
                    reader = f"read_{node.name}"
                    self._within[reader] = node.inner
                    code = f"{reader}({code})"
                return node.inner.walk(steps[n + 1 :], code) if steps[n + 1 :] else code
        node.note(searched=False)
        return code

    def _node(self) -> _Node:
        node = _Node()
        self._nodes += 1
        node.name = f"{self._prefix}{self._nodes}"
        return node

    def _attribute(self, node: _Node, code: str, name: str) -> str:
        """An expression for one attribute; None if the value is not an object."""
        node.fields.setdefault(name, self._node())
        attribute = f"f{list(node.fields).index(name)}"
        if code == "r":
            return f"r.{attribute}"
        self._temporaries += 1
        held = f"{self._prefix.lower()}t{self._temporaries}"
        return f"({held}.{attribute} if ({held} := {code}).__class__ is {node.name} else None)"

    def _decode(self, chunk: bytes) -> Decoded:
        """Decode a chunk at once if it is clean, else line by line."""
        if self._order is None:
            self._learn_order(chunk)
        decoded = self._decode_chunk(chunk) if not self._careful else None
        if decoded is None:
            decoded = self._decode_lines(chunk)
        for attribute, inner in self._inner:
            for row in decoded.rows:
                setattr(row, attribute, inner.decode_text(getattr(row, attribute)))
        return decoded

    def _learn_order(self, chunk: bytes) -> None:
        """Put the fields in the order of the log's first object: msgspec then finds each at the first try."""
        line = chunk[: chunk.index(b"\n")]
        with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            self._order = list(msgspec.json.decode(line, type=dict[str, msgspec.Raw]))
            self._decoder, self._typed = self._decoder_of(None), self._decoder_of(self._loose)

    def decode_text(self, value: Any) -> Any:
        """The object in a text, or the value itself if it is an object; None if there is none."""
        if value.__class__ is self.type:
            return value
        try:
            return self._decoder.decode(value)
        except TypeError:
            return None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            with suppress(msgspec.DecodeError, ValueError, RecursionError):
                written = value if isinstance(value, bytes) else value.encode()
                return self._decoder.decode(simplified(repaired(written, escaped=True)))
            return None

    def decode_again(self, value: Any) -> Any:
        """`decode_text`, cached for the other fields of a row that are read from the same text."""
        if value is not self._last[0]:
            self._last = (value, self.decode_text(value))
        return self._last[1]

    def row(self, value: Any) -> Any:
        """The row that `to_builtins` turned into a value."""
        return msgspec.convert(value, self.type)

    def _decode_chunk(self, chunk: bytes) -> Decoded | None:
        """All lines at once; None if there are not as many objects as lines.

        `decode_lines` does not look at lines: an object over two lines is one object, two on one line are two.
        """
        rows: list[Any] = []
        try:
            rows = self._typed.decode_lines(chunk)
            self._make_numbers(rows, self._numbers if self._order is None else self._loose)
        except msgspec.ValidationError:
            with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                rows = self._decoder.decode_lines(chunk)
                self._learn_loose(rows)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            pass
        # Faster than `count`, which looks at each byte and would take a tenth of the whole time.
        if len(rows) == len(BytesIO(chunk).readlines()):
            return Decoded(rows, [])
        self._careful = _CAREFUL_CHUNKS
        return None

    def _make_numbers(self, rows: list[Any], attributes: Collection[str]) -> None:
        for attribute in attributes:
            convert = self._numbers[attribute]
            for row in rows:
                value = getattr(row, attribute)
                if value.__class__ is not float:
                    setattr(row, attribute, float(convert[value]))

    def _learn_loose(self, rows: list[Any]) -> None:
        """Find the numbers that are not always numbers in the log, and accept any value for them from now on."""
        for attribute in self._numbers.keys() - self._loose:
            if not all(_is_number(getattr(row, attribute)) for row in rows):
                self._loose.add(attribute)
        if self._order is not None:
            self._typed = self._decoder_of(self._loose)
        self._make_numbers(rows, self._numbers)

    def _decode_lines(self, chunk: bytes) -> Decoded:
        self._careful = max(0, self._careful - 1)
        decode = self._decoder.decode
        done = Decoded([], [])
        lines = chunk.split(b"\n")
        lines.pop()
        for line in lines:
            try:
                done.rows.append(decode(line))
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                self._rescue(line, done)
        self._make_numbers(done.rows, self._numbers)
        return done

    def _rescue(self, line: bytes, done: Decoded) -> None:
        """Cold path: repair a line that is not valid JSON in ways that gateways are known to break it, or reject it."""
        stripped = bare(line)
        if not stripped:
            done.skip()
            return
        mended = repaired(stripped, self._escaped)
        try:
            done.rows.append(self._decoder.decode(mended))
        except msgspec.ValidationError:
            # msgspec reports a wrong type before a wrong syntax: a text line that starts with a digit is not JSON.
            self._retry(mended, "wrong_type" if is_json(mended) else "not_json", line, done)
        except (msgspec.DecodeError, RecursionError):
            cut = stripped.startswith(b"{") and not stripped.endswith(b"}")
            self._retry(mended, "cut" if cut else "not_json", line, done)

    def _retry(self, mended: bytes, reason: str, line: bytes, done: Decoded) -> None:
        """Decode a line without what msgspec can't represent; if that fails, reject it."""
        try:
            done.rows.append(self._decoder.decode(simplified(mended)))
        except (msgspec.DecodeError, ValueError, RecursionError):
            done.reject(reason, line)
