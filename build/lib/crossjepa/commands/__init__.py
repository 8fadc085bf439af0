"""The command line's entry points: one module a stage, each command a thin call into its stage's package."""
