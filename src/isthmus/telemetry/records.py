"""What Python's ``logging`` says, as lines of the same log."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Sequence
from contextvars import ContextVar

from isthmus.redaction import masked
from isthmus.telemetry.line import quoted, utc_now, word
from isthmus.telemetry.sink import Sink

#: The request that is being served, so that whatever is said meanwhile can be found by it.
REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="")


class SinkHandler(logging.Handler):
    """Writes records to a sink: level, logger, request, message and trace, without ``secrets``."""

    def __init__(self, sink: Sink, secrets: Sequence[str] = ()) -> None:
        super().__init__()
        self._sink = sink
        self._secrets = secrets

    def emit(self, record: logging.LogRecord) -> None:
        """Take one record. Never blocks."""
        try:
            self._sink.write(self._line(record))
        except (TypeError, ValueError, KeyError):  # the message does not fit its arguments
            self.handleError(record)

    def _line(self, record: logging.LogRecord) -> str:
        line = f"{utc_now()} log level={record.levelname.lower()} logger={word(record.name)}"
        request = REQUEST_ID.get()
        if request:
            line += f" request={request}"
        line += f" message={self._value(record.getMessage())}"
        if record.exc_info and record.exc_info[1] is not None:
            trace = "".join(traceback.format_exception(record.exc_info[1]))
            line += f" trace={self._value(trace)}"
        return line

    def _value(self, text: str) -> str:
        return quoted(masked(text, self._secrets))


def log_to(sink: Sink, secrets: Sequence[str] = ()) -> None:
    """Send warnings and worse of all loggers to ``sink``, and nowhere else."""
    logging.basicConfig(level=logging.WARNING, handlers=[SinkHandler(sink, secrets)], force=True)
    logging.captureWarnings(True)
