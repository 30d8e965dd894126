"""Loopback servers that the real SDKs talk to."""
