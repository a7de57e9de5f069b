"""How a page is made: a template over the shared frame, one self-contained HTML text.

Pages are rendered when somebody looks at them, from what a stage stored; inside a stage only where
they are handed to somebody else's store, as a card is to MLflow. They load nothing from anywhere,
and every figure is escaped, because rows of a source may hold anything.
"""

from __future__ import annotations

import re
from datetime import datetime
from functools import cache
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

_MANY = 1_000
_CODE = re.compile(r"`([^`]+)`")


def render_page(template: str, *, title: str, **content: Any) -> str:
    """Fill one of `reports/templates/` in.

    Args:
        template: The template's file name; it extends `base.html.j2`.
        title: Of the browser's tab, and the heading unless the template has its own.
        content: What the template names; a name that is missing is an error, never a blank.
    """
    return _environment().get_template(template).render(title=title, **content)


def figure(value: Any, digits: int = 4) -> str:
    """A value as a person writes it: `1,234`, `0.7651`, `none` where there is no value."""
    if value is None:
        return "none"
    if isinstance(value, bool | str):
        return str(value)
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        return f"{value:,.0f}"
    if isinstance(value, float):
        return f"{value:,.1f}" if abs(value) >= _MANY else f"{value:.{digits}g}"
    return str(value)


def share(value: float | None) -> str:
    """A share of one in per cent, with enough digits to tell a few from none."""
    if value is None:
        return "none"
    if value in {0, 1}:
        return f"{value:.0%}"
    return f"{value:.2%}" if min(value, 1 - value) < 0.1 else f"{value:.1%}"  # noqa: PLR2004


def moment(value: str | datetime) -> str:
    """A point in time in UTC, to the minute: `2013-07-01 04:00 UTC`."""
    at = datetime.fromisoformat(value) if isinstance(value, str) else value
    return f"{at:%Y-%m-%d %H:%M} UTC"


def sentence(text: str) -> Markup:
    """A sentence whose words between backticks are shown as code, and that formats nothing else."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 -- escaped before


def breakable(name: str) -> Markup:
    """A name that may be broken over lines after each of its underscores."""
    return Markup("_<wbr>").join(name.split("_"))


def result_address(model: str, run_id: str, stage: str) -> str:
    """Where the page of a stage's result is, below the web server's own address.

    Args:
        model: The model.
        run_id: As the ledger names it: `<pipeline>/<the pipeline's own run id>`; one without a
            pipeline is a training.
        stage: Of that run.
    """
    pipeline, _, own = run_id.partition("/")
    if not own:
        pipeline, own = "train", run_id
    run, task = quote(own, safe=""), quote(stage, safe="")
    return f"/tradewind/dags/{model}.{pipeline}/runs/{run}/{task}"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("tradewind.reports", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        figure=figure, share=share, moment=moment, sentence=sentence, breakable=breakable
    )
    environment.globals.update(result_address=result_address)
    return environment
