"""YAML files -> a document; the only place that reads YAML of an operator.

Nodes are composed, never constructed: no tag is executed, and every scalar stays the text that an
operator wrote, so that `010000` does not become 4096 nor `22:22` 1342 on the way (YAML 1.1).
"""

import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import yaml

from config.document import Document, Form, Loc, Place, Raw
from config.messages import LIST, not_a
from config.problems import hint
from config.yaml_words import plain_words

_MOST_BYTES = 16 * 2**20
_MOST_VALUES = 500_000  # aliases counted as often as they are used, so that none is a bomb
_DEEPEST = 16
_SCALARS = {"bool", "float", "int", "merge", "null", "str", "timestamp", "value"}
_TAGS = {f"tag:yaml.org,2002:{name}" for name in _SCALARS | {"map", "seq"}}
_NULL = "tag:yaml.org,2002:null"
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# libyaml's parser is ten times as fast; PyYAML is built without it where there is no libyaml.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read(document: Document, file: Path) -> bool:
    """Put what a file says into the document; False, and the reason reported, if that cannot be."""
    return _Reader(document, file).read()


class _UnreadableError(Exception):
    """A file of which nothing more can be said; `line` is where, from 1."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


class _Reader:
    """Puts what one file says into the document."""

    def __init__(self, document: Document, file: Path) -> None:
        self._document = document
        self._file = file
        self._included = file != document.file
        self._values = 0

    def read(self) -> bool:
        """Read the file; False, reported, and every section unsure, if that cannot be done."""
        try:
            root = _compose(_decode(_bytes(self._file)), self._document.form)
            for key, place, node in self._pairs(root, ()):
                self._top(key, place, node)
        except _UnreadableError as error:
            place = Place(self._file, error.line)
            self._document.report((), str(error), place)
            self._document.unsure.update(self._document.form.sections)
            return False
        return True

    def _top(self, key: str, place: Place, node: yaml.Node) -> None:
        """Take a key of the top; the lists of several files become one."""
        document = self._document
        sections = document.form.sections
        if self._included and key not in sections:
            msg = "does not belong into an included file; "
            msg += hint(key, sections, "it gives only {}")
            document.report((key,), msg, place)
            return
        document.places[key,] = place
        if key not in sections:
            document.data[key] = self._value(node, (key,))
        elif isinstance(node, yaml.SequenceNode):
            rows = cast("list[Raw]", document.data.setdefault(key, []))
            rows.extend(self._items(node, (key,), start=len(rows)))
        else:
            document.unsure.add(key)
            value = self._value(node, (key,))
            if (key,) not in document.unreadable:
                document.report((key,), not_a(LIST, value))

    def _pairs(self, node: yaml.Node, loc: Loc) -> Iterator[tuple[str, Place, yaml.Node]]:
        """Go through a mapping, whose keys are texts and different."""
        first: dict[str, Place] = {}
        for key_node, value in node.value:
            place = Place(self._file, key_node.start_mark.line + 1)
            if not isinstance(key_node, yaml.ScalarNode):
                msg = "a list or mapping stands where a key belongs; write key: value"
                self._document.report(loc, msg, place)
                continue
            key = str(key_node.value)
            if key in first:
                msg = f"written twice, first in line {first[key].line}; keep one of them"
                self._document.report((*loc, key), msg, place)
                continue
            first[key] = place
            yield key, place, value

    def _mapping(self, node: yaml.Node, loc: Loc) -> dict[str, Raw]:
        found: dict[str, Raw] = {}
        for key, place, value in self._pairs(node, loc):
            self._document.places[*loc, key] = place
            found[key] = self._value(value, (*loc, key))
        return found

    def _items(self, node: yaml.Node, loc: Loc, start: int = 0) -> Iterator[Raw]:
        for index, item in enumerate(node.value, start):
            here = (*loc, index)
            self._document.places[here] = Place(self._file, item.start_mark.line + 1)
            yield self._value(item, here)

    def _value(self, node: yaml.Node, loc: Loc) -> Raw:
        self._values += 1
        line = node.start_mark.line + 1
        if self._values > _MOST_VALUES:
            raise _UnreadableError(line, f"more than {_MOST_VALUES} values; use fewer aliases")
        if len(loc) > _DEEPEST:
            raise _UnreadableError(line, f"nested deeper than {_DEEPEST} levels; nothing here is")
        if node.tag not in _TAGS:
            return self._no_value(loc, plain_words("tag", ""))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, loc)
        if isinstance(node, yaml.SequenceNode):
            return list(self._items(node, loc))
        return self._text(node, loc)

    def _text(self, node: yaml.Node, loc: Loc) -> str:
        value = str(node.value)
        if node.tag == _NULL or not value.strip():
            return self._no_value(loc, "empty; give it a value or leave it out")
        if any(unicodedata.category(it) in {"Cc", "Cs"} and it not in "\t\n" for it in value):
            return self._no_value(loc, "holds a control character; write plain text")
        return value

    def _no_value(self, loc: Loc, message: str) -> str:
        self._document.report(loc, message)
        self._document.unreadable.add(loc)
        return ""


def _bytes(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            content = stream.read(_MOST_BYTES + 1)
    except OSError as error:
        msg = f"cannot be read: {error.strerror}; name a file that netfold may read"
        raise _UnreadableError(1, msg) from error
    except ValueError as error:  # a NUL in the path
        raise _UnreadableError(1, "cannot be read: not a path; name a file") from error
    if len(content) > _MOST_BYTES:
        raise _UnreadableError(1, f"larger than {_MOST_BYTES >> 20} MiB; split it by include:")
    return content


def _decode(content: bytes) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        msg = f"not UTF-8: byte 0x{content[error.start]:02x}; save the file as UTF-8"
        raise _UnreadableError(line, msg) from error
    odd = _UNPRINTABLE.search(text)
    if odd:
        line = text.count("\n", 0, odd.start()) + 1
        msg = f"the character U+{ord(odd[0]):04X} cannot stand in YAML; take it out"
        raise _UnreadableError(line, msg)
    return text


def _compose(text: str, form: Form) -> yaml.MappingNode:
    try:
        root = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line if mark else 0
        lines = [*text.splitlines(), ""]
        words = plain_words(error.problem or "", lines[min(line, len(lines) - 1)])
        raise _UnreadableError(line + 1, words) from error
    # PyYAML's own scanner passes on what chr() and the stack say of odd escapes and deep nesting.
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
        raise _UnreadableError(1, plain_words("", "")) from error
    if root is None:
        raise _UnreadableError(1, f"empty; {form.shown_in} shows what it needs")
    if not isinstance(root, yaml.MappingNode):
        line = root.start_mark.line + 1
        raise _UnreadableError(line, f"a list or text where keys belong; write {form.begins}")
    return root
