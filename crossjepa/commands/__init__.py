"""The command line's entry points: one module per stage; each command calls the stage's package."""
