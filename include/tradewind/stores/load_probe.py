"""What runs in the clean interpreter: a model is loaded there, and asked as a server asks it.

Run by its path, and imported by nothing: it knows the standard library and, from the folder that it
is given, what the model's requirements name. It speaks to MLflow as MLflow's own scoring server
does, JSON in and JSON out, but for the socket.

    python -I -S -B load_probe.py FOLDER

In the folder lie `task.json`, `rows.jsonl` (a row of features a line) and `packages`; what is found
is written there to `told.jsonl`, a line as soon as it is known.
"""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice
from pathlib import Path
from threading import Lock
from typing import Any

_KILOBYTE = 1024


class Probe:
    """A loaded model, and the rows that it is asked about.

    Args:
        folder: Where task and rows lie.
    """

    def __init__(self, folder: Path) -> None:
        self.told = folder / "told.jsonl"
        self.task = json.loads((folder / "task.json").read_text(encoding="utf-8"))
        self.rows = (folder / "rows.jsonl").read_text(encoding="utf-8").splitlines()
        self.answers: list[tuple[int, float | None, bool]] = []
        self.model: Any = None
        self.server: Any = None

    def tell(self, **found: Any) -> None:
        """Write down what was found, at once: whoever waits may lose patience."""
        with self.told.open("a", encoding="utf-8") as file:
            file.write(json.dumps(found) + "\n")

    def load(self) -> None:
        """Import what the model needs, and load it."""
        start = time.perf_counter()
        from mlflow.pyfunc import load_model, scoring_server  # noqa: PLC0415 -- what is measured

        self.server, self.model = scoring_server, load_model(self.task["model"])
        self.tell(load_seconds=time.perf_counter() - start)

    def ask(self, numbers: range) -> float:
        """Ask about some rows in one call, and keep the answers.

        Returns:
            Seconds that the call took.
        """
        records = ",".join(self.rows[number] for number in numbers)
        body, schema = (
            f'{{"dataframe_records":[{records}]}}',
            self.model.metadata.get_input_schema(),
        )
        start = time.perf_counter()
        said = self.server.invocations(body, "application/json", self.model, schema)
        seconds = time.perf_counter() - start
        answers = json.loads(said.response)["predictions"]
        self.answers += [
            (number, answer["model_score"], answer["source"] == "fallback")
            for number, answer in zip(numbers, answers, strict=True)
        ]
        return seconds

    def one_by_one(self) -> None:
        """Ask about single rows, one after the other, in two blocks, once it is warm."""
        rows = cycle(range(number, number + 1) for number in range(len(self.rows)))
        self.until(islice(rows, self.task["warm_up"]))
        self.tell(blocks=[self.until(islice(rows, self.task["calls"])) for _ in range(2)])

    def until(self, calls: Any) -> list[float]:
        """Make calls until there are no more, or the time for them is over; one at least."""
        over = time.perf_counter() + self.task["seconds"]
        taken: list[float] = []
        for numbers in calls:
            taken.append(self.ask(numbers))
            if time.perf_counter() > over:
                break
        return taken

    def under_load(self) -> None:
        """Ask about all rows again and again, some in each call, from several threads at once."""
        size, threads = self.task["call_rows"], self.task["threads"]
        every = range(len(self.rows))
        calls = Calls([every[at : at + size] for at in every[::size]] * self.task["rounds"])
        start = time.perf_counter()
        with ThreadPoolExecutor(threads) as pool:
            made = sum(len(taken) for taken in pool.map(self.until, [calls] * threads))
        seconds = time.perf_counter() - start
        self.tell(load_calls=made, rows=calls.rows, seconds=seconds)


class Calls:
    """Calls that several threads make, each of them made once.

    Attributes:
        rows: How many rows were asked about.
    """

    def __init__(self, calls: list[range]) -> None:
        self._left = calls[::-1]
        self.rows = 0
        self._lock = Lock()

    def __iter__(self) -> Calls:
        return self

    def __next__(self) -> range:
        with self._lock:
            if not self._left:
                raise StopIteration
            numbers = self._left.pop()
            self.rows += len(numbers)
            return numbers


def peak_memory() -> int:
    """The most memory that this process ever held, in bytes.

    Linux hands the figure of `getrusage` on from whoever started the process, so that the process's
    own high-water mark is read where there is one.
    """
    import resource  # noqa: PLC0415 -- not on every system

    status = Path("/proc/self/status")
    lines = status.read_text(encoding="ascii").splitlines() if status.is_file() else []
    marks = [int(line.split()[1]) for line in lines if line.startswith("VmHWM:")]
    if marks:
        return marks[0] * _KILOBYTE
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * _KILOBYTE


def main(folder: Path) -> None:
    """Load, ask, and tell."""
    sys.path.append(str(folder / "packages"))
    probe = Probe(folder)
    probe.load()
    probe.one_by_one()
    probe.under_load()
    probe.tell(answers=probe.answers)
    probe.tell(memory_bytes=peak_memory())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
