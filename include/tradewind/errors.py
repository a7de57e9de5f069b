"""Everything Tradewind raises on purpose.

The tree, by whom the error is for::

    TradewindError
    ├── DefinitionError          the model's owner: model.yaml or features.sql is wrong (file, line)
    ├── UnknownConnectionError   the operator: no connection of this name is defined
    ├── UnavailableError         something did not answer; retrying may help
    │   ├── SourceUnavailableError   the source is down or refuses us
    │   ├── LakeUnavailableError     (also a LakeError)
    │   ├── LedgerUnavailableError   (also a LedgerError)
    │   ├── RegistryUnavailableError (also a RegistryError)
    │   └── LeaseHeldError           another run of the model is at work; its turn comes
    ├── DataError                whoever feeds the source: the data are not what was declared
    │   ├── EmptyIntervalError       no rows where there must be some
    │   │   └── AllExcludedError         a person's order leaves every row of a source out
    │   ├── SchemaChangedError       a column was renamed, dropped or changed its type
    │   ├── UnreadableFileError      a file is cut in half or not what its name says
    │   ├── ValidationStoppedError   an expectation of severity `stop` failed
    │   ├── LeakError                a feature changes when the future is cut away
    │   └── LabelError               the label is missing, or has one class only
    ├── EvidenceError            a figure cannot be had from these rows (too few, one class, NaN)
    ├── SearchTimeoutError       the search for a model took longer than its definition allows
    ├── ModelRefusedError        a model cannot be stored or loaded safely
    ├── LakeError                a part or record of the lake is missing or not what its digest says
    ├── LedgerError              the ledger cannot be reached, or does not hold what is asked of it
    ├── RegistryError            MLflow and the ledger disagree, or MLflow refuses
    ├── RequestError             whoever asked for a run: it cannot be done as asked
    ├── NotPermittedError        whoever asked: it is somebody else's to do
    ├── StillHeldError           the operator: something of a subject is left after its erasure
    ├── LeaseLostError           another run holds the model's lease now
    ├── PromotionRefusedError    a promotion that must not happen
    ├── AlertError               somebody could not be told of an incident
    └── PlatformError            the local platform could not be started or stopped

Every message says what was wrong, where, and what to do.
"""

from __future__ import annotations


class TradewindError(Exception):
    """Base of every error that Tradewind raises on purpose."""


class DefinitionError(TradewindError):
    """A model's folder does not say what a model is.

    Attributes:
        problems: One line each, starting with `file:line`.
    """

    def __init__(self, problems: list[str] | str) -> None:
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        super().__init__("\n".join(self.problems))


class UnknownConnectionError(TradewindError):
    """No connection of this name is defined anywhere."""


class UnavailableError(TradewindError):
    """Something did not answer, and says nothing of what was asked; trying again may help."""


class SourceUnavailableError(UnavailableError):
    """The source did not answer, or refused; trying again may help."""


class LeaseHeldError(UnavailableError):
    """Another run holds the model's lease for now; this one's turn comes."""


class DataError(TradewindError):
    """The data are not what the definition declares."""


class EmptyIntervalError(DataError):
    """There are no rows where there must be some."""


class AllExcludedError(EmptyIntervalError):
    """A person's order leaves every row of a source out; no second try finds any."""


class SchemaChangedError(DataError):
    """A column was renamed, dropped, or changed its type."""


class UnreadableFileError(DataError):
    """A file is cut short, or is not what its name says."""


class ValidationStoppedError(DataError):
    """An expectation of severity `stop` failed."""


class LeakError(DataError):
    """A feature is different when everything after its prediction time is cut away."""


class LabelError(DataError):
    """The label is missing, or has too few classes to learn from."""


class EvidenceError(TradewindError):
    """A figure cannot be computed honestly from these rows."""


class SearchTimeoutError(TradewindError):
    """A search took longer than its definition allows; it is never cut to a smaller result."""


class ModelRefusedError(TradewindError):
    """The model holds something that cannot be stored or loaded safely."""


class LakeError(TradewindError):
    """Something in the lake is missing, or is not what its digest says."""


class LakeUnavailableError(LakeError, UnavailableError):
    """The lake's store does not answer, or is too busy; what it holds may be all right."""


class LedgerError(TradewindError):
    """The ledger cannot be reached, or does not hold what is asked of it."""


class LedgerUnavailableError(LedgerError, UnavailableError):
    """The ledger's database cannot be reached, or somebody holds what is needed for too long."""


class RegistryError(TradewindError):
    """MLflow refused, or does not say what the ledger says."""


class RegistryUnavailableError(RegistryError, UnavailableError):
    """MLflow does not answer, or is at fault itself."""


class RequestError(TradewindError):
    """A run cannot be done as it was asked for."""


class NotPermittedError(TradewindError):
    """Who asked for this may not do it; the message says who may."""


class StillHeldError(TradewindError):
    """Something of a subject is left where it could not be erased; the erasure stays open."""


class LeaseLostError(TradewindError):
    """Another run holds the model's lease now: this one must stop."""


class PromotionRefusedError(TradewindError):
    """This promotion must not happen.

    Attributes:
        champion: The version that the ledger names instead; None where it names none.
    """

    def __init__(self, message: str, *, champion: int | None = None) -> None:
        self.champion = champion
        super().__init__(message)


class AlertError(TradewindError):
    """Somebody could not be told of an incident; trying again may help."""


class PlatformError(TradewindError):
    """The local platform could not be started, found or stopped."""
