"""Training a projection head on the dense pairs of a collection."""

from lsr.training.loop import train
from lsr.training.settings import (
    TrainingReport,
    TrainingSettings,
    settings_as_json,
    settings_from_json,
)

__all__ = ["TrainingReport", "TrainingSettings", "settings_as_json", "settings_from_json", "train"]
