"""Compares gateways with each other, in one run on one machine: `python -m peers`."""
