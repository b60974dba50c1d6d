"""The ablation: training the same head many times to see what each choice does."""

from lsr.ablation.grid import CONTROLS, SIZES, STUDIES, Grid, studies_named
from lsr.ablation.runs import AblationReport, ablate
from lsr.ablation.tables import summarize_runs

__all__ = [
    "CONTROLS",
    "SIZES",
    "STUDIES",
    "AblationReport",
    "Grid",
    "ablate",
    "studies_named",
    "summarize_runs",
]
