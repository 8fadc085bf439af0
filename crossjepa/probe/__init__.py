"""Evaluation of frozen features: systems are put questions, and their answers are one tidy table.

A *system* is one row of features for every object: an encoder of one seed, random weights, geometry, the
teacher. A *question* is a list of splits, pose regimes and a classifier; a *suite* is a list of questions.
`systems` reads features, `objects` joins labels by id, `splits` and `trials` draw train and test rows,
`classifiers` fits them, `questions` defines the suites, `answers` runs them and writes the table, `summary`
reduces it to means and intervals. `probe_result`, `table_result` and `markdown` are views of that table;
`result` and `parts` hold their schemas.
"""
