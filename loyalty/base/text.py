"""Text typed by people or sent by machines: kept as they wrote it, minus what breaks databases and
screens."""

from __future__ import annotations

import unicodedata

from django.utils.translation import gettext as _

from loyalty.base.errors import Invalid

MAX_MARKS = 8  # combining marks on one letter; living scripts need at most five
_LINE_ENDS = {"\n", "\r", "\t"}


def clean(text: object, *, max_length: int = 200, multiline: bool = False, required: bool = False) -> str:
    """`text` in NFC, trimmed, with runs of blanks collapsed (line breaks kept when `multiline`).

    Emoji, joiners and right-to-left text stay; letters keep at most eight combining marks. `max_length`
    counts characters after cleaning. Raises Invalid: `text_invalid`, `text_too_long`, `text_nul`,
    `text_surrogate`, `text_control`, `text_required`.
    """
    if not isinstance(text, str):
        raise Invalid(_("This must be text."), code="text_invalid")
    if 0 < len(text) <= max_length and text.isascii() and text.isprintable() and _is_tidy(text):
        return text  # most of what machines send
    if len(text) > 16 * max_length + 1024:  # bounds the work before any of it is done
        raise _too_long(max_length)
    _refuse_control(text)
    kept = text if text.isascii() else unicodedata.normalize("NFC", _thin_marks(text))
    kept = _collapse_lines(kept) if multiline else " ".join(kept.split())
    if len(kept) > max_length:
        raise _too_long(max_length)
    if required and not kept:
        raise Invalid(_("Please fill this in."), code="text_required")
    return kept


def _is_tidy(text: str) -> bool:
    return text[0] != " " != text[-1] and "  " not in text


def _refuse_control(text: str) -> None:
    if text.isprintable():
        return
    for char in text:
        if char == "\x00":
            raise Invalid(_("Text must not hold the NUL character."), code="text_nul")
        if "\ud800" <= char <= "\udfff":
            raise Invalid(_("Text holds half of a surrogate pair."), code="text_surrogate")
        if unicodedata.category(char) == "Cc" and char not in _LINE_ENDS:
            raise Invalid(_("Text must not hold control characters."), code="text_control")


def _thin_marks(text: str) -> str:
    kept: list[str] = []
    marks = 0
    for char in text:
        marks = marks + 1 if unicodedata.category(char) in ("Mn", "Me") else 0
        if marks <= MAX_MARKS:
            kept.append(char)
    return "".join(kept)


def _collapse_lines(text: str) -> str:
    lines = [" ".join(line.split()) for line in text.splitlines()]
    return "\n".join(lines).strip("\n")


def _too_long(max_length: int) -> Invalid:
    return Invalid(_("Use at most %(max)d characters.") % {"max": max_length}, code="text_too_long")
