"""Whether a webhook is Twilio's, and what one may answer: https://www.twilio.com/docs/usage/webhooks/webhooks-security."""

from __future__ import annotations

from urllib.parse import parse_qs

SIGNATURE_HEADER = "x-twilio-signature"


class TwilioWebhooks:
    """A `Webhooks` that knows Twilio's signature. The public URL is ours to know: proxies rewrite host and scheme."""

    def __init__(self, auth_token: str, public_url: str) -> None:
        self._auth_token = auth_token
        self._public_url = public_url.rstrip("/")

    def form(self, path: str, body: bytes, signature: str) -> dict[str, str] | None:
        """The fields of a request to a path with its query; None when Twilio did not sign them for our public URL."""
        from twilio.request_validator import RequestValidator

        try:
            fields = _Fields(parse_qs(body.decode("utf-8"), keep_blank_values=True, max_num_fields=200))
        except ValueError:
            return None
        signed = RequestValidator(self._auth_token).validate(f"{self._public_url}{path}", fields, signature)
        return {name: values[-1] for name, values in fields.items()} if signed else None

    def reply(self, text: str) -> str:
        """TwiML that answers a message with a text, or with none."""
        from twilio.twiml.messaging_response import MessagingResponse

        response = MessagingResponse()
        if text:
            response.message(text)
        return str(response)


class _Fields(dict[str, list[str]]):
    """Fields as the validator wants them: a name may come more than once."""

    def getlist(self, name: str) -> list[str]:
        return self[name]
