"""Twilio: SMS, calls, and the proof that a webhook is Twilio's."""
