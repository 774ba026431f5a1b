"""Log lines on stderr: a constant message and the facts beside it, as logfmt or JSON."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Literal

_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

Form = Literal["logfmt", "json"]


def set_up(form: Form = "logfmt", level: int = logging.INFO) -> None:
    """Send the log to stderr; the libraries' own only when they warn."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Facts(form))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for name in ("agent", "config", "collectors"):
        logging.getLogger(name).setLevel(level)


class _Facts(logging.Formatter):
    def __init__(self, form: Form) -> None:
        super().__init__()
        self._form = form

    def format(self, record: logging.LogRecord) -> str:
        facts: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
        }
        facts |= {key: value for key, value in vars(record).items() if key not in _OWN}
        if record.exc_info:
            facts["exception"] = self.formatException(record.exc_info)
        if self._form == "json":
            return json.dumps(facts, ensure_ascii=False, default=str)
        return " ".join(f"{key}={_quoted(str(value))}" for key, value in facts.items())


def _quoted(text: str) -> str:
    plain = text and not any(it.isspace() or it in '="' or not it.isprintable() for it in text)
    return text if plain else json.dumps(text, ensure_ascii=False)
