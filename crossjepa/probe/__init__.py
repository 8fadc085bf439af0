"""Linear classifiers on frozen features, and the JSON that states what they reached.

`objects` and `features` join labels and features by id; `folds` splits groups of near-duplicates;
`linear` is the classifier and `protocols` names the ways to use it; `evaluate` runs them; `summarise` counts
what is right and `intervals` says how sure that is; `result` is the JSON's schema and `provenance` says
where it comes from.
"""
