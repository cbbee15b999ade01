"""The text of subtitles without what only the hard of hearing need: sounds and speakers.

These are descriptions of sounds in brackets (``[door slams]``, ``(sighs)``) and the names of
speakers in capitals before a colon (``JOHN: Hi``). Sung text between notes stays, as it is heard as
words. What remains of a cue without letters or digits is nothing.
"""

from __future__ import annotations

import re

_BRACKETS = re.compile(
    r"\[[^\[\]]*\]|\([^()]*\)|\uff08[^\uff08\uff09]*\uff09|\u3010[^\u3010\u3011]*\u3011|\uff3b[^\uff3b\uff3d]*\uff3d"
)
_MARKUP = r"(?:<[^<>\n]*>|\{[^{}\n]*\})"
_DASH = r"[-\u2010-\u2015]"
_LABEL = re.compile(
    rf"^(?P<head>(?:{_MARKUP}|\s)*(?:{_DASH}\s*)?(?:{_MARKUP}|\s)*)"
    r"(?P<name>[^\W_][^\n:<>{}\[\]()]{0,40}?)\s*[:\uff1a](?!\d)[^\S\n]*"
)
_LEFT_OVER = re.compile(r"^[\s:\uff1a,;.\u2026♪♫#-]*$")
_EMPTY_TAG = re.compile(r"<([a-zA-Z]+)(?:[ .][^<>]*)?>(\s*)</\1>")
_ONE_MARK = re.compile(_MARKUP)
_FIRST_DASH = re.compile(rf"^((?:{_MARKUP}|\s)*){_DASH}\s*")
_LEAST_LETTERS = 2
_LONGEST = 2000
"""Letters of a cue that anybody could read; searching a longer one could take any time."""


def plain_text(text: str) -> str:
    """Return the text of one cue, with its markup, for those who hear; empty if nothing remains.

    Lines end with a line feed, or ASS's ``\\N``.
    """
    if len(text) > _LONGEST:
        return text
    end = r"\N" if r"\N" in text else "\n"
    lines = text.replace(r"\N", "\n")
    marked = _BRACKETS.sub("\0", lines)
    kept = [found for line in marked.split("\n") if (found := _plain_line(line)) is not None]
    if kept == lines.split("\n"):
        return text
    if _dashes(kept) < _dashes(lines.split("\n")) and _dashes(kept) == 1:
        # A dash tells two speakers apart.
        kept = [_FIRST_DASH.sub(r"\1", line) for line in kept]
    plain = end.join(kept)
    return plain if _has_words(plain) or not _has_words(text) else ""


def _plain_line(line: str) -> str | None:
    """Return a line without labels; ``None`` if nothing is left of what there was."""
    found = _LABEL.match(line.replace("\0", ""))
    plain = line.replace("\0", " ") if "\0" in line else line
    if found is not None and _is_speaker(found["name"]):
        whole = line.replace("\0", "")
        plain = found["head"] + whole[found.end() :]
    if plain == line:
        return line
    while (shorter := _EMPTY_TAG.sub(r"\2", plain)) != plain:
        plain = shorter
    plain = re.sub(r"[^\S\n]{2,}", " ", plain).strip()
    plain = re.sub(r"\s+([,.;!?])", r"\1", plain)
    return None if _LEFT_OVER.match(_ONE_MARK.sub("", plain)) else plain


def _is_speaker(name: str) -> bool:
    """Return whether what stands before a colon is a name in capitals."""
    letters = [char for char in name if char.isalpha()]
    return (
        len(letters) >= _LEAST_LETTERS
        and not any(char.islower() for char in letters)
        and (any(char.isupper() for char in letters))
    )


def _dashes(lines: list[str]) -> int:
    return sum(_FIRST_DASH.match(line) is not None for line in lines)


def _has_words(text: str) -> bool:
    return any(map(str.isalnum, _ONE_MARK.sub("", text.replace(r"\N", " "))))
