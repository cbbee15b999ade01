"""The parser of expressions: one-line conditions, which become mappings.

::

    expression = conjunction { "or" conjunction }
    conjunction = negation { "and" negation }
    negation    = "not" negation | "(" expression ")" | test
    test        = function [ "(" arguments ")" ] [ comparison ]
                | value "in" function "(" arguments ")"
    comparison  = ( "==" | "!=" | "<" | "<=" | ">" | ">=" ) value | [ "not" ] "in" list
    list        = "[" value { "," value } "]"

The mapping defines the meaning and is validated; each of its parts has a position in the
expression, for errors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from vpo.policy.comparisons import BitRateComparison, NumberComparison, PixelComparison
from vpo.policy.rules.token_reader import Parsed, TokenReader, mapping, sequence
from vpo.policy.rules.tokens import ExpressionError, Token, tokens
from vpo.policy.track_filter import FILTER_KEYS, OPPOSITES, filter_keys
from vpo.text import suggestion

FUNCTIONS = {
    "exists": "exists",
    "count": "count",
    "multi_language": "audio_is_multi_language",
    "plugin": "plugin_metadata",
    "container_meta": "container_metadata",
    "is_original": "is_original",
    "is_dubbed": "is_dubbed",
}
"""The functions by name, with the keys of mappings that they stand for."""

FILE_FACTS = ("path", "container", "file_size", "duration", "age")
"""The facts of the file that are compared by themselves."""
SELECTABLE_TYPES = ("video", "audio", "subtitle", "attachment")
_FLAGS = filter_keys(bool)
_ORDERED = filter_keys(NumberComparison, PixelComparison, BitRateComparison)
_COMPARED = tuple(name for name in FILTER_KEYS if name not in (*_FLAGS, "not"))
FILTER_NAMES = {
    **{name: name for name in (*_COMPARED, *_FLAGS)},
    **{f"is_{name}": name for name in _FLAGS},
    **OPPOSITES,
    "lang": "language",
    "comment": "commentary",
    "attached_pic": "cover",
}
"""The filters by their names in expressions."""
_FLAG_NAMES = tuple(name for name, key in FILTER_NAMES.items() if key in _FLAGS)
_PARAMETER_NAMES = {"confidence": "min_confidence"}
_PARAMETERS: dict[str, tuple[str, ...]] = {
    "multi_language": ("threshold", "track_index", "primary_language"),
    "is_original": ("value", "min_confidence", "confidence", "language", "lang"),
    "is_dubbed": ("value", "min_confidence", "confidence", "language", "lang"),
}
_OPERATORS = {"==": "eq", "!=": "neq", "<": "lt", "<=": "lte", ">": "gt", ">=": "gte"}
_DEEPEST = 30


def parse_expression(expression: str) -> Parsed:
    """Parse an expression to a mapping. Raises ``ExpressionError``."""
    parser = _Parser(tokens(expression))
    found = parser.expression()
    if parser.token.kind != "end":
        raise parser.unexpected("`and`, `or` or the end")
    return found


class _Parser(TokenReader):
    """A recursive-descent parser with one method for each rule of the grammar."""

    _depth = 0

    def expression(self) -> Parsed:
        return self._joined("or", self._conjunction)

    def _conjunction(self) -> Parsed:
        return self._joined("and", self._negation)

    def _joined(self, word: str, operand: Callable[[], Parsed]) -> Parsed:
        items = [operand()]
        while self._at(word):
            self._take()
            items.append(operand())
        if len(items) == 1:
            return items[0]
        return mapping(items[0].offset, {word: sequence(items[0].offset, items)})

    def _negation(self) -> Parsed:
        start = self.token
        self._depth += 1
        if self._depth > _DEEPEST:
            raise ExpressionError(start.offset, "nested too deeply")
        if self._at("not"):
            self._take()
            found = mapping(start.offset, {"not": self._negation()})
        elif self._at("("):
            self._take()
            found = self.expression()
            self._expect(")")
        else:
            found = self._test()
        self._depth -= 1
        return found

    def _test(self) -> Parsed:
        start = self.token
        if start.kind in ("value", "text"):
            return self._contained()
        if start.kind != "word" or start.written in ("and", "or", "in"):
            raise self.unexpected("a function")
        if start.written in FILE_FACTS:
            return self._file_fact()
        if start.written not in FUNCTIONS:
            known = suggestion(start.written, (*FUNCTIONS, *FILE_FACTS))
            problem = f"`{start.written}` is not a function{known}"
            raise ExpressionError(start.offset, problem)
        self._take()
        key = FUNCTIONS[start.written]
        if start.written in _PARAMETERS:
            inner = self._parameters(start)
        elif key in ("exists", "count"):
            inner = self._selection(start)
        else:
            inner = self._metadata(start)
        return mapping(start.offset, {key: inner})

    def _file_fact(self) -> Parsed:
        """``path == glob("*/Kids/*")``, ``file_size > 5GB``."""
        start = self._take()
        operator = self.token
        path = ("contains", "glob", "regex") if start.written == "path" else ()
        comparison = self._comparison(path)
        if comparison is None:
            raise self.unexpected(f"a comparison, as in `{start.written} == ...`")
        key, value = comparison
        if start.written == "path" and key == "eq":
            key = "contains"
        ordered = key in ("lt", "lte", "gt", "gte")
        if (key not in path) if path else ordered != (start.written != "container"):
            problem = f"`{operator.written}` does not apply to `{start.written}`"
            raise ExpressionError(operator.offset, problem)
        return mapping(start.offset, {start.written: mapping(start.offset, {key: value})})

    def _contained(self) -> Parsed:
        """``"Anime" in plugin(radarr, genres)``, ``"Kids" in path``."""
        value = self._value()
        if not self._at("in"):
            raise self.unexpected("`in`")
        self._take()
        start = self.token
        if start.written == "path":
            self._take()
            return mapping(start.offset, {"path": mapping(start.offset, {"contains": value})})
        if start.written not in ("plugin", "container_meta"):
            raise self.unexpected("`plugin` or `container_meta`")
        self._take()
        parts = dict(self._fields(start))
        parts["operator"] = Parsed("contains", value.offset)
        parts["value"] = value
        return mapping(start.offset, {FUNCTIONS[start.written]: mapping(start.offset, parts)})

    def _metadata(self, start: Token) -> Parsed:
        parts = dict(self._fields(start))
        operator = self.token
        comparison = self._comparison()
        if comparison is None:
            parts["operator"] = Parsed("exists", start.offset)
        else:
            parts["operator"] = Parsed(comparison[0], operator.offset)
            parts["value"] = comparison[1]
        return mapping(start.offset, parts)

    def _fields(self, start: Token) -> Iterator[tuple[str | int, Parsed]]:
        """The arguments of ``plugin`` (source and field, or field) and ``container_meta``."""
        self._expect("(")
        names = [self._name()]
        if start.written == "plugin" and self._at(","):
            self._take()
            names.append(self._name())
        self._expect(")")
        yield from zip(("plugin", "field") if len(names) > 1 else ("field",), names, strict=True)

    def _name(self) -> Parsed:
        token = self.token
        if token.kind not in ("word", "text"):
            raise self.unexpected("the name of a field")
        return self._value()

    def _parameters(self, start: Token) -> Parsed:
        parts: dict[str | int, Parsed] = {}
        if self._at("("):
            self._take()
            while not self._at(")"):
                self._parameter(_PARAMETERS[start.written], parts)
                if not self._separated():
                    break
            self._expect(")")
        if start.written != "multi_language" and (self._at("==") or self._at("!=")):
            operator = self._take().written
            value = self._value()
            if "value" in parts or not isinstance(value.data, bool):
                raise ExpressionError(value.offset, f"`{start.written}` is true or false")
            value.data = value.data if operator == "==" else not value.data
            parts["value"] = value
        return mapping(start.offset, parts)

    def _parameter(self, known: tuple[str, ...], parts: dict[str | int, Parsed]) -> None:
        start = self.token
        name = self._argument(known, parts)
        operator = self.token
        comparison = self._comparison()
        least = name == "min_confidence" and comparison is not None and comparison[0] == "gte"
        if comparison is None or (name != "language" and comparison[0] != "eq" and not least):
            raise ExpressionError(operator.offset, "expected `==`")
        if name == "language":
            _fitting(name, operator, comparison)
            parts[name] = _added(parts.get(name), start, comparison)
        else:
            parts[name] = comparison[1]

    def _selection(self, start: Token) -> Parsed:
        self._expect("(")
        kind = self.token
        if kind.kind != "word" or kind.written not in SELECTABLE_TYPES:
            problem = (
                f"`{kind.written}` is not a track type{suggestion(kind.written, SELECTABLE_TYPES)}"
            )
            raise (
                ExpressionError(kind.offset, problem) if kind.written else self.unexpected("a type")
            )
        parts: dict[str | int, Parsed] = {"track_type": self._value()}
        while self._separated():
            self._filter(parts)
        self._expect(")")
        if start.written == "count":
            comparison = self._comparison()
            if comparison is None:
                raise self.unexpected("a comparison, as in `count(audio) > 1`")
            _whole(comparison[1])
            parts[comparison[0]] = comparison[1]
        return mapping(start.offset, parts)

    def _filter(self, parts: dict[str | int, Parsed]) -> None:
        start = self.token
        if start.kind == "text":
            return self._title_part(parts)
        negated = self._at("not")
        if negated:
            self._take()
        if negated and self._at("("):
            return self._denied(start, parts)
        opposite = self.token.written in OPPOSITES
        name = self._argument(tuple(FILTER_NAMES), parts, flag=negated)
        operator = self.token
        forms = ("regex", "word") if name == "title" else ()
        comparison = None if negated else self._comparison(forms)
        if name in _FLAGS:
            parts[name] = _flag(start, negated != opposite, comparison)
            return None
        if comparison is None:
            raise self.unexpected(f"a comparison, as in `{start.written} == ...`")
        _fitting(name, operator, comparison)
        if name == "title" and comparison[0] == "eq":
            comparison = "contains", comparison[1]
        parts[name] = _added(parts.get(name), start, comparison)
        return None

    def _denied(self, start: Token, parts: dict[str | int, Parsed]) -> None:
        """``not (language == eng, default)``."""
        if "not" in parts:
            raise ExpressionError(start.offset, "`not (...)` is there twice; put all into one")
        self._take()
        inner: dict[str | int, Parsed] = {}
        self._filter(inner)
        while self._separated():
            self._filter(inner)
        self._expect(")")
        parts["not"] = mapping(start.offset, inner)

    def _title_part(self, parts: dict[str | int, Parsed]) -> None:
        """``"Director" in title``."""
        value = self._value()
        if not self._at("in"):
            raise self.unexpected("`in`")
        self._take()
        start = self.token
        if start.written != "title":
            raise self.unexpected("`title`")
        self._take()
        parts["title"] = _added(parts.get("title"), start, ("contains", value))

    def _argument(
        self, known: tuple[str, ...], parts: Mapping[str | int, Parsed], flag: bool = False
    ) -> str:
        """Return the key in mappings of the argument that comes next."""
        token = self.token
        allowed = _FLAG_NAMES if flag else known
        if token.kind != "word":
            raise self.unexpected("a filter" if known == tuple(FILTER_NAMES) else "a name")
        if token.written not in allowed:
            problem = f"unknown name `{token.written}`{suggestion(token.written, allowed)}"
            raise ExpressionError(token.offset, problem)
        self._take()
        name = FILTER_NAMES.get(token.written, token.written)
        name = _PARAMETER_NAMES.get(name, name)
        if name in parts and name not in _COMPARED:
            raise ExpressionError(token.offset, f"`{token.written}` is set twice")
        return name

    def _comparison(self, forms: tuple[str, ...] = ()) -> tuple[str, Parsed] | None:
        """Return the key in mappings of the operator that comes next, and its operand.

        ``forms`` are the functions, such as ``regex``, that may stand in place of a value.
        """
        if self.token.written in _OPERATORS and self.token.kind == "sign":
            key = _OPERATORS[self._take().written]
            for form in forms if key == "eq" else ():
                if self._at(form):
                    return form, self._regex() if form == "regex" else self._words()
            return key, self._value()
        negated = self._at("not")
        if not negated and not self._at("in"):
            return None
        if negated:
            self._take()
            if not self._at("in"):
                raise self.unexpected("`in`")
        self._take()
        return "neq" if negated else "eq", self._list()

    def _words(self) -> Parsed:
        start = self._take()
        self._expect("(")
        items = [self._value()]
        while self._separated():
            items.append(self._value())
        self._expect(")")
        return sequence(start.offset, items)

    def _regex(self) -> Parsed:
        self._take()
        self._expect("(")
        if self.token.kind != "text":
            raise self.unexpected("a regular expression in quotes")
        value = self._value()
        self._expect(")")
        return value


def _added(earlier: Parsed | None, start: Token, comparison: tuple[str, Parsed]) -> Parsed:
    """Add a comparison to those of one fact; the same operator twice is an error."""
    parts = dict(earlier.parts) if earlier else {}
    key, value = comparison
    if key in parts:
        problem = (
            f"`{start.written}` is compared twice with the same operator; use a list with `in`"
        )
        raise ExpressionError(start.offset, problem)
    return mapping(start.offset, {**parts, key: value})


def _flag(start: Token, negated: bool, comparison: tuple[str, Parsed] | None) -> Parsed:
    """Return the value of a flag; ``negated`` by ``not``, or as its name is the opposite."""
    if comparison is None:
        return Parsed(not negated, start.offset)
    key, value = comparison
    if key not in ("eq", "neq") or not isinstance(value.data, bool):
        raise ExpressionError(value.offset, f"`{start.written}` is true or false")
    value.data = (value.data == (key == "eq")) != negated
    return value


def _fitting(name: str, operator: Token, comparison: tuple[str, Parsed]) -> None:
    key, value = comparison
    if name in _ORDERED:
        if name == "channels":
            _whole(value)
        return
    if key not in ("eq", "neq", "regex", "word"):
        problem = f"`{operator.written}` does not apply to `{name}`; use ==, !=, in or not in"
        raise ExpressionError(operator.offset, problem)
    for item in value.parts.values() or (value,):
        if not isinstance(item.data, str):
            problem = f"`{name}` is compared with text; put it in quotes"
            raise ExpressionError(item.offset, problem)


def _whole(value: Parsed) -> None:
    for item in value.parts.values() or (value,):
        if isinstance(item.data, bool) or not isinstance(item.data, int):
            raise ExpressionError(item.offset, "expected a whole number")
