"""Training runs as processes of their own: they outlive a page, a reload and the app.

What is known about a run lies in its folder: `worker.json` says which process trains and what it
was asked to, `worker.log` what it said; the settings, the curve and the state are the trainer's.
"""

from lsr.training.jobs.job import Job, Status, find_job, jobs
from lsr.training.jobs.launch import discard, restart, resume, start, stop

__all__ = ["Job", "Status", "discard", "find_job", "jobs", "restart", "resume", "start", "stop"]
