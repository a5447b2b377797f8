"""The product: one sub-package a stage, in the order of the data."""
