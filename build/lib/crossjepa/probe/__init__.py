"""Evaluation of frozen features: systems are put questions, and their answers are one tidy table.

A *system* is one row of features for every object: an encoder of one seed, random weights, geometry, the
teacher. A *question* is a list of splits, pose regimes and a classifier; a *suite* is a list of questions.
`systems` reads features, `objects` joins labels by id, `splits` draws train and test rows, `classifiers` fits
them, `questions` defines the suites, `answers` runs them and writes the table, `summary` and `intervals`
reduce it to means and intervals. `probe_result` and `tables` are views of that table, `result` holds their
schemas, and `provenance` says where the numbers come from.
"""
