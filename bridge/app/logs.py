"""The log: one record a line, whatever it is about (T31), and without secrets (T35, T39).

Records go to standard error. Under systemd each line of the console form begins with its priority
and leaves the time to the journal.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from types import TracebackType

from pydantic import BaseModel, SecretStr

from bridge.config.keyfile import KeyFile
from bridge.config.settings import Settings
from bridge.web.redaction import HIDDEN, clean, escaped

_EXTRA = ("client", "method", "path", "status", "request_id")
"""Fields that the access log adds to its records."""
_SHORTEST_SECRET = 6
"""A shorter one would star out half of every line, and is guessed sooner than found in a log."""
_PRIORITY = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3}


class Redactor:
    """Stars out what must not be in a log: secrets that are known, and what looks like one."""

    def __init__(self) -> None:
        self._secrets: set[str] = set()
        self._known: re.Pattern[str] | None = None

    def learn(self, secrets: Iterable[str]) -> None:
        """Star these out from now on, and those of before as well."""
        self._secrets.update(each for each in secrets if len(each) >= _SHORTEST_SECRET)
        longest_first = sorted(self._secrets, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def clean(self, text: str) -> str:
        """Return the text without secrets."""
        if self._known is not None:
            text = self._known.sub(HIDDEN, text)
        return clean(text)


class _Formatter(logging.Formatter):
    """What both forms share: the message and the traceback, cleaned."""

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def _message(self, record: logging.LogRecord) -> str:
        return escaped(self._redactor.clean(record.getMessage()))

    def _traceback(self, record: logging.LogRecord) -> list[str]:
        """Return the lines of the traceback; those inside messages are escaped like any other."""
        text = self.formatException(record.exc_info) if record.exc_info else ""
        if record.stack_info:
            text = f"{text}\n{record.stack_info}"
        return [escaped(line) for line in self._redactor.clean(text).splitlines()]


class ConsoleFormatter(_Formatter):
    """For people: time, level, logger, message; the lines of a traceback begin with `|`."""

    def __init__(self, redactor: Redactor, *, journal: bool) -> None:
        """Write for the journal: priority first, no time."""
        super().__init__(redactor)
        self._journal = journal

    def format(self, record: logging.LogRecord) -> str:
        """Write one record."""
        head = f"<{_PRIORITY.get(record.levelno, 3)}>" if self._journal else ""
        when = "" if self._journal else f"{self.formatTime(record)} "
        first = f"{head}{when}{record.levelname} {record.name}: {self._message(record)}"
        return "\n".join([first, *(f"{head}  | {line}" for line in self._traceback(record))])


class JsonFormatter(_Formatter):
    """For programs: one object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one record."""
        fields: dict[str, object] = {
            "time": self.formatTime(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self._message(record),
        }
        extra = {name: getattr(record, name) for name in _EXTRA if hasattr(record, name)}
        for name, value in extra.items():
            fields[name] = self._redactor.clean(value) if isinstance(value, str) else value
        if lines := self._traceback(record):
            fields["traceback"] = lines
        return json.dumps(fields)


class Logs:
    """The process' log, as the settings in force want it."""

    def __init__(self) -> None:
        self._redactor = Redactor()
        self._handler = logging.StreamHandler(sys.stderr)
        self._journal = _is_journal(sys.stderr.fileno(), os.environ)

    def begin(self, settings: Settings, keyfile: KeyFile) -> None:
        """Take over the root logger, warnings, and what threads die of."""
        self.learn(keyfile)
        logging.basicConfig(handlers=[self._handler], force=True, level=logging.NOTSET)
        self.follow(settings)
        logging.captureWarnings(capture=True)
        # Its queue is short by design: what waits there is answered a moment later.
        logging.getLogger("waitress.queue").setLevel(logging.ERROR)
        logging.getLogger("alembic").setLevel(logging.WARNING)  # it names each of its plugins
        threading.excepthook = _log_death
        sys.excepthook = _log_end

    def learn(self, keyfile: KeyFile) -> None:
        """Keep the keys of a file out of the log."""
        self._redactor.learn([keyfile.identity.hex(), *(key.hex() for key in keyfile.keys)])

    def follow(self, settings: Settings) -> None:
        """Take level, form and secrets from new settings."""
        self._redactor.learn(secrets_of(settings))
        if settings.logging.format == "json":
            self._handler.setFormatter(JsonFormatter(self._redactor))
        else:
            self._handler.setFormatter(ConsoleFormatter(self._redactor, journal=self._journal))
        logging.getLogger().setLevel(settings.logging.level.upper())


def secrets_of(value: object) -> Iterator[str]:
    """Find every secret in settings, however deep."""
    match value:
        case SecretStr():
            yield value.get_secret_value()
        case BaseModel():
            for name in type(value).model_fields:
                yield from secrets_of(getattr(value, name))
        case Mapping():
            for each in value.values():
                yield from secrets_of(each)
        case list() | tuple():
            for each in value:
                yield from secrets_of(each)


def _is_journal(handle: int, environ: Mapping[str, str]) -> bool:
    """Tell whether a handle leads to the journal; see systemd.exec(5), JOURNAL_STREAM."""
    try:
        found = os.fstat(handle)
    except OSError:
        return False
    return environ.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"


def _log_death(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None:
        name = args.thread.name if args.thread else "?"
        trace = (args.exc_type, args.exc_value, args.exc_traceback)
        logging.getLogger("bridge.app").error("the thread %s died", name, exc_info=trace)


def _log_end(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    logging.getLogger("bridge.app").critical("ended by a fault", exc_info=(kind, error, trace))
