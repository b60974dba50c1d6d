"""A folder to take away as one file."""

from __future__ import annotations

import io
import zipfile
from functools import partial
from pathlib import Path

import streamlit as st

from lsr.storage.room import bytes_on_disk
from pages.parts.markup import sentence

# What goes through the browser's and the app's memory at once.
_MOST = 200 * 2**20


def offer_zip(folder: Path, *, key: str) -> None:
    """Say where a folder lies, and offer it as a zip unless it is large."""
    st.caption(sentence(f"It lies in `{folder}`."))
    if folder.is_dir() and bytes_on_disk(folder) <= _MOST:
        st.download_button(
            "Download",
            partial(zipped, folder),
            file_name=f"{folder.name}.zip",
            mime="application/zip",
            on_click="ignore",
            icon=":material/download:",
            key=f"zip-{key}",
        )


def zipped(folder: Path) -> bytes:
    """All files of a folder as a zip that unpacks into one folder."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            archive.write(file, f"{folder.name}/{file.relative_to(folder)}")
    return buffer.getvalue()
