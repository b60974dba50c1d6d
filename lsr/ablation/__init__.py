"""The ablation: training the same head many times to see what each choice does."""

from lsr.ablation.grid import CONTROLS, SIZES, STUDIES, Grid, studies_named
from lsr.ablation.reading import AblationTables, read_ablation, trained_models
from lsr.ablation.runs import AblationReport, ablate
from lsr.ablation.tables import summarize_runs

__all__ = [
    "CONTROLS",
    "SIZES",
    "STUDIES",
    "AblationReport",
    "AblationTables",
    "Grid",
    "ablate",
    "read_ablation",
    "studies_named",
    "summarize_runs",
    "trained_models",
]
