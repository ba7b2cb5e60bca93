"""Structured log lines on standard error, with request ids and without anything that tells who a participant is."""

import logging
import sys
from typing import Any

import msgspec
import structlog

from biobank.settings import Settings


def _json(line: Any, **_: Any) -> Any:
    return msgspec.json.encode(line)


def configure_logging(settings: Settings) -> None:
    """One line an event; JSON for machines, text for a terminal. Lines of libraries pass through the same shape."""
    level = getattr(logging, settings.log_level.upper())
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if settings.log_format == "json"
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(),
            exception_formatter=structlog.dev.plain_traceback,  # frames only: local values may be a person's
        )
    )
    # A line is written for every request, so its cost is part of each: bytes from msgspec, and loggers made once.
    as_json = settings.log_format == "json"
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer(serializer=_json) if as_json else renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.BytesLoggerFactory(sys.stderr.buffer)
        if as_json
        else structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer]
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(max(level, logging.WARNING) if settings.log_level != "debug" else level)
