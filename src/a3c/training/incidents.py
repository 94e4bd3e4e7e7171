"""What befell a run and did not end it: each a line on the display, a row of `events.csv`, and counted for the summary.

In use:

    incidents.failed(death, replaced)       a worker has failed
    incidents.goes_back(death, step)        so did one, and everyone goes back
    incidents.look()                        often; what the store says of updates that were skipped
"""

import csv
import io

from a3c.roles.messages import BEGAN, Mishap
from a3c.runs.files import GrowingFile, write_atomically
from a3c.runs.folder import RunFolder
from a3c.sharing.setbacks import IN_A_ROW
from a3c.training.evaluators import EvaluationEnded
from a3c.training.measures import Measures
from a3c.training.progress import Display
from a3c.training.restarting import Death

COLUMNS = ("step", "seconds", "worker", "event", "what")
"""Of `events.csv`."""

WHAT = "an update was not finite"


class Incidents:
    """Of one run. Without a folder nothing is written."""

    def __init__(self, measures: Measures, folder: RunFolder | None, display: Display):
        self._measures, self._folder, self._display = measures, folder, display
        self._file: GrowingFile | None = None
        setbacks = measures.store.setbacks
        self._skipped, self._times = setbacks.skipped, setbacks.times
        self.restarts = 0
        """Workers that were replaced, alone or with all others, since this run was begun or resumed."""

    def failed(self, death: Death, replaced: bool) -> None:
        """Of a worker that was replaced, or had nothing left to do. Raises DiskError."""
        self.restarts += replaced
        self._tell("replaced" if replaced else "failed", death, "; another has taken its place" if replaced else "")

    def hear(self, mishap: Mishap) -> None:
        """Of what befell a station, or one of its workers. Raises DiskError."""
        self.restarts += mishap.replaced
        worker = mishap.worker
        line = mishap.line + self._keep(f"worker-{worker}", mishap.traceback)
        if mishap.station is not None and worker is None:
            self._write_row(mishap.event, f"station {mishap.station}: {mishap.what}")
        else:
            self._write_row(mishap.event, mishap.what, worker)
        # That one has begun is what is to be expected.
        (self._display.tell if mishap.event == BEGAN else self._display.say)(line)

    def goes_back(self, death: Death, step: int) -> None:
        """Of a worker with which all are replaced, to go on from this step. Raises DiskError."""
        self.restarts += 1
        self._tell("all go back", death, f"; everyone goes back to step {step:,}")

    def _tell(self, event: str, death: Death, what_follows: str) -> None:
        is_relay = self._measures.config.relays > 0
        who = f"{'relay' if is_relay else 'worker'} {death.worker}"
        line = f"{who} failed: {death.message}{what_follows}" + self._keep(who.replace(" ", "-"), death.traceback)
        # The column is of workers.
        what, worker = (f"{who}: {death.message}", None) if is_relay else (death.message, death.worker)
        self._add(event, what, line, worker)

    def look(self) -> None:
        """Says that updates are skipped, once, and that training went back. Raises DiskError."""
        setbacks = self._measures.store.setbacks
        if setbacks.skipped and not self._skipped:
            self._add("skipped", WHAT, f"{WHAT}: it was skipped, and so are others, which the summary counts")
        if setbacks.times > self._times:
            line = f"{IN_A_ROW} updates in a row were not finite"
            self._add(
                "went back", line, f"{line}: training went back to its last checkpoint, at half the learning rate"
            )
        self._skipped, self._times = setbacks.skipped, setbacks.times

    def logger_failed(self, name: str, why: str) -> None:
        """Of a logger that could not take something. Raises DiskError."""
        self._add("logger failed", f"{name}: {why}", f"log to {name}: {why}")

    def evaluator_ended(self, ended: EvaluationEnded) -> str:
        """The line that says so. Raises DiskError."""
        return f"evaluation beside training has ended: {ended}" + self._keep("evaluator", ended.traceback)

    def _keep(self, whose: str, traceback: str) -> str:
        """Writes a traceback into a file of its own, and says where, as the end of a line."""
        if self._folder is None or not traceback:
            return ""
        folder = self._folder.errors
        folder.mkdir(exist_ok=True)
        number = 1 + len(list(folder.glob(f"{whose}-*.txt")))
        path = folder / f"{whose}-{number}.txt"
        write_atomically(path, traceback.encode(errors="replace"))
        return f" ({path})"

    def _add(self, event: str, what: str, line: str, worker: int | None = None) -> None:
        self._write_row(event, what, worker)
        self._display.say(line)

    def _write_row(self, event: str, what: str, worker: int | None = None) -> None:
        if self._folder is not None:
            if self._file is None:
                new = not self._folder.events_path.exists()
                self._file = GrowingFile(self._folder.events_path)
                self._write(COLUMNS if new else ())
            step, seconds = self._measures.store.total("steps"), f"{self._measures.clock.seconds:.3f}"
            self._write((step, seconds, worker, event, what))

    def _write(self, row: tuple[object, ...]) -> None:
        assert self._file is not None
        if row:
            text = io.StringIO()
            csv.writer(text, lineterminator="\n").writerow(row)
            self._file.append(text.getvalue().encode(errors="replace"))

    @property
    def counts(self) -> dict[str, int]:
        """For the summary."""
        return {"worker_restarts": self.restarts, "skipped_updates": self._measures.store.setbacks.skipped}
