"""Making the detector: train, export to ONNX, prove that the export says the same, write the manifest.

simulator ─► windows ─► vae, forest ─► graph ─► calibration ─► graph ─► parity, metrics ─► manifest
"""
