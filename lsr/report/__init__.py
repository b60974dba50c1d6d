"""Reports: a folder that anyone can open without a network, and that can be checked later."""

from lsr.report.checking import Checked, Drift, check_report
from lsr.report.tables import ReportSettings, read_settings
from lsr.report.writing import ReportProgress, write_report

__all__ = [
    "Checked",
    "Drift",
    "ReportProgress",
    "ReportSettings",
    "check_report",
    "read_settings",
    "write_report",
]
