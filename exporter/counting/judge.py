"""Judge: a record → the label values that are shown of it. Cold path: once for each new combination."""

import re
from operator import attrgetter

from msgspec import Struct

from exporter.counting.admission import Admissions, Verdict
from exporter.model.labels import CONDITIONS, LABELS, WHEN_LABELS, Request
from exporter.model.record import AccessRecord
from exporter.pricing.pricing import Pricing, Quote
from exporter.requests.attempts import failovers

# The types, in price tables, of models that count tokens.
_METERED = ("", "chat", "completion", "embedding", "responses")
# What the name of a model's version has after the model's name.
_VERSION = re.compile(r"(?>(?:[-@:](?:latest|v?\d{3}[-\d]*+))?)")
# The labels that a request has one value of, whoever sent it; those of them that have a budget.
_OF_REQUESTS = {name: label.of for name, label in LABELS.items() if label.of}
_BUDGETED = [(name, label.budget, label.proven) for name, label in LABELS.items() if label.of and label.budget]
_values_of = attrgetter(*_OF_REQUESTS.values())


class Judged(Struct, frozen=True):
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
        values, verdicts = self._values(request, success)
        method = verdicts.get("method") or Verdict(record.method)
        calls = [method if call == record.method else admit("method", call, success) for call in record.calls]
        return Judged(
            request,
            quote,
            values,
            methods=tuple([verdict.value for verdict in calls]),
            met=_met(request, values),
            overflows=_overflows([*verdicts.items(), *(("provider", verdict) for verdict in tried)]),
            open=any(verdict.open for verdict in (*verdicts.values(), *tried, *calls)),
        )

    def _values(self, request: Request, success: bool) -> tuple[dict[str, str], dict[str, Verdict]]:
        """The values of all labels, and the verdicts on those that have a budget."""
        values: dict[str, str] = dict(zip(_OF_REQUESTS, _values_of(request), strict=True))
        verdicts: dict[str, Verdict] = {}
        for name, budget, proven in _BUDGETED:
            value = values[name]
            if value:
                verdicts[name] = verdict = self._admissions.judge(budget, value, success or proven)
                values[name] = verdict.value
        return values, verdicts

    def _request(self, record: AccessRecord, tried: list[Verdict], quote: Quote) -> Request:
        pairs = zip(record.attempts, tried, strict=True)
        attempts = tuple(
            attempt if attempt.provider == verdict.value else attempt._replace(provider=verdict.value)
            for attempt, verdict in pairs
        )
        redirected = not _same_model(record.requested_model, record.model)
        switches = failovers(attempts)
        return Request(
            record,
            attempts,
            switches,
            requested_model=record.requested_model if redirected else "",
            billed=self._pricing.billed(record) if redirected else "",
            to_provider=attempts[-1].provider if switches else "",
            result="error" if record.error_type else "success",
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
    met = [name for name in WHEN_LABELS if values[name]]
    return frozenset(met + [name for name, condition in CONDITIONS.items() if condition(request)])


def _same_model(requested: str, served: str) -> bool:
    """Whether the requested model served: `openai/gpt-4o` is `gpt-4o`, and so is its version `gpt-4o-2024-08-06`."""
    if not requested or not served:
        return True
    asked, got = requested.rpartition("/")[2], served.rpartition("/")[2]
    short, long = sorted((asked, got), key=len)
    return long.startswith(short) and _VERSION.fullmatch(long[len(short) :]) is not None
