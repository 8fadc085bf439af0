"""`python -m crossjepa`, which works wherever the package lies on the path, installed or not."""

from crossjepa.cli import main

main()
