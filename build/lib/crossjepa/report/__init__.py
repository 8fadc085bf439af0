"""What people read: the HTML page about a run, plots, and a summary beside published numbers."""
