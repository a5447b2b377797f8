"""How a job's progress is said, in the same words on the page, in the terminal and in the demo."""

from tools.records import Job
from ui.units import duration


def progress_line(job: Job) -> str:
    """`41 of 80 samples · about 2 min left`."""
    progress = job.progress
    if job.state == "stopping":
        return "saving its work before it stops"
    if not progress.total:
        if progress.done:
            return f"{progress.done:g} {progress.unit}".rstrip()
        return "" if progress.message else "starting"  # the message says what is being done
    line = f"{progress.done:g} of {progress.total:g} {progress.unit}".rstrip()
    if progress.eta_s is not None and progress.done < progress.total:
        line += f" · about {duration(progress.eta_s)} left"
    return line


def whole_line(job: Job) -> str:
    """Title, progress and message in one line, for the terminal."""
    parts = [job.order.title, progress_line(job), job.progress.message]
    return " · ".join(part for part in parts if part)
