"""How rare the wording of a text is."""

from functools import lru_cache

FUNCTION_WORD_ZIPF = 6.0
"""Words at least this frequent (once in a thousand words: the, is, what) carry no content."""


def rarity(text: str, *, words: int = 3, language: str = "en") -> float:
    """The mean Zipf frequency of the `words` rarest distinct content words of `text`.

    The Zipf frequency of a word is log10 of its uses per billion words (wordfreq; 0 for a word it
    does not know, about 8 at most), so *lower is rarer*. Content words are the tokens of
    `wordfreq.tokenize` that hold a letter and have a Zipf frequency below 6; a text with fewer
    than `words` of them is measured by those it has, and one without any by all its words.

    Raises ValueError for a text without a word, or a language that wordfreq cannot read.

    >>> from wordfreq import zipf_frequency
    >>> rarity("What is the marmalade for?") == zipf_frequency("marmalade", "en")
    True
    >>> rarity("What is it?") > 6 > rarity("Quinquagesimal marmalade?")
    True
    """
    from wordfreq.tokens import tokenize

    _check(language)
    tokens = {token for token in tokenize(text, language) if any(map(str.isalpha, token))}
    zipf = sorted(_zipf(token, language) for token in tokens)
    if not zipf:
        raise ValueError("has no word whose rarity could be measured")
    rarest = [value for value in zipf if value < FUNCTION_WORD_ZIPF][:words] or zipf[:words]
    return sum(rarest) / len(rarest)


@lru_cache
def _check(language: str) -> None:
    """Refuses what wordfreq would quietly replace by another language."""
    from wordfreq import available_languages, zipf_frequency

    if language not in available_languages():
        raise ValueError(f"wordfreq does not know the language {language!r}")
    try:
        zipf_frequency("a", language)
    except ImportError as error:
        raise ValueError(f"wordfreq cannot read the language {language!r}: {error}") from error


@lru_cache(maxsize=1_000_000)
def _zipf(word: str, language: str) -> float:
    from wordfreq import zipf_frequency

    return float(zipf_frequency(word, language))
