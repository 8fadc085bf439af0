"""Frozen features of point clouds."""
