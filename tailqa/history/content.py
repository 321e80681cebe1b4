"""Which runs must have one content of their suite: by name, version and what else makes a suite."""

import re

_SHOTS = re.compile(r"(?:^|, )(num_fewshot \d+)(?=, |$)")
_SEED = re.compile(r"^seed -?\d+(?:, )?")
_IMPORTED = re.compile(r"(?:^|, )imported from ")


def settings_of_suite(settings: str) -> str:
    """The part of a run's settings that makes another suite of the same file.

    Shots are part of the prompts; seed, limit, temperature and samples of no suite. What was
    imported has a suite made of its records, by all settings but the seed.

    >>> settings_of_suite("seed 46, limit 300, num_fewshot 5, temperature 0.0")
    'num_fewshot 5'
    >>> settings_of_suite("seed 1, limit 300"), settings_of_suite("seed 0, imported from a table")
    ('', 'imported from a table')
    """
    if _IMPORTED.search(settings):
        return _SEED.sub("", settings)
    shots = _SHOTS.search(settings)
    return shots[1] if shots else ""
