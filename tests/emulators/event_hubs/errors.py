"""The one error of the broker: what a client is told."""


class AmqpError(Exception):
    """An AMQP error condition with its description, sent to the client by whoever catches it."""

    def __init__(self, condition: str, description: str):
        super().__init__(f"{condition}: {description}")
        self.condition = condition
        self.description = description


class DecodeError(AmqpError):
    """Bytes that are not AMQP 1.0."""

    def __init__(self, description: str):
        super().__init__("amqp:decode-error", description)
