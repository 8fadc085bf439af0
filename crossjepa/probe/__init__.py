"""Linear classifiers on frozen features, and the JSON that states what they reached.

`objects`, `features` and `systems` join labels and features by id; `folds` splits groups of near-duplicates;
`linear` holds the classifiers and `protocols` names the ways to use them; `evaluate` runs them, `comparison`
runs others; `summarise` counts what is right and `intervals` says how sure that is; `result` is the JSON's
schema and `provenance` says where it comes from. `fewshot` and `label_efficiency` learn from fewer labels,
each with a schema of its own.
"""
