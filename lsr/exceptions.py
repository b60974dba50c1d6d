"""Errors that a user can act on.

LexiscopeError
└── InputError              a mistake that the user can mend; the command line exits 2
    ├── UnknownNameError    no collection, model, image, term or split of that name
    ├── CollectionError     a collection folder that is incomplete or does not fit together
    ├── ModelError          a model folder that is incomplete or does not fit together
    ├── EncoderError        an encoder that is not here, does not start or answers wrongly
    ├── EngineError         an engine that is not here, not reached, not exact or fails
    ├── IndexFileError      a stored index that is damaged, foreign or being written
    ├── QueryError          a query text, weight or setting that cannot be searched with
    ├── PictureError        a file that is not a picture we can read
    ├── BusyError           something that another process is writing now
    ├── DiskFullError       a disk without room for what is to be written
    └── NotAllowedError     what whoever runs the server has switched off for its visitors

Every message is one sentence with the fact and its numbers, then the remedy.
"""

from __future__ import annotations


class LexiscopeError(Exception):
    """Anything that Lexiscope itself raises."""


class InputError(LexiscopeError):
    """A mistake in what the user gave; the message says how to mend it."""


class UnknownNameError(InputError):
    """A name that is not there; the message lists what is, or the nearest ones."""


class CollectionError(InputError):
    """A collection folder that is incomplete, truncated or inconsistent."""


class ModelError(InputError):
    """A model folder that is incomplete, truncated or does not fit the collection."""


class EncoderError(InputError):
    """An encoder whose packages, environment or code are missing, broken or wrong."""


class EngineError(InputError):
    """A search engine or Ray: not installed, not reached, not exact, or failing at its work."""


class IndexFileError(InputError):
    """A stored index that is damaged, made from something else or being written."""


class QueryError(InputError):
    """A query or a search setting that cannot be used."""


class PictureError(InputError):
    """A file that cannot be read as a picture."""


class BusyError(InputError):
    """Something that another process is writing now; what stands there is whole."""


class DiskFullError(InputError):
    """A disk without room; what stood there before is untouched.

    needed: bytes that had to be written, 0 where that is not known.
    """

    def __init__(self, message: str, needed: int = 0) -> None:
        super().__init__(message)
        self.needed = needed


class NotAllowedError(InputError):
    """Something that the mode of a server keeps its visitors from doing."""


def shorten(text: str, limit: int = 60) -> str:
    """`text` on one line, cut to `limit` characters for use in a message."""
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
