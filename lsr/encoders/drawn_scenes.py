"""What the bundled encoder knows, said where somebody is about to show it a photo."""

from __future__ import annotations

BUNDLED_COLLECTION = "demo"


def drawn_scenes(encoder: str, collection: str = "") -> str:
    """What to expect of photos, where the encoder is the bundled one; else nothing.

    Args:
        collection: nothing is said of the bundled one, which holds no photos.
    """
    if encoder != "bundled" or collection == BUNDLED_COLLECTION:
        return ""
    return "The bundled encoder has only seen drawn scenes: on a photo its terms are guesses."
