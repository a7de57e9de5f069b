"""Model cards: for a reviewer, an auditor, a new colleague.

One list of sections is made from what the stage stored, and shown as a page, as Markdown, and in a
few lines.
"""

from tradewind.reports.card.markdown import to_markdown
from tradewind.reports.card.page import to_html
from tradewind.reports.card.sections import lines_of, sections_of

__all__ = ["lines_of", "sections_of", "to_html", "to_markdown"]
