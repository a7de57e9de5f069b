"""The decision of a night: from its grounds to what is done, by the table of docs/nights.md.

Pure: the same grounds give the same decision, today and when an auditor asks in a year. The order
is the weight: data that are broken say nothing of the model, a promotion that hurts is taken back
before anything is learned anew, and nothing is launched that the governor forbids.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from tradewind.nights import Alternative, Decision
from tradewind.policy.evidence import (
    HARM,
    NO_CHAMPION,
    PERFORMANCE,
    UNTRIED,
    causes,
    counting_breaches,
)
from tradewind.policy.governor import fruitless, may_launch

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from tradewind.definition.schema import ModelDefinition
    from tradewind.nights import Action, Breach, GovernorWord, Grounds

_WIDER_AFTER = 1
_NEVER = "never on broken data: a model that learns them keeps the fault"


def decide_on(grounds: Grounds, model: ModelDefinition) -> Decision:
    """Decide one model's night.

    Args:
        grounds: Tonight's look, the nights and launches before it, and who decides.
        model: Declares the policies.

    Returns:
        What is done, by which evidence, and why nothing else is.
    """
    rules: tuple[Callable[[Grounds, ModelDefinition], Decision | None], ...] = (
        _retired,
        _broken_contract,
        _harm,
        _bad_promotion,
        _not_looked,
        _retrain,
    )
    for rule in rules:
        decision = rule(grounds, model)
        if decision is not None:
            return decision
    return _nothing(
        grounds,
        "nothing asks for anything: the contract holds, no drift that "
        "matters persists, and the figures are within their bounds",
    )


def training_run_id(as_of: datetime) -> str:
    """The name of the training that a night launches: one a night, however often it is asked."""
    return f"decided__{as_of:%Y-%m-%dT%H:%M:%S}Z"


def _retired(grounds: Grounds, _: ModelDefinition) -> Decision | None:
    if grounds.live.retired is None:
        return None
    return _nothing(grounds, f"the model is retired: {grounds.live.retired}")


def _broken_contract(grounds: Grounds, _: ModelDefinition) -> Decision | None:
    broken = counting_breaches(grounds)
    if not broken:
        return None
    return _decision(
        grounds,
        ["quarantine"],
        layer="data",
        cause="contract",
        reason=f"the data are not whole: {_told(broken)}; the fallback decides, and nothing is "
        "learned until they are whole again or a person accepts the new contract",
        alternatives=[
            Alternative(action="retrain", why_not=_NEVER),
            Alternative(action="roll_back", why_not="broken data say nothing of the version"),
        ],
    )


def _harm(grounds: Grounds, _: ModelDefinition) -> Decision | None:
    """Switch off what does harm by the review's own measure; a person brings it back."""
    live = grounds.live
    # A person may have switched it off, or moved the champion, since it was looked at.
    if live.switched_off is not None or live.champion != grounds.monitoring.champion:
        return None
    seen = [
        one.sentence
        for one in grounds.monitoring.indicators
        if one.state == "harm" and one.then == "switch_off"
    ]
    if not seen:
        return None
    return _decision(
        grounds,
        ["switch_off"],
        layer="model",
        cause=HARM,
        reason=f"the harm review lets version {live.champion} decide no longer: {'; '.join(seen)}; "
        "the naive rule decides until a person resumes the model",
        alternatives=[
            Alternative(action="nothing", why_not="each further night would harm as the last did"),
            Alternative(action="retrain", why_not="a person looks first at what was learned"),
        ],
    )


def _not_looked(grounds: Grounds, _: ModelDefinition) -> Decision | None:
    """What could not be looked at is never taken for being well, and nothing is learned from it."""
    monitoring = grounds.monitoring
    if monitoring.night is None:
        missing = "the night was not scored, so there is nothing to look at"
    elif monitoring.problems and grounds.live.champion is not None:
        missing = "; ".join(monitoring.problems)
    else:
        return None
    return _decision(
        grounds,
        ["call_human"],
        layer="platform",
        cause="not_looked",
        reason=f"the night could not be judged: {missing}",
        alternatives=[Alternative(action="nothing", why_not="what was not seen is not well")],
    )


def _bad_promotion(grounds: Grounds, model: ModelDefinition) -> Decision | None:
    worse, previous = _worse_than_before(grounds), grounds.live.previous
    if worse is None or previous is None:
        return None
    retrain = _governed(grounds, model, PERFORMANCE)
    first: Action = "call_human" if grounds.barred else "roll_back"
    reason = (
        f"version {grounds.live.champion} does worse than version {previous}, which was live "
        f"before it: {worse}"
    )
    return _decision(
        grounds,
        [first, "retrain"] if retrain.allowed else [first],
        layer="model",
        cause="probation",
        reason=f"{reason}; {_no_rollback(grounds)}" if grounds.barred else reason,
        governor=retrain,
        roll_back_to=None if grounds.barred else previous,
        alternatives=[
            Alternative(action="nothing", why_not="each further night costs what the last one did"),
            *_unless(retrain),
        ],
    )


def _worse_than_before(grounds: Grounds) -> str | None:
    guard, performance = grounds.monitoring.probation, grounds.monitoring.performance
    # A person may have moved the champion since it was looked at.
    watched = (grounds.live.champion, grounds.live.previous)
    if guard is None or (guard.first, guard.second) != watched:
        return None
    if guard.state == "first_worse":
        return guard.sentence
    below = performance is not None and performance.below_bound
    if below and guard.mean_difference is not None and guard.mean_difference > 0:
        assert performance is not None  # noqa: S101 (asked above)
        return f"{performance.sentence}; and {guard.sentence}"
    return None


def _retrain(grounds: Grounds, model: ModelDefinition) -> Decision | None:
    found = causes(grounds, model)
    if not found:
        return None
    cause, reason = next(iter(found.items()))
    others = [f"also: {sentence}" for sentence in list(found.values())[1:]]
    reason = "; ".join([reason, *others])
    word = _governed(grounds, model, cause)
    if word.allowed:
        # A training that came to no verdict is no usual search that was tried.
        tried = [one for one in fruitless(cause, grounds) if one.outcome not in UNTRIED]
        wider = len(tried) == _WIDER_AFTER
        return _launch(grounds, cause, reason, word, wider=wider)
    return _forbidden(grounds, cause, reason, word)


def _launch(
    grounds: Grounds, cause: str, reason: str, word: GovernorWord, *, wider: bool
) -> Decision:
    usual = "the usual search was tried for this cause, and did not clear it"
    return _decision(
        grounds,
        ["wider_search" if wider else "retrain"],
        layer="model",
        cause=cause,
        reason=f"{reason}; {usual}, so a wider one is" if wider else reason,
        governor=word,
        wider=wider,
        alternatives=[
            Alternative(action="nothing", why_not="the cause would stay"),
            Alternative(action="roll_back", why_not=_no_rollback(grounds)),
        ],
    )


def _forbidden(grounds: Grounds, cause: str, reason: str, word: GovernorWord) -> Decision:
    action: Action = "call_human" if word.rule == "attempts" else "back_off"
    return _decision(
        grounds,
        [action],
        layer="model",
        cause=cause,
        reason=f"{reason}; but no training is launched: {word.sentence}",
        governor=word,
        alternatives=_unless(word),
    )


def _governed(grounds: Grounds, model: ModelDefinition, cause: str) -> GovernorWord:
    return may_launch(
        model.retrain,
        as_of=grounds.monitoring.as_of,
        retrains=grounds.retrains,
        others=grounds.others,
        failed_attempts=len(fruitless(cause, grounds)),
        in_flight=grounds.in_flight,
        launched_lately=grounds.launched_lately,
    )


def _unless(word: GovernorWord) -> list[Alternative]:
    return [] if word.allowed else [Alternative(action="retrain", why_not=word.sentence)]


def _no_rollback(grounds: Grounds) -> str:
    if grounds.live.champion is None:
        return "there is no champion to take back"
    if grounds.live.previous is None:
        return "there is no earlier version to go back to"
    if grounds.barred is not None:
        return grounds.barred
    if grounds.monitoring.probation is None:
        return "the champion's probation is over, and the version before it is older still"
    return "the version before it does no better on the same rows"


def _told(broken: list[Breach]) -> str:
    shown = "; ".join(f"{one.cause} ({one.name}): {one.sentence}" for one in broken[:3])
    more = len(broken) - 3
    return shown + (f"; and {more} more" if more > 0 else "")


def _nothing(grounds: Grounds, reason: str) -> Decision:
    return _decision(
        grounds,
        ["nothing"],
        layer="none",
        cause="none",
        reason=reason,
        alternatives=[Alternative(action="retrain", why_not="nothing speaks for it")],
    )


def _decision(
    grounds: Grounds,
    actions: list[Action],
    *,
    layer: Literal["data", "platform", "model", "none"],
    cause: str,
    reason: str,
    alternatives: list[Alternative],
    governor: GovernorWord | None = None,
    roll_back_to: int | None = None,
    wider: bool = False,
) -> Decision:
    as_of = grounds.monitoring.as_of
    launches = bool({"retrain", "wider_search"} & set(actions))
    return Decision(
        model=grounds.monitoring.model,
        as_of=as_of,
        actions=actions,
        layer="none" if cause == NO_CHAMPION else layer,
        cause=cause,
        reason=reason,
        alternatives=alternatives,
        governor=governor,
        roll_back_to=roll_back_to,
        wider=wider,
        run_id=training_run_id(as_of) if launches else None,
    )
