"""Judge: a record → the label values that are shown of it. Cold path: once for each new combination."""

import re
from typing import NamedTuple

from exporter.counting.admission import Admissions, Verdict
from exporter.model.labels import CONDITIONS, LABELS, WHEN, Label, Request
from exporter.model.record import AccessRecord
from exporter.pricing.prices import Pricing, Quote
from exporter.requests.attempts import failovers

# The types, in price tables, of models that count tokens.
_METERED = ("", "chat", "completion", "embedding", "responses")
# What the name of a model's version has after the model's name.
_VERSION = re.compile(r"(?>(?:[-@:](?:latest|v?\d{3}[-\d]*+))?)")
# The labels that a request has one value of, whoever sent it.
_OF_REQUESTS = [(name, label, label.of) for name, label in LABELS.items() if label.of]

# Most labels have no value in most requests.
_NOTHING = Verdict("")


class Judged(NamedTuple):
    """A request, its price, and its label values.

    `methods` are the values of `method` for its calls, `met` what families may ask for with `when`, and `overflows` the
    labels whose value is `other` because the budget is used up. If it is `open`, a later success may change a value.
    """

    request: Request
    quote: Quote
    values: dict[str, str]
    methods: tuple[str, ...]
    met: frozenset[str]
    overflows: tuple[str, ...]
    open: bool


class Judge:
    """Decides with the budgets of labels which values are shown."""

    def __init__(self, admissions: Admissions, pricing: Pricing) -> None:
        self._admissions = admissions
        self._pricing = pricing

    def judge(self, record: AccessRecord) -> Judged:
        """The label values of a record."""
        success = not record.error_type
        admit = self._admissions.judge
        quote = self._pricing.quote(record)
        # The last first: if one place is left in the budget, it is for the provider that served.
        tried = [admit("provider", attempt.provider, True) for attempt in reversed(record.attempts)][::-1]
        request = self._request(record, tried, quote)
        verdicts = {name: self._verdict(label, of(request), success) for name, label, of in _OF_REQUESTS}
        method = verdicts["method"]
        calls = [method if call == record.method else admit("method", call, success) for call in record.calls]
        values = {name: verdict.value for name, verdict in verdicts.items()}
        return Judged(
            request,
            quote,
            values,
            methods=tuple(verdict.value for verdict in calls),
            met=_met(request, values),
            overflows=_overflows([*verdicts.items(), *(("provider", verdict) for verdict in tried)]),
            open=any(verdict.open for verdict in (*verdicts.values(), *tried, *calls)),
        )

    def _verdict(self, label: Label, value: str, success: bool) -> Verdict:
        if not value:
            return _NOTHING
        return self._admissions.judge(label.budget, value, success or label.proven) if label.budget else Verdict(value)

    def _request(self, record: AccessRecord, tried: list[Verdict], quote: Quote) -> Request:
        pairs = zip(record.attempts, tried, strict=True)
        attempts = tuple(attempt._replace(provider=verdict.value) for attempt, verdict in pairs)
        return Request(
            record,
            attempts,
            failovers(attempts),
            redirected=not _same_model(record.requested_model, record.model),
            billed=self._pricing.billed(record),
            currency=self._pricing.currency,
            unbilled=quote.unbilled,
            metered=self._is_metered(record, quote),
        )

    def _is_metered(self, record: AccessRecord, quote: Quote) -> bool:
        """Whether it was served by a model that counts tokens, and is paid for."""
        served = record.model and record.timed and not (record.error_type or record.cached or quote.unbilled)
        by_request = quote.prices and not any(price.rates for price in quote.prices)
        return bool(served) and not by_request and self._pricing.type_of(record) in _METERED


def _overflows(verdicts: list[tuple[str, Verdict]]) -> tuple[str, ...]:
    """The labels, sorted, of verdicts that found the budget used up."""
    return tuple(sorted({name for name, verdict in verdicts if verdict.overflow}))


def _met(request: Request, values: dict[str, str]) -> frozenset[str]:
    """The conditions of WHEN that a request meets."""
    return frozenset(name for name in WHEN if (CONDITIONS[name](request) if name in CONDITIONS else values[name]))


def _same_model(requested: str, served: str) -> bool:
    """Whether the requested model served: `openai/gpt-4o` is `gpt-4o`, and so is its version `gpt-4o-2024-08-06`."""
    if not requested or not served:
        return True
    asked, got = requested.rpartition("/")[2], served.rpartition("/")[2]
    short, long = sorted((asked, got), key=len)
    return long.startswith(short) and _VERSION.fullmatch(long[len(short) :]) is not None
