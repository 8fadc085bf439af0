"""The workflow's Python: which artefacts a configuration asks for, where they lie and what they depend on."""
