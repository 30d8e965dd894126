"""The one error of the emulator: a request that Twilio would refuse, with what it would answer."""

from __future__ import annotations

from typing import Any


class Refused(Exception):
    """A request is answered with HTTP `status` and Twilio's `code`."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message

    def body(self) -> dict[str, Any]:
        """As in https://www.twilio.com/docs/usage/twilios-response, under exceptions."""
        return {
            "code": self.code,
            "message": self.message,
            "more_info": f"https://www.twilio.com/docs/errors/{self.code}",
            "status": self.status,
        }


def not_covered(what: str) -> Refused:
    """What the emulator does not know, and Twilio may."""
    return Refused(400, 20001, f"{what} is beyond what the emulator covers")


UNAUTHENTICATED = Refused(401, 20003, "Authenticate")
TOO_MANY = Refused(429, 20429, "Too Many Requests")
BROKEN = Refused(500, 20500, "An internal server error has occurred")
UNAVAILABLE = Refused(503, 20503, "Service unavailable")
NOT_FOUND = Refused(404, 20404, "The requested resource was not found")


def bad_number(number: str) -> Refused:
    """https://www.twilio.com/docs/api/errors/21211."""
    return Refused(400, 21211, f"Invalid 'To' Phone Number: {number}")


def opted_out(number: str) -> Refused:
    """https://www.twilio.com/docs/api/errors/21610."""
    return Refused(400, 21610, f"Attempt to send to unsubscribed recipient: {number}")
