"""Encoding many pictures and captions: in batches, and resumable after a kill at any moment."""

from lsr.encoding.encoded import Encoded, read_encoded
from lsr.encoding.encoding import EncodingReport, encode_captions, encode_pictures
from lsr.encoding.reencoding import Reencoded, encode_collection
from lsr.encoding.revision import revision_folder, write_revision

__all__ = [
    "Encoded",
    "EncodingReport",
    "Reencoded",
    "encode_captions",
    "encode_collection",
    "encode_pictures",
    "read_encoded",
    "revision_folder",
    "write_revision",
]
