"""Text files of others: UTF-8, or UTF-16 with a byte-order mark; what else there is, is named."""

from __future__ import annotations

import codecs

# The longer mark first: that of UTF-32 begins with that of UTF-16.
_MARKED = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
_HEAD = 4096


class EncodingError(ValueError):
    """Bytes in another encoding; the message says which, or where they are no UTF-8.

    It goes on from a name: `captions.csv` "is UTF-16 without a byte-order mark".
    """


def decode_text(content: bytes) -> str:
    """The text in the bytes of a file, without a byte-order mark.

    Raises:
        EncodingError: neither UTF-8 nor UTF-16 with a byte-order mark.
    """
    marked = _marked(content)
    if marked == "UTF-16":
        try:
            return content.decode("utf-16")
        except UnicodeDecodeError:
            raise EncodingError("is UTF-16 that ends in the middle of a letter") from None
    if marked:
        raise EncodingError(f"is {marked}")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = content.count(b"\n", 0, problem.start) + 1
        raise EncodingError(
            _wide(content[:_HEAD])
            or f"is not UTF-8 in line {line:,}, perhaps an older code page such as Windows-1252"
        ) from None
    if wide := _wide(content[:_HEAD]):
        raise EncodingError(wide)
    return text


def decode_head(content: bytes) -> str:
    """The text in the first bytes of a longer file, which may end in the middle of a letter.

    Raises:
        EncodingError: as `decode_text`.
    """
    if _marked(content) == "UTF-16":
        return content[: len(content) // 2 * 2].decode("utf-16", "ignore")
    whole = codecs.getincrementaldecoder("utf-8")("strict")
    try:
        whole.decode(content, final=False)
    except UnicodeDecodeError:
        return decode_text(content)
    return decode_text(content[: len(content) - len(whole.getstate()[0])])


def _marked(content: bytes) -> str:
    return next((name for mark, name in _MARKED if content.startswith(mark)), "")


def _wide(head: bytes) -> str:
    """What text with a zero in every other byte is, or nothing."""
    for first, name in ((1, "little-endian"), (0, "big-endian")):
        zeros = head[first::2]
        if len(zeros) > 1 and zeros.count(0) > len(zeros) // 2 > head[1 - first :: 2].count(0):
            return f"looks like UTF-16 ({name}) without a byte-order mark"
    return ""
