"""CrossJEPA: self-supervised 3D point-cloud encoders from frozen image teachers (arXiv 2511.18424)."""

__version__ = "0.1.0"
