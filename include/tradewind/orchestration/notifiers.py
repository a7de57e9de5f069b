"""Who is told of an incident, or of the head of the ledger's chain, and how: one notifier a way.

The log and a file need nothing; e-mail, Slack and a webhook go through connections of Airflow's. A
way that fails keeps none of the others from being gone, and makes the task fail, so that Airflow
tries again: nobody is left in the dark in silence.
"""

from __future__ import annotations

import json
import logging
from abc import ABC, abstractmethod
from dataclasses import dataclass
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
    from tradewind.records import Head

log = logging.getLogger(__name__)

_SECONDS_TO_ANSWER = 30
_FOLDER = "alerts"


@dataclass(frozen=True)
class Message:
    """What is told, for whichever way.

    Attributes:
        model: Whose people are told.
        subject: One line.
        text: What a person reads.
        body: The same for a machine.
        level: In the task's log, as `logging` counts.
    """

    model: str
    subject: str
    text: str
    body: Mapping[str, Any]
    level: int = logging.WARNING


class MessageNotifier(BaseNotifier, ABC):
    """Tells messages; each kind knows one way."""

    def __init__(self, messages: Sequence[Message]) -> None:
        super().__init__()
        self.messages = messages

    def notify(self, context: Context) -> None:
        """Tell every message."""
        for message in self.messages:
            self.tell(message)

    @abstractmethod
    def tell(self, message: Message) -> None:
        """Tell one."""


class LogNotifier(MessageNotifier):
    """Writes into the task's log."""

    def tell(self, message: Message) -> None:
        """Write it, an incident as a warning."""
        log.log(message.level, "%s", message.text)


class FileNotifier(MessageNotifier):
    """Appends a line of JSON to `alerts/<model>.jsonl` in Tradewind's home."""

    def tell(self, message: Message) -> None:
        """Append a line."""
        from tradewind.settings import load_settings

        file = load_settings().home / _FOLDER / f"{message.model}.jsonl"
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(message.body, ensure_ascii=False) + "\n")


class EmailNotifier(MessageNotifier):
    """Sends an e-mail through an SMTP connection."""

    def __init__(self, messages: Sequence[Message], *, connection: str, to: list[str]) -> None:
        super().__init__(messages)
        self.connection, self.to = connection, to

    def tell(self, message: Message) -> None:
        """Send one."""
        import html

        from airflow.providers.smtp.hooks.smtp import SmtpHook

        with SmtpHook(smtp_conn_id=self.connection) as server:
            server.send_email_smtp(
                to=self.to,
                subject=message.subject,
                html_content=f"<pre>{html.escape(message.text)}</pre>",
            )


class SlackNotifier(MessageNotifier):
    """Posts to a Slack incoming webhook, whose address is the connection's."""

    def __init__(self, messages: Sequence[Message], *, connection: str) -> None:
        super().__init__(messages)
        self.connection = connection

    def tell(self, message: Message) -> None:
        """Post the text."""
        post(self.connection, {"text": message.text})


class WebhookNotifier(MessageNotifier):
    """Posts what is told as JSON to the connection's address."""

    def __init__(self, messages: Sequence[Message], *, connection: str) -> None:
        super().__init__(messages)
        self.connection = connection

    def tell(self, message: Message) -> None:
        """Post the whole of it."""
        post(self.connection, message.body)


def notifiers_of(alerts: Alerts, messages: Sequence[Message]) -> list[MessageNotifier]:
    """A notifier for each way that a definition declares."""
    made: Mapping[str, Callable[[], MessageNotifier]] = {
        "log": lambda: LogNotifier(messages),
        "file": lambda: FileNotifier(messages),
        "email": lambda: EmailNotifier(messages, connection=str(alerts.email), to=alerts.to),
        "slack": lambda: SlackNotifier(messages, connection=str(alerts.slack)),
        "webhook": lambda: WebhookNotifier(messages, connection=str(alerts.webhook)),
    }
    return [made[way]() for way in alerts.via]


def tell(alerts: Alerts, incidents: Sequence[Incident], context: Context) -> None:
    """Tell of incidents in every declared way.

    Raises:
        AlertError: A way failed; all of them were gone.
    """
    _send(alerts, [_message_of(incident) for incident in incidents], context, of="an incident")


def tell_head(alerts: Alerts, head: Head, context: Context, *, model: str) -> None:
    """Tell of the chain's head in every declared way: who keeps the message can hold it later.

    Raises:
        AlertError: A way failed; all of them were gone.
    """
    message = Message(
        model=model,
        subject=f"[audit] {model}: entry {head.position} of the ledger's chain",
        text=f"{model}: keep this: {head.sentence}\n"
        f"`tradewind audit verify --head {head.hash}` holds the ledger against it.",
        body={"model": model, "head": head.model_dump(mode="json")},
        level=logging.INFO,
    )
    _send(alerts, [message], context, of="the chain's head")


def _message_of(incident: Incident) -> Message:
    return Message(
        model=incident.model,
        subject=headline(incident),
        text=text_of(incident),
        body=incident.model_dump(mode="json"),
    )


def _send(alerts: Alerts, messages: Sequence[Message], context: Context, *, of: str) -> None:
    failed: list[str] = []
    for notifier in notifiers_of(alerts, messages) if messages else []:
        try:
            notifier(context)
        except Exception as error:
            # Whatever it is: one way that fails keeps none of the others from being gone.
            log.exception("%s could not be told by %s", of, type(notifier).__name__)
            failed.append(f"{type(notifier).__name__}: {error}")
    if failed:
        raise AlertError(
            f"{len(failed)} of {len(alerts.via)} ways to tell of {of} failed: "
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
