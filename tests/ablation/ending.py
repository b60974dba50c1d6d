"""What ends in place of a run, in a file whose process loads neither torch nor the tests."""

import os
import signal


def die(task, complaints):
    os.kill(os.getpid(), signal.SIGKILL)


def complain(task, complaints):
    complaints.send("The disk is full.")
