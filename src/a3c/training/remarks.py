"""What people are told of a run, beside its numbers."""

import time

from a3c.environments.spaces import largest_entropy
from a3c.roles.messages import Report
from a3c.runs.checkpoint import Checkpoint
from a3c.training.progress import Display
from a3c.training.watch import Watch


class Remarks:
    """Lines of workers, and of the Watch: shown as they come, and kept for the summary."""

    def __init__(self, start: Checkpoint, display: Display):
        self.lines: list[str] = []
        self._display, self._about = display, set[str]()
        self._updates = 0
        chooses = start.config.algorithm.network == "policy"
        largest = largest_entropy(start.spaces["action"]) if chooses and not start.config.action_masks else None
        self._watch = Watch(start.config, start.counts, start.own_network, largest)

    def add(self, *lines: str) -> None:
        for line in lines:
            self.lines.append(line)
            self._display.say(line)

    def begin(self) -> None:
        """What is said before the first step."""
        self.add(*self._watch.begin())

    def hear(self, report: Report, updates: int, fraction: float) -> None:
        """A worker's remarks, each once a run, as the other workers' environments are the same; and the Watch's, which
        sees how many updates there were and how much of the limits is used up."""
        for about, remark in report.remarks.items():
            if about not in self._about:
                self._about.add(about)
                self.add(f"worker {report.worker}: {remark}")
        # What comes again, as training went back, was looked at before.
        if updates >= self._updates:
            self._updates = updates
            self.add(*self._watch.see(report, updates, time.monotonic(), fraction))

    def end(self, updates: int) -> None:
        """What is said of a run that came to its end."""
        self.add(*self._watch.end(updates))
