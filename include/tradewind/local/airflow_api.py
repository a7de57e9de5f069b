"""Airflow's REST API, as far as the command line needs it: trigger a DAG, follow it, say why."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import httpx

from tradewind.errors import PlatformError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

FINISHED = frozenset({"success", "failed"})
# States in which a task is the reason of a failed run, and not merely behind one.
_FAILED = frozenset({"failed", "up_for_retry"})
_PAGE = 100
_TRIES = 5
_SECONDS_BETWEEN_TRIES = 1.0
_LINES_OF_ERROR = 30
_FOR_AIRFLOW = "AirflowFailException"


@dataclass(frozen=True)
class TaskState:
    """Where one task of a run is.

    Attributes:
        task_id: The task.
        state: Airflow's word; `waiting` before it has one.
        try_number: Which attempt it is at, from 1.
        seconds: How long the attempt has run, once it ended.
        map_index: Which copy of a mapped task; -1 for one that is not mapped.
    """

    task_id: str
    state: str
    try_number: int
    seconds: float | None = None
    map_index: int = -1


@dataclass(frozen=True)
class RunState:
    """Where a run is, with all its tasks.

    Attributes:
        dag_id: The DAG.
        run_id: The run.
        state: Airflow's word: queued, running, success or failed.
        tasks: Its tasks.
    """

    dag_id: str
    run_id: str
    state: str
    tasks: tuple[TaskState, ...]

    @property
    def failed_tasks(self) -> tuple[TaskState, ...]:
        """The tasks that failed by themselves."""
        return tuple(task for task in self.tasks if task.state in _FAILED)


class AirflowApi:
    """A session with Airflow's API server; use it as a context manager.

    Args:
        url: Address of the server.
        login: User name.
        password: Its password.
    """

    def __init__(self, url: str, *, login: str, password: str) -> None:
        self._login, self._password = login, password
        # No proxy: the server is this machine's. A busy one answers late.
        self._client = httpx.Client(base_url=url, timeout=30, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.close()

    def wait_for_dag(self, dag_id: str, *, seconds: float = 120.0) -> None:
        """Wait until Airflow has read the DAG's file.

        Raises:
            PlatformError: It did not; says what stands in the way.
        """
        deadline = time.monotonic() + seconds
        while self._ask("GET", f"/dags/{dag_id}", missing_is_none=True) is None:
            if time.monotonic() > deadline:
                errors = self.import_errors()
                told = "\n".join(f"{name}:\n{text}" for name, text in errors.items())
                raise PlatformError(
                    f"Airflow knows no DAG {dag_id!r} after {seconds:.0f} s"
                    + (f"; it could not read:\n{told}" if told else "")
                )
            time.sleep(0.5)

    def import_errors(self) -> dict[str, str]:
        """What Airflow could not read, by file name."""
        said = self._require("GET", f"/importErrors?limit={_PAGE}")
        return {str(one["filename"]): str(one["stack_trace"]) for one in said["import_errors"]}

    def unpause(self, dag_id: str) -> None:
        """Switch a DAG on; a run of one that is off would wait for ever."""
        self._require("PATCH", f"/dags/{dag_id}", {"is_paused": False})

    def trigger(self, dag_id: str, *, conf: Mapping[str, Any], note: str = "") -> str:
        """Start a run; returns its id.

        Args:
            dag_id: The DAG, switched on.
            conf: The parameters, as the form would give them.
            note: Shown beside the run.

        Raises:
            PlatformError: Airflow refuses the parameters; says which.
        """
        asked = {"logical_date": None, "conf": dict(conf), "note": note or None}
        return str(self._require("POST", f"/dags/{dag_id}/dagRuns", asked)["dag_run_id"])

    def run(self, dag_id: str, run_id: str) -> RunState:
        """Where a run is now."""
        path = f"/dags/{dag_id}/dagRuns/{run_id}"
        # The run before its tasks: when it says it is over, their states are the last.
        state = str(self._require("GET", path)["state"])
        return RunState(dag_id, run_id, state, tuple(self._tasks(path)))

    def wait(
        self,
        dag_id: str,
        run_id: str,
        *,
        on_change: Callable[[TaskState], None] = lambda _: None,
        poll_seconds: float = 0.5,
        timeout_seconds: float | None = None,
    ) -> RunState:
        """Follow a run to its end.

        Args:
            dag_id: The DAG.
            run_id: The run.
            on_change: Told each change of a task's state or attempt.
            poll_seconds: Time between two looks.
            timeout_seconds: Give up after this; never by default.

        Raises:
            PlatformError: The time is over and the run is not.
        """
        begun, seen = time.monotonic(), dict[tuple[str, int], tuple[str, int]]()
        while True:
            now = self.run(dag_id, run_id)
            for task in now.tasks:
                fact = (task.state, task.try_number)
                if seen.get((task.task_id, task.map_index), ("waiting", task.try_number)) != fact:
                    on_change(task)
                seen[task.task_id, task.map_index] = fact
            if now.state in FINISHED:
                return now
            if timeout_seconds is not None and time.monotonic() - begun > timeout_seconds:
                raise PlatformError(
                    f"{run_id} of {dag_id} is {now.state} after {timeout_seconds:.0f} s"
                )
            time.sleep(poll_seconds)

    def error_of(self, run: RunState, task: TaskState) -> str:
        """The failed task's own words: its exception, without the frames of the framework.

        Where the log holds no exception (the process was killed, say), the log's last lines.
        """
        attempt = max(task.try_number, 1)
        path = f"/dags/{run.dag_id}/dagRuns/{run.run_id}/taskInstances/{task.task_id}"
        address = f"{path}/logs/{attempt}?map_index={task.map_index}&full_content=true"
        said = self._require("GET", address).get("content", [])
        lines = [line for line in said if isinstance(line, dict)]
        return _exception(lines) or _last_words(lines) or "its log is empty"

    def _tasks(self, path: str) -> list[TaskState]:
        tasks: list[TaskState] = []
        while True:
            query = f"?limit={_PAGE}&offset={len(tasks)}&order_by=id"
            said = self._require("GET", f"{path}/taskInstances{query}")
            tasks += [_task(one) for one in said["task_instances"]]
            if not said["task_instances"] or len(tasks) >= said["total_entries"]:
                return tasks

    def _require(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        said = self._ask(method, path, body)
        return said if said is not None else {}

    def _ask(
        self, method: str, path: str, body: object = None, *, missing_is_none: bool = False
    ) -> dict[str, Any] | None:
        answer = self._send(method, f"/api/v2{path}", body)
        if answer.status_code == httpx.codes.NOT_FOUND and missing_is_none:
            return None
        if answer.is_error:
            raise PlatformError(f"Airflow refuses {method} {path}: {_detail(answer)}")
        said = answer.json()
        return said if isinstance(said, dict) else {}

    def _send(self, method: str, path: str, body: object) -> httpx.Response:
        if "Authorization" not in self._client.headers:
            self._log_in()
        return self._try(method, path, body)

    def _log_in(self) -> None:
        asked = {"username": self._login, "password": self._password}
        answer = self._try("POST", "/auth/token", asked)
        if answer.is_error:
            raise PlatformError(f"Airflow does not let {self._login!r} in: {_detail(answer)}")
        self._client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def _try(self, method: str, path: str, body: object) -> httpx.Response:
        # Only a question is asked again: a trigger whose answer was lost may have been heard.
        tries = _TRIES if method == "GET" else 1
        for left in reversed(range(tries)):
            try:
                return self._client.request(method, path, json=body)
            except httpx.TransportError as error:
                if not left:
                    raise PlatformError(
                        f"Airflow at {self._client.base_url} does not answer: {error!r}"
                    ) from error
                time.sleep(_SECONDS_BETWEEN_TRIES)
        raise AssertionError


def _task(said: Mapping[str, Any]) -> TaskState:
    duration = said.get("duration")
    return TaskState(
        task_id=str(said["task_id"]),
        state=str(said["state"] or "waiting"),
        try_number=int(said["try_number"]),
        seconds=float(duration) if duration is not None else None,
        map_index=int(said["map_index"]),
    )


def _detail(answer: httpx.Response) -> str:
    try:
        detail = answer.json()["detail"]
    except (ValueError, KeyError, TypeError):
        detail = answer.text[:500]
    return f"{detail} (HTTP {answer.status_code})"


def _exception(lines: list[dict[str, Any]]) -> str:
    """The last exception of the log: its type, its text, and the line that raised it."""
    chains = [line["error_detail"] for line in lines if line.get("error_detail")]
    if not chains:
        return ""
    # Airflow lists the exception itself first, then what it was raised from: ours is behind the
    # one that tells Airflow not to try again.
    chain = chains[-1]
    own = next((one for one in chain if one.get("exc_type") != _FOR_AIRFLOW), chain[0])
    frames = [one for one in own.get("frames") or [] if "site-packages" not in one["filename"]]
    place = f"\n  at {frames[-1]['filename']}:{frames[-1]['lineno']}" if frames else ""
    return f"{own.get('exc_type')}: {own.get('exc_value')}{place}"


def _last_words(lines: list[dict[str, Any]]) -> str:
    # What has no level is Airflow's own frame around the log: groups, and where it was read from.
    words = [str(line["event"]) for line in lines if line.get("level") and line.get("event")]
    own = [word for word in words if not word.startswith("::")]
    return "\n".join(own[-_LINES_OF_ERROR:])
