"""What follows from a night's evidence: pure rules, so that a decision can be replayed.

`evidence` says what tonight's look came to, `governor` whether a training may be launched, and
`decision` puts both together. Nothing here reads a store or a clock.
"""
