"""Two wordings of one answer become one string."""

import re
import string
import unicodedata

from tailqa.grade.base import OptionsModel

_ARTICLES = re.compile(r"\b(?:a|an|the)\b", re.IGNORECASE)
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_MARK = re.compile(r"[^\w\s]|_")
_DASHES = "-−–"


class Normalised(OptionsModel):
    """Which differences of wording do not count. The steps run in the order of the options.

    As in SQuAD's evaluation (Rajpurkar 2016): case, punctuation, English articles, white space;
    with two repairs. A number keeps its point and its sign, so that 3.5 is not 35 and -5 is not 5
    (thousands separators go). A step that would leave nothing is skipped, so that the answer "A"
    is not lost as an article nor "+" as punctuation.
    """

    ignore_case: bool = True
    ignore_punctuation: bool = True
    ignore_articles: bool = True
    ignore_whitespace: bool = True

    def normalise(self, text: str, *, gap: str = "") -> str:
        """`text` in the form that is compared; `gap` takes the place of punctuation.

        >>> from tailqa.grade.text import Exact
        >>> Exact().normalise(" The  Eiffel-Tower!")
        'eiffeltower'
        >>> Exact().normalise("1,250.50 and −3"), Exact().normalise("A.")
        ('1250.50 and -3', 'a')
        """
        if not text.isascii():
            text = unicodedata.normalize("NFC", text)
        if self.ignore_case:
            text = text.casefold()
        if self.ignore_punctuation:
            text = _strip_punctuation(text, gap) or text
        if self.ignore_articles:
            shorter = _ARTICLES.sub(" ", text)
            text = text if shorter.isspace() else shorter
        if self.ignore_whitespace:
            text = " ".join(text.split())
        return text


def _strip_punctuation(text: str, gap: str) -> str:
    text = _THOUSANDS.sub("", text)

    def replacement(found: re.Match[str]) -> str:
        mark = found.group()
        before, after = text[found.start() - 1 : found.start()], text[found.end() : found.end() + 1]
        if after.isdecimal():
            if before.isdecimal() or (mark == "." and not before.isalnum()):
                return "-" if mark in _DASHES else mark
            if mark in _DASHES and not before.isalnum():
                return "-"
        return gap if _is_punctuation(mark) else mark

    stripped = _MARK.sub(replacement, text)
    return stripped if stripped.strip() else ""


def _is_punctuation(character: str) -> bool:
    return character in string.punctuation or unicodedata.category(character).startswith("P")
