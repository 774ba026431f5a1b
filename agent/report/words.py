"""What a report says beyond what the pages say, in English and Chinese."""

from collections.abc import Mapping

from agent.report.chinese import CHINESE
from agent.report.english import ENGLISH
from agent.web.words import WORDS, Language

REPORT_WORDS: Mapping[Language, Mapping[str, str]] = {"en": ENGLISH, "zh": CHINESE}


def words_of(language: Language) -> Mapping[str, str]:
    """All that a report says in a language: what the pages say, and its own."""
    return WORDS[language] | dict(REPORT_WORDS[language])
