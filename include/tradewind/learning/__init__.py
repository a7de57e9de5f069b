"""How a model is learned: from a frame to something that scores. Frames in, fitted values out.

Nothing here reads a file, asks a server or knows what day it is.

`sample`      rows as an estimator sees them
`splits`      three stretches of time: fit, select, judge
`preprocess`  from features to numbers, inside the pipeline
`estimators`  from a declared candidate to a pipeline
`search`      successive halving over the candidates
`calibrate`   calibration, where it helps
`thresholds`  from which score a row is positive
`fit`         all of it, in order
`refit`       the winner again, without the search
`simpler`     what is simpler than a winner
`naive`       the rule that a model must beat
"""
