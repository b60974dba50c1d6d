"""Figures of others: each with a source, as docs have them, and apart from measured ones."""

import json
import re
from pathlib import Path

import pytest

from lsr.evaluation.published import RECALLS, by_task, read_published
from lsr.exceptions import ModelError
from lsr.storage import places

DOC = Path(__file__).resolve().parents[2] / "docs" / "results.md"


def test_every_figure_has_a_source_and_is_a_percentage():
    rows = read_published()
    for row in rows:
        assert re.fullmatch(r"https://\S+", row.link)
        assert row.seen in ("read", "second-hand")
        assert row.recalls[0] is not None
        told = [one for one in row.recalls if one is not None]
        assert told == sorted(told)  # R@5 finds what R@1 does
        assert 1 < told[0] <= told[-1] <= 100
        assert row.kind in ("dense", "re-ranked", "sparse")
        assert row.data_set in ("MSCOCO-5k", "Flickr30k")
        assert row.direction in ("text-to-image", "image-to-text")
    keys = [(row.system, row.data_set, row.direction, row.source) for row in rows]
    assert len(set(keys)) == len(keys)


def cell(number):
    return "–" if number is None else f"{number:.1f}"


def test_docs_and_data_agree():
    published = DOC.read_text("utf-8").split("## Published")[1].split("\n## ")[0]
    sections = published.split("\n### ")[1:]
    expected = list(by_task(read_published()))
    assert [one.split("\n")[0] for one in sections] == [title for title, _ in expected]
    for section, (_, rows) in zip(sections, expected, strict=True):
        lines = [line for line in section.splitlines() if line.startswith("| ")][1:]
        told = [[part.strip() for part in line.strip("|").split("|")] for line in lines]
        assert told == [
            [
                row.system,
                row.kind,
                *map(cell, row.recalls),
                f"[{row.source.rsplit('/', 1)[-1]}]({row.link})",
                row.seen,
                row.note,
            ]
            for row in rows
        ]


def test_a_damaged_file_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(places, "ASSETS", tmp_path)
    whole = {"system": "a", "kind": "sparse", "data_set": "b", "direction": "c", "note": ""}
    whole |= dict.fromkeys(RECALLS, 1.0)
    for content in ({}, {"rows": [whole]}, {"rows": [{**whole, "source": "x", "seen": "maybe"}]}):
        (tmp_path / "published.json").write_text(json.dumps(content))
        with pytest.raises(ModelError, match="is damaged"):
            read_published()
