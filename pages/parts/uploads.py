"""A picture of the visitor's own: it stays in the session and is never stored."""

from __future__ import annotations

from typing import NamedTuple

import streamlit as st

from lsr.encoders.drawn_scenes import drawn_scenes
from lsr.exceptions import PictureError
from lsr.storage.pictures import MAX_BYTES, PICTURE_ENDINGS
from pages.parts import mode
from pages.parts.glossary import glossed
from pages.parts.messages import show_off


class Upload(NamedTuple):
    """The bytes of a picture and the name of its file."""

    content: bytes
    name: str


def upload_box(encoder: str, *, key: str) -> Upload | None:
    """A box to drop a picture into; None while it is empty, or where uploading is off.

    Raises:
        PictureError: the file is empty.
    """
    if why := mode.why_not("upload"):
        show_off(why)
        return None
    file = st.file_uploader(
        f"A picture of up to {MAX_BYTES // 2**20} MB",
        type=sorted(PICTURE_ENDINGS),
        key=key,
        help=glossed(
            "It stays in this session: it is not stored and is not part of the address. "
            f"Remove it to go back. {drawn_scenes(encoder)}"
        ),
    )
    if file is None:
        return None
    if not (content := file.getvalue()):
        raise PictureError(f"`{file.name}` is empty. Choose another file.")
    return Upload(content, file.name)
