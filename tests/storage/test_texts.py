"""One text in every encoding that is read; the others are refused by name."""

import pytest

from lsr.storage.texts import EncodingError, decode_head, decode_text

TEXT = "image,caption\na.jpg,ein süßer Hund\nb.jpg,猫と犬 😀\n"


@pytest.mark.parametrize("read", [decode_text, decode_head])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_utf8_and_marked_utf16_are_read(encoding, read):
    assert read(TEXT.encode(encoding)) == TEXT


def test_a_big_endian_mark_is_read():
    assert decode_text(b"\xfe\xff" + TEXT.encode("utf-16-be")) == TEXT


@pytest.mark.parametrize(
    ("encoding", "says"),
    [
        ("utf-16-le", r"looks like UTF-16 \(little-endian\) without a byte-order mark"),
        ("utf-16-be", r"looks like UTF-16 \(big-endian\) without a byte-order mark"),
        ("utf-32", "is UTF-32"),
        ("gb18030", "is not UTF-8 in line 2"),
    ],
)
@pytest.mark.parametrize("read", [decode_text, decode_head])
def test_another_encoding_is_named(encoding, says, read):
    with pytest.raises(EncodingError, match=f"^{says}"):
        read(TEXT.encode(encoding))


def test_plain_letters_in_utf16_without_a_mark_are_noticed_though_they_are_utf8_too():
    with pytest.raises(EncodingError, match="little-endian"):
        decode_text("image,caption\na.jpg,a dog\n".encode("utf-16-le"))


def test_a_head_may_end_in_the_middle_of_a_letter():
    content = "aß猫😀".encode()
    for end in range(1, len(content) + 1):
        assert "aß猫😀".startswith(decode_head(content[:end]))
    assert decode_head(TEXT.encode("utf-16")[:-1]) == TEXT[:-1]


def test_utf16_that_was_cut_is_named():
    with pytest.raises(EncodingError, match="ends in the middle"):
        decode_text(TEXT.encode("utf-16")[:-1])
