"""A subject's rows and words, found in the lake and taken out of it.

`marks_of` finds what the subject is known by, `holding` which files hold something of it, `rewrite`
writes one of them anew without it, and `observe` tells the catalog of the parts among them.
"""

from tradewind.stores.erasing.files import Held, Rewritten, holding, rewrite
from tradewind.stores.erasing.finding import marks_of
from tradewind.stores.erasing.observing import observe

__all__ = ["Held", "Rewritten", "holding", "marks_of", "observe", "rewrite"]
