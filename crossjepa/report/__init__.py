"""What people look at: one self-contained page about a run, the plot of label efficiency, and the summary
beside published numbers."""
