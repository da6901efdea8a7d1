"""Headers of dead letters, named like Kafka Connect's, so that its tools read them.

The message itself is kept as it came. Headers never hold any of it: an error's text may quote
data, so only the texts of our own errors, which don't, are passed on.
"""

APP_VERSION = "0.1.0"


def headers(
    error: Exception, topic: str, partition: int, offset: int, stage: str
) -> list[tuple[str, bytes]]:
    """Return the headers that tell where a message came from and why it could not be used.

    Parameters
    ----------
    error
        Why; its text must hold nothing of the message.
    topic, partition, offset
        Where it was read.
    stage
        Which part of the pipeline gave up.

    Examples
    --------
    >>> dict(headers(ValueError("no value"), "t", 0, 7, "profile"))["__connect.errors.offset"]
    b'7'
    """
    texts = {
        "__connect.errors.topic": topic,
        "__connect.errors.partition": str(partition),
        "__connect.errors.offset": str(offset),
        "__connect.errors.stage": stage,
        "__connect.errors.exception.class.name": type(error).__name__,
        "__connect.errors.exception.message": str(error),
        "warmfront.error.stage": stage,
        "warmfront.error.attempt": "1",
        "warmfront.app.version": APP_VERSION,
    }
    return [(name, text.encode()) for name, text in texts.items()]
