"""Phone numbers, by Google's library of the world's numbering plans."""

from __future__ import annotations

from functions.domain.errors import RejectedDocument


class PhoneNumbers:
    """A `NumberingPlans`; the plans are read at the first number."""

    def e164(self, text: str) -> str:
        """A number with its country code as E.164; raises `RejectedDocument`, without the number.

        >>> PhoneNumbers().e164("+1 (202) 555-0143")
        '+12025550143'
        """
        import phonenumbers

        try:
            number = phonenumbers.parse(text, None)
        except phonenumbers.NumberParseException:
            raise RejectedDocument(
                "phone", f"{shown(text)} is no number with a country code; write it as +12025550143"
            ) from None
        if not phonenumbers.is_valid_number(number):
            raise RejectedDocument("phone", f"{shown(text)} is no number that can exist; check its digits")
        return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def shown(text: str) -> str:
    """As much of a number as may be shown."""
    return f"…{text[-2:]}" if len(text) > 4 else "what is there"
