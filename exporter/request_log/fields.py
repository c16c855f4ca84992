"""The fields of a row, one entry each: the files' columns, what operators and customers see, and the API's document."""

from typing import Literal, NamedTuple


class Field(NamedTuple):
    """`place` is where it is stored: in the request's own row, there as the id of a text, or with its kind. `customers`
    says whether customers are shown it, of their own key's requests.
    """

    place: Literal["row", "word", "kind"]
    type: Literal["text", "time", "seconds", "number", "amount", "flag", "links", "labels"]
    about: str
    customers: bool = False


def _kind(about: str, customers: bool = False) -> Field:
    return Field("kind", "text", about, customers)


# In the order in which they are shown. Customers learn nothing about providers and their attempts, what the gateway
# pays them, its own words for its keys and users, or which part of it failed; and no `id`: it counts everybody's rows.
FIELDS = {
    "id": Field("row", "number", "the number of the row"),
    "time": Field("row", "time", "when it was logged", True),
    "input": _kind("the input of the config"),
    "key": _kind("the API key's public name", True),
    "key_name": _kind("the key's name, as registered now", True),
    "key_owner": _kind("the key's owner, as registered now"),
    "user": Field("word", "text", "who used the gateway, as it knows them"),
    "team": Field("word", "text", "the team of the user or the key"),
    "class": _kind("business or internal"),
    "method": _kind("the method, as in metrics", True),
    "route": _kind("the route", True),
    "chain": _kind("the blockchain network", True),
    "protocol": _kind("http, https, ws, wss or grpc", True),
    "status": _kind("the HTTP status", True),
    "error_type": _kind("how it failed"),
    "client": Field("word", "text", "the client's network or address", True),
    "origin": Field("word", "text", "the calling site, or the client's network", True),
    "request_id": Field("row", "text", "the gateway's id of the request", True),
    "provider": _kind("who served"),
    "attempts": Field("kind", "links", "who was tried, in order"),
    "steps": Field("kind", "links", "what the gateway did between the attempts, such as choosing a provider"),
    "model": _kind("the model that served", True),
    "requested_model": _kind("the model that was asked for", True),
    "billed_model": _kind("the model whose price counts"),
    "input_tokens": Field("row", "number", "tokens in", True),
    "output_tokens": Field("row", "number", "tokens out", True),
    "cache_read_tokens": Field("row", "number", "input tokens served from the provider's cache", True),
    "cache_write_tokens": Field("row", "number", "input tokens written to the provider's cache", True),
    "reasoning_tokens": Field("row", "number", "output tokens spent on reasoning", True),
    "cost": Field("row", "amount", "its cost", True),
    "currency": _kind("the currency of `cost`", True),
    "duration": Field("row", "seconds", "first byte in to last byte out", True),
    "time_to_first_token": Field("row", "seconds", "request to first token of a streamed answer", True),
    "request_bytes": Field("row", "number", "bytes from the client", True),
    "response_bytes": Field("row", "number", "bytes to the client", True),
    "blocked_reason": _kind("the policy that blocked it"),
    "unbilled": Field("kind", "flag", "whether nobody pays for it", True),
    "cached": Field("kind", "flag", "whether it was answered from the gateway's cache"),
    "cost_multiplier": Field("kind", "amount", "what the provider's price was multiplied by"),
    "labels": Field("kind", "labels", "the labels that the config declares"),
}
# Columns of numbers that a log may have, by the record's name.
NUMBERS = tuple(
    name
    for name, field in FIELDS.items()
    if field.place == "row" and field.type in ("seconds", "number", "amount") and name != "id"
)
TOKENS = tuple(name for name in NUMBERS if name.endswith("_tokens"))
# Those that are stored as microseconds.
MICROSECONDS = tuple(name for name, field in FIELDS.items() if field.type == "seconds")
# Columns of ids of words; the reasons belong to attempts and steps.
WORDS = (*(name for name, field in FIELDS.items() if field.place == "word"), "attempt_reasons")
SHARED = tuple(name for name, field in FIELDS.items() if field.place == "kind")
# Who is shown what.
OF_OPERATORS = tuple(FIELDS)
OF_CUSTOMERS = tuple(name for name, field in FIELDS.items() if field.customers)
