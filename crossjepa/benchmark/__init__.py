"""One table of everything that a representation should be good for."""
