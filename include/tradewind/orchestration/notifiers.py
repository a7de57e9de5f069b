"""Who is told of an incident, and how: Airflow notifiers, one a way.

The log and a file need nothing; e-mail, Slack and a webhook go through connections of Airflow's. A
way that fails keeps none of the others from being gone, and makes the task fail, so that Airflow
tries again: nobody is left in the dark in silence.
"""

from __future__ import annotations

import json
import logging
from abc import ABC, abstractmethod
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from urllib.request import Request, urlopen

from airflow.sdk import BaseNotifier

from tradewind.errors import AlertError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from airflow.sdk import Context

    from tradewind.definition.nightly import Alerts
    from tradewind.nights import Incident

log = logging.getLogger(__name__)

_SECONDS_TO_ANSWER = 30
_FOLDER = "alerts"


class IncidentNotifier(BaseNotifier, ABC):
    """Tells of incidents; each kind knows one way."""

    def __init__(self, incidents: Sequence[Incident]) -> None:
        super().__init__()
        self.incidents = incidents

    def notify(self, context: Context) -> None:
        """Tell of every incident."""
        for incident in self.incidents:
            self.tell(incident)

    @abstractmethod
    def tell(self, incident: Incident) -> None:
        """Tell of one."""


class LogNotifier(IncidentNotifier):
    """Writes into the task's log."""

    def tell(self, incident: Incident) -> None:
        """Write a warning."""
        log.warning("%s", text_of(incident))


class FileNotifier(IncidentNotifier):
    """Appends a line of JSON to `alerts/<model>.jsonl` in Tradewind's home."""

    def tell(self, incident: Incident) -> None:
        """Append a line."""
        from tradewind.settings import load_settings

        file = load_settings().home / _FOLDER / f"{incident.model}.jsonl"
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a", encoding="utf-8") as lines:
            lines.write(incident.model_dump_json() + "\n")


class EmailNotifier(IncidentNotifier):
    """Sends an e-mail through an SMTP connection."""

    def __init__(self, incidents: Sequence[Incident], *, connection: str, to: list[str]) -> None:
        super().__init__(incidents)
        self.connection, self.to = connection, to

    def tell(self, incident: Incident) -> None:
        """Send one message."""
        import html

        from airflow.providers.smtp.hooks.smtp import SmtpHook

        with SmtpHook(smtp_conn_id=self.connection) as server:
            server.send_email_smtp(
                to=self.to,
                subject=headline(incident),
                html_content=f"<pre>{html.escape(text_of(incident))}</pre>",
            )


class SlackNotifier(IncidentNotifier):
    """Posts to a Slack incoming webhook, whose address is the connection's."""

    def __init__(self, incidents: Sequence[Incident], *, connection: str) -> None:
        super().__init__(incidents)
        self.connection = connection

    def tell(self, incident: Incident) -> None:
        """Post the text."""
        post(self.connection, {"text": text_of(incident)})


class WebhookNotifier(IncidentNotifier):
    """Posts the incident as JSON to the connection's address."""

    def __init__(self, incidents: Sequence[Incident], *, connection: str) -> None:
        super().__init__(incidents)
        self.connection = connection

    def tell(self, incident: Incident) -> None:
        """Post the whole incident."""
        post(self.connection, incident.model_dump(mode="json"))


def notifiers_of(alerts: Alerts, incidents: Sequence[Incident]) -> list[IncidentNotifier]:
    """A notifier for each way that a definition declares."""
    made: Mapping[str, Callable[[], IncidentNotifier]] = {
        "log": lambda: LogNotifier(incidents),
        "file": lambda: FileNotifier(incidents),
        "email": lambda: EmailNotifier(incidents, connection=str(alerts.email), to=alerts.to),
        "slack": lambda: SlackNotifier(incidents, connection=str(alerts.slack)),
        "webhook": lambda: WebhookNotifier(incidents, connection=str(alerts.webhook)),
    }
    return [made[way]() for way in alerts.via]


def tell(alerts: Alerts, incidents: Sequence[Incident], context: Context) -> None:
    """Tell of incidents in every declared way.

    Raises:
        AlertError: A way failed; all of them were gone.
    """
    failed: list[str] = []
    for notifier in notifiers_of(alerts, incidents) if incidents else []:
        try:
            notifier(context)
        except Exception as error:
            # Whatever it is: one way that fails keeps none of the others from being gone.
            log.exception("an incident could not be told by %s", type(notifier).__name__)
            failed.append(f"{type(notifier).__name__}: {error}")
    if failed:
        raise AlertError(
            f"{len(failed)} of {len(alerts.via)} ways to tell of an incident failed: "
            f"{'; '.join(failed)}: see the connections that `alerts` in model.yaml names"
        )


def headline(incident: Incident) -> str:
    """One line: how bad, which layer, what; or that it is over."""
    if incident.state == "closed":
        return f"[over] {incident.title}"
    return f"[{incident.severity}, {incident.layer}] {incident.title}"


def text_of(incident: Incident) -> str:
    """What a person reads: what is wrong, since when, who owns it, and what to press."""
    lines = [headline(incident), *(f"- {detail}" for detail in incident.details)]
    if incident.state != "closed":
        lines.append(f"What to do: {incident.way_out}")
    lines.append(f"Since {incident.opened:%Y-%m-%d %H:%M} UTC. Owner: {incident.owner}.")
    lines.append(f"Runbook: {incident.runbook}")
    return "\n".join(lines)


def post(connection: str, body: Mapping[str, Any]) -> None:
    """Post JSON to a connection's address.

    Raises:
        AlertError: The receiver does not answer, or refuses. Its address is not in the message:
            a webhook's address is a secret.
    """
    from airflow.sdk import Connection

    request = Request(  # noqa: S310 (the scheme is checked)
        address_of(Connection.get(connection)),
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
        method="POST",
    )
    try:
        with urlopen(request, timeout=_SECONDS_TO_ANSWER):  # noqa: S310 (idem)
            pass
    except (OSError, ValueError, HTTPException) as error:
        # Not in its own words, which may quote the address.
        reason = getattr(error, "code", None) or type(error).__name__
        raise AlertError(f"the receiver behind {connection!r} refuses: {reason}") from None


def address_of(connection: Any) -> str:
    """The http(s) address of a connection: host with its scheme, port, path (`schema`), token."""
    host = str(connection.host or "")
    scheme = connection.conn_type if connection.conn_type in ("http", "https") else "https"
    if "://" in host:
        scheme, _, host = host.partition("://")
    if scheme not in ("http", "https") or not host:
        raise AlertError(f"connection {connection.conn_id!r} names no http(s) address")
    port = f":{connection.port}" if connection.port else ""
    parts = (connection.schema, connection.password)
    path = "/".join(quote(part.strip("/"), safe="/:=&?%") for part in parts if part)
    return f"{scheme}://{host.rstrip('/')}{port}/{path}"
