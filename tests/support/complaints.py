"""What diffusers and transformers log as warnings or worse."""

import contextlib
import logging
from collections.abc import Iterator


class _Ear(logging.Handler):
    def __init__(self, messages: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._messages = messages

    def emit(self, record: logging.LogRecord) -> None:
        self._messages.append(record.getMessage())


@contextlib.contextmanager
def heard() -> Iterator[list[str]]:
    """Collect the messages while it is open."""
    messages: list[str] = []
    ear = _Ear(messages)
    loggers = [logging.getLogger(name) for name in ("diffusers", "transformers")]
    for logger in loggers:
        logger.addHandler(ear)
    try:
        yield messages
    finally:
        for logger in loggers:
            logger.removeHandler(ear)
