"""Structured logs: one line an event, the deploy's number where there is one, never a secret."""

import contextlib
import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

_SECRET = re.compile(
    r"xox[a-z]-[\w-]+|xapp-[\w-]+|xoxe[\w.-]+|(?:user|agent):[\w-]+:[\w-]+"
    r"|gh[pousr]_\w+|glpat-[\w-]+|(?<=://)[^/@\s:]+:[^/@\s]+(?=@)"
)


def redact(text: str) -> str:
    """Return the text without anything that looks like a token."""
    return _SECRET.sub("[redacted]", text)


def set_up_logs(*, as_json: bool, quiet: bool = False) -> None:
    """Send logs to the standard error stream: JSON for machines, plain lines for people."""
    level = logging.WARNING if quiet else logging.INFO
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _redact_all,
    ]
    last = structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer()
    structlog.configure(
        processors=[*shared, last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: _Printer(sys.stderr),
        cache_logger_on_first_use=False,
    )
    # Libraries log through the standard module. Bolt logs whole request bodies at INFO and DEBUG.
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(name)s: %(message)s")
    logging.getLogger().addFilter(_RedactFilter())
    for handler in logging.getLogger().handlers:
        handler.addFilter(_RedactFilter())


class _Printer(structlog.PrintLogger):
    """Who reads the log may go away: then a line is lost, and nothing else stops."""

    def msg(self, message: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            super().msg(message)

    log = debug = info = warn = warning = fatal = failure = err = error = critical = exception = msg


def _redact_all(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    return {key: redact(value) if isinstance(value, str) else value for key, value in event.items()}


class _RedactFilter(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redact(record.getMessage()), ()
        return True
