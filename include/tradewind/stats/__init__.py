"""Numbers, and how sure one may be of them. Pure: no store, no clock, nothing random but by seed.

A metric here is a *statistic of unit weights*. Rows that are not independent (the flights of one
day) belong to one unit; a resample weighs whole units; a metric is prepared once for its rows and
then answers for a thousand weightings at once.

`rows`        what is judged: label, score, unit and weight of each row
`statistics`  preparing a metric: from sums by unit, from pairs of units, from the ranking
`metrics`     the metrics by name, the owner's own among them
`bootstrap`   draws of blocks of units, the same for every player
`inference`   standard errors, bounds, and the smallest difference that could be seen
`panel`       several players on the same rows, under the same draws
`curves`      what a page draws: reliability, gains, loss by unit
`tallies`     what is counted of a column, chunk by chunk
`distances`   how far two tallies lie apart, each with its convention
`effects`     size and test of each part of a column
`slices`      what a column's own past weeks show, and the level of an alarm
`profiles`    the reference, kept so that its rows are never read again
`drift`       differences and alarms of a window, in `wording`'s sentences
"""
