"""A loopback Twilio for tests: the real `twilio` SDK talks to it over HTTP, everything is in memory.

Covered: Messages and Calls by create, list (To, From, DateSent with <= and >=, pages) and fetch, with basic
authentication, form fields and JSON answers; status callbacks, signed; inbound messages, signed, with the TwiML that
answers them; opt-outs by the standard words; faults by order.

Requests and answers follow the examples in Twilio's documentation and in its OpenAPI document
(github.com/twilio/twilio-oai, spec/json/twilio_api_v2010.json; it is in no package of PyPI or npm, but the SDK is
generated from it, and the tests compare the answers with the SDK's classes):

- Messages: https://www.twilio.com/docs/messaging/api/message-resource
- Calls: https://www.twilio.com/docs/voice/api/call-resource
- answers and errors: https://www.twilio.com/docs/usage/twilios-response, https://www.twilio.com/docs/api/errors
- status callbacks:
  https://www.twilio.com/docs/messaging/guides/outbound-message-status-in-status-callbacks
- inbound messages: https://www.twilio.com/docs/messaging/guides/webhook-request
- signatures: https://www.twilio.com/docs/usage/webhooks/webhooks-security

Stricter than Twilio, on purpose: a form field that is not covered gets a 400 that names it, never silence.

Not covered: media, templates, scheduling, updates and deletion, feedback; calls speak to nobody (their TwiML is only
read as XML); numbers are checked by their form alone; prices; no limit of requests is enforced (throttling is a fault
one orders); callbacks are tried once, and only to this machine.

Beside Twilio's own paths the server answers `/_emulator/…`; see `control`.
"""

from emulators.twilio.process import ACCOUNT_SID, AUTH_TOKEN, TwilioServer

__all__ = ["ACCOUNT_SID", "AUTH_TOKEN", "TwilioServer"]
