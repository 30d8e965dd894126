"""Restoration times: train on a utility's records of outages, export, and measure."""
