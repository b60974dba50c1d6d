"""Encoding many pictures and captions: in batches, and resumable after a kill at any moment."""

from lsr.encoding.encoded import Encoded, read_encoded
from lsr.encoding.encoding import EncodingReport, encode_captions, encode_pictures

__all__ = ["Encoded", "EncodingReport", "encode_captions", "encode_pictures", "read_encoded"]
