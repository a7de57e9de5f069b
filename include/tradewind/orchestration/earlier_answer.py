"""What a person answered to an attempt that Airflow lost, for the attempt after it.

Airflow's scheduler takes a task for lost that goes on before it heard of the end of the process
that paused: an answer within seconds of its question may come to nobody. Airflow carries question
and answer over to the next attempt, and wipes the answer once that asks. Only a trigger may read
it.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from uuid import UUID

from airflow.sdk.exceptions import AirflowRuntimeError
from airflow.sdk.execution_time.hitl import get_hitl_detail_content_detail
from airflow.triggers.base import BaseTrigger, TriggerEvent
from asgiref.sync import sync_to_async

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

# By then the scheduler has heard that the attempt that looks has paused, or it were lost as well.
_SECONDS = 30.0


class EarlierAnswer(BaseTrigger):
    """Looks once whether the question was answered that an earlier attempt of a task put.

    Its event is what Airflow hands over with an answer; where nobody answered, `responded_at` is
    None; where nothing was asked, there is nothing in it.

    Args:
        ti_id: Airflow's id of the attempt that looks.
        after: How long it waits before it looks, in seconds.
    """

    def __init__(self, *, ti_id: str, after: float = _SECONDS) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.ti_id = ti_id
        self.after = after

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Where it is imported from, and with what it is made again."""
        name = f"{type(self).__module__}.{type(self).__qualname__}"
        return name, {"ti_id": self.ti_id, "after": self.after}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait, look, and tell."""
        await asyncio.sleep(self.after)
        found = await sync_to_async(_answer_to)(UUID(self.ti_id))
        yield TriggerEvent(found)  # type: ignore[no-untyped-call]


def _answer_to(ti_id: UUID) -> dict[str, Any]:
    try:
        said = get_hitl_detail_content_detail(ti_id)
    except AirflowRuntimeError as error:
        if (error.error.detail or {}).get("status_code") == HTTPStatus.NOT_FOUND:
            return {}
        raise
    user = said.responded_by_user
    return {
        "chosen_options": said.chosen_options or [],
        "params_input": said.params_input or {},
        "responded_at": said.responded_at,
        "responded_by_user": user and {"id": user.id, "name": user.name},
    }
