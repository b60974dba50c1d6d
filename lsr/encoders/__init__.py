"""Encoders by name: their protocol, loading them, and making one of any object."""

from lsr.encoders.loading import can_encode, load_encoder, obstacle
from lsr.encoders.own import from_callable
from lsr.encoders.protocol import Encoder

__all__ = ["Encoder", "can_encode", "from_callable", "load_encoder", "obstacle"]
