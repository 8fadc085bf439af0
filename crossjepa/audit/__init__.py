"""Faults in a data set: copies, outliers, labels that look wrong."""
