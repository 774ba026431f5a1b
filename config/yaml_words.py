"""What a YAML parser complains of, in plain words.

Its own words differ between libyaml and PyYAML and quote the text, which may hold a secret.
"""

import re

_WORDS = (
    (
        "mapping values are not allowed",
        "a ':' too many, or a wrong indentation; put a text that holds ': ' into quotes",
    ),
    (
        "another document",
        "a second document ('---') begins here; write each into a file of its own",
    ),
    ("undefined alias", "'*' names no anchor; put a text that begins with '*' into quotes"),
    ("anchor", "not an anchor; put a text that begins with '&' or '*' into quotes"),
    ("tag", "a YAML tag has no meaning here; put a text that begins with '!' into quotes"),
    ("cannot start any token", "no text begins like this; put it into quotes"),
    ("unexpected end of stream", "a quote is opened and never closed; close it"),
    ("or ']'", "a list '[…]' is not closed; add the missing ',' or ']'"),
    ("or '}'", "a mapping '{…}' is not closed; add the missing ',' or '}'"),
    ("expected ':'", "a key without a ':'; write key: value"),
    ("escape", "no such escape in double quotes; write \\\\ for a backslash, or use single quotes"),
    (
        "expected <block end>|expected key|expected '-' indicator|block sequence entries",
        "the line does not fit those above; indent it as its neighbours",
    ),
)


def plain_words(problem: str, line: str) -> str:
    """Say what a parser's `problem`, met in `line`, asks the writer to do."""
    if re.match(r" *\t", line):
        return "a tab stands where YAML wants blanks; indent with blanks"
    for fragment, words in _WORDS:
        if re.search(fragment, problem):
            return f"not YAML: {words}"
    return "not YAML from here on; look for a wrong indentation, an open quote or bracket"
