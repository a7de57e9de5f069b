"""Who is told of an incident: real receivers on the loopback."""

from __future__ import annotations

import json
import socketserver
import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from tradewind.definition.nightly import Alerts
from tradewind.errors import AlertError
from tradewind.nights import Incident
from tradewind.orchestration.notifiers import tell, tell_head, text_of
from tradewind.records import Head
from tradewind.stores.chain_heads import parse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tradewind.settings import Settings

pytestmark = pytest.mark.dags

INCIDENT = Incident(
    model="churn",
    key="contract:unit change",
    title="churn: the data are not whole: unit change in temp",
    layer="data",
    severity="critical",
    way_out="put the source right",
    details=["temp is what Celsius would be"],
    owner="the desk",
    runbook="docs/runbook.md#contract",
    state="open",
    opened=datetime(2013, 9, 1, 4, tzinfo=UTC),
    updated=datetime(2013, 9, 1, 4, tzinfo=UTC),
    seen=1,
)

HEAD = Head(position=7, event_id=9, at=INCIDENT.opened, hash="ab" * 32)


class Receiver(BaseHTTPRequestHandler):
    """Keeps what it is sent; refuses where the path says so."""

    received: list[tuple[str, Any]]

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.received.append((self.path, body))
        self.send_response(500 if self.path.startswith("/refuse") else 204)
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def received(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, Any]]]:
    Receiver.received = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://:s3cret@127.0.0.1:{server.server_port}"
    monkeypatch.setenv("AIRFLOW_CONN_HOOK", f"{address}/incidents")
    monkeypatch.setenv("AIRFLOW_CONN_BROKEN", f"{address}/refuse")
    try:
        yield Receiver.received
    finally:
        server.shutdown()
        server.server_close()


def test_a_webhook_gets_the_whole_incident_and_slack_its_text(received: list[Any]) -> None:
    alerts = Alerts(via=["webhook", "slack"], webhook="hook", slack="hook")
    tell(alerts, [INCIDENT], {})
    (path, whole), (_, text) = received
    assert path == "/incidents/s3cret"
    assert Incident.model_validate(whole) == INCIDENT
    assert text == {"text": text_of(INCIDENT)}


def test_a_way_that_fails_keeps_the_others_from_nothing_and_is_an_error_without_the_secret(
    received: list[Any], home: Settings
) -> None:
    alerts = Alerts(via=["slack", "webhook", "file"], webhook="hook", slack="broken")
    with pytest.raises(AlertError, match="1 of 3 ways") as caught:
        tell(alerts, [INCIDENT], {})
    assert "s3cret" not in str(caught.value)
    assert "'broken' refuses" in str(caught.value)
    assert [path for path, _ in received] == ["/refuse/s3cret", "/incidents/s3cret"]
    kept = (home.home / "alerts" / "churn.jsonl").read_text().splitlines()
    assert [Incident.model_validate_json(line) for line in kept] == [INCIDENT]


def test_nobody_is_told_of_nothing(received: list[Any]) -> None:
    tell(Alerts(via=["webhook"], webhook="hook"), [], {})
    assert received == []


def test_the_head_of_the_chain_goes_every_declared_way_and_can_be_read_back(
    received: list[Any], home: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    alerts = Alerts(via=["log", "webhook", "slack", "file"], webhook="hook", slack="hook")
    with caplog.at_level("INFO"):
        tell_head(alerts, HEAD, {}, model="churn")

    (_, whole), (_, text) = received
    assert whole == {"model": "churn", "head": HEAD.model_dump(mode="json")}
    assert text["text"].splitlines() == [
        "churn: keep this: entry 7 of the ledger's chain, event 9 of 2013-09-01 04:00:00 UTC: "
        + HEAD.hash,
        f"`tradewind audit verify --head {HEAD.hash}` holds the ledger against it.",
    ]
    (quiet,) = [one for one in caplog.records if HEAD.hash in one.message]
    assert quiet.levelname == "INFO"
    file = home.home / "alerts" / "churn.jsonl"
    tell(Alerts(via=["file"]), [INCIDENT], {})
    assert parse(file.read_text("utf-8"), where="it") == ([HEAD], [])


def test_a_head_that_could_not_be_told_is_an_error_without_the_secret(
    received: list[Any],
) -> None:
    with pytest.raises(AlertError, match="ways to tell of the chain's head failed") as caught:
        tell_head(Alerts(via=["slack"], slack="broken"), HEAD, {}, model="churn")
    assert "s3cret" not in str(caught.value)


def test_the_text_says_what_is_wrong_since_when_whose_it_is_and_what_to_press() -> None:
    text = text_of(INCIDENT)
    assert text.splitlines()[0] == (
        "[critical, data] churn: the data are not whole: unit change in temp"
    )
    assert "What to do: put the source right" in text
    assert "Since 2013-09-01 04:00 UTC. Owner: the desk." in text
    over = text_of(INCIDENT.model_copy(update={"state": "closed"}))
    assert over.startswith("[over]")
    assert "What to do" not in over


class MailServer(socketserver.StreamRequestHandler):
    """Just enough of SMTP to take a message."""

    messages: list[str]

    def handle(self) -> None:
        self.say("220 here")
        while line := self.rfile.readline().decode().strip():
            if line.upper().startswith("DATA"):
                self.say("354 go on")
                text = b""
                while not text.endswith(b"\r\n.\r\n"):
                    text += self.rfile.readline()
                self.messages.append(text.decode())
            self.say("221 bye" if line.upper() == "QUIT" else "250 fine")

    def say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


@contextmanager
def mail_server() -> Iterator[int]:
    MailServer.messages = []
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), MailServer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()


def test_an_e_mail_goes_through_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    with mail_server() as port:
        connection = {
            "conn_type": "smtp",
            "host": "127.0.0.1",
            "port": port,
            "extra": {"disable_ssl": True, "disable_tls": True, "from_email": "tw@example.org"},
        }
        monkeypatch.setenv("AIRFLOW_CONN_MAIL", json.dumps(connection))
        tell(Alerts(via=["email"], email="mail", to=["ann@example.org"]), [INCIDENT], {})
    (message,) = MailServer.messages
    assert "To: ann@example.org" in message
    assert "[critical, data] churn" in message
