"""CIFF: read by ciff-toolkit, and by a plain walk over the bytes."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from lsr.exports.ciff import _varint, _varints

READER = """
import json, sys
from ciff_toolkit.read import CiffReader
with CiffReader(sys.argv[1]) as reader:
    header = reader.read_header()
    postings = [
        [one.term, one.df, one.cf, [[p.docid, p.tf] for p in one.postings]]
        for one in reader.read_postings_lists()
    ]
    documents = [[d.docid, d.collection_docid, d.doclength] for d in reader.read_documents()]
    rest = len(reader.fp.read())
numbers = [header.version, header.num_postings_lists, header.num_docs, header.total_postings_lists,
           header.total_docs, header.total_terms_in_collection, header.average_doclength]
print(json.dumps([numbers, header.description, postings, documents, rest]))
"""


@pytest.mark.parametrize("kind", ["images", "captions"])
def test_ciff_toolkit_reads_the_whole_index(peers, exported, collection, vocabulary, weights, kind):
    file = exported("ciff").folder / f"{kind}.ciff"
    # Its generated code warns on newer protobuf; a process of its own keeps that to itself.
    done = subprocess.run(
        [sys.executable, "-c", READER, file],
        env={**os.environ, "PYTHONPATH": str(peers)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    numbers, about, postings, documents, rest = json.loads(done.stdout)
    whole = np.rint(100 * weights[kind]).astype(int)
    used = sorted(np.flatnonzero(whole.any(axis=0)), key=lambda t: vocabulary.terms[t].encode())
    n, total = len(whole), int(whole.sum())
    assert numbers == [1, len(used), n, len(used), n, total, pytest.approx(total / n)]
    assert about == f"{kind} of tiny, split test, weights times 100"
    for (term, df, cf, gaps), column in zip(postings, used, strict=True):
        rows = np.flatnonzero(whole[:, column])
        assert (term, df, cf) == (vocabulary.terms[column], len(rows), whole[:, column].sum())
        assert np.cumsum([gap for gap, _ in gaps]).tolist() == rows.tolist()
        assert [weight for _, weight in gaps] == whole[rows, column].tolist()
    ids = collection.image_ids if kind == "images" else collection.caption_ids
    expected = zip(range(n), ids, whole.sum(axis=1).tolist(), strict=True)
    assert documents == [list(one) for one in expected]
    assert rest == 0


def test_a_plain_walk_finds_as_many_messages_as_the_header_says(exported, collection):
    content = (exported("ciff").folder / "images.ciff").read_bytes()
    messages, at = [], 0
    while at < len(content):
        size = shift = 0
        while True:
            byte = content[at]
            size |= (byte & 0x7F) << shift
            at, shift = at + 1, shift + 7
            if byte < 0x80:
                break
        messages.append(content[at : at + size])
        at += size
    assert at == len(content)
    lists = len(messages) - 1 - len(collection.image_ids)
    # Version 1, then the number of postings lists in field 2 and of documents in field 3.
    assert messages[0].startswith(bytes([0x08, 1, 0x10, lists, 0x18, 12]))
    for one, image_id in zip(messages[1 + lists :], collection.image_ids, strict=True):
        assert image_id.encode() in one


@pytest.mark.parametrize(
    ("value", "encoded"),
    [(0, "00"), (1, "01"), (127, "7f"), (128, "8001"), (300, "ac02"), (2**31 - 1, "ffffffff07")],
)
def test_varints_are_those_of_the_protocol_buffer_guide(value, encoded):
    assert _varint(value).hex() == encoded
    parts, kept = _varints(np.array([value, 5]))
    assert parts[0][kept[0]].tobytes().hex() == encoded
