"""The measure of the whole: a simulated month, scored once, then correlated with and without each rule of context.

mix ─► recording (anomalies as they arose) ─► variants (correlated again) ─► judging against the truth ─► figures
"""
