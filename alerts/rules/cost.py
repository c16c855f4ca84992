"""Money: a day over budget, an hour far from usual, models without a price, answers without usage."""

from collections.abc import Iterator
from functools import partial

from alerts.alert import KEY, PERCENT, Alert, counted
from alerts.promql import Terms

_MONEY = '{{ $value | printf "%.2f" }}'
_alert = partial(Alert, category="cost", dashboard="gateway-costs")


def alerts(terms: Terms) -> Iterator[Alert]:
    """The alerts of this category."""
    yield from _spend_over_budget(terms)
    yield from _key_spend_over_budget(terms)
    yield from _spend_anomaly(terms)
    yield from _unpriced_model()
    yield from _usage_missing(terms)


def _spend_over_budget(terms: Terms) -> Iterator[Alert]:
    spend, money, zone = terms.config.spend, f"{_MONEY} {terms.served.currency}", terms.served.timezone
    if spend.daily is not None:
        yield _alert(
            name="GatewaySpendOverBudget",
            severity="warning",
            component="gateway",
            expression=f'fleet:gateway_cost_used:sum{{window="1d"}} > {spend.daily:g}',
            for_="5m",
            keep_firing_for="15m",
            summary=f"{money} spent today",
            description=(
                f"All keys together have spent {money} since midnight ({zone}); the budget of a day is "
                f"{spend.daily:g} {terms.served.currency}."
            ),
            recommendation=(
                "Sort keys and models by cost. If one key stands out, ask its owner, and give it a limit in cost; if "
                "all have grown, the budget is what has to change."
            ),
        )


def _key_spend_over_budget(terms: Terms) -> Iterator[Alert]:
    spend, money, zone = terms.config.spend, f"{_MONEY} {terms.served.currency}", terms.served.timezone
    if spend.key_daily is not None and terms.has("fleet:gateway_cost_used:sum"):
        yield _alert(
            name="GatewayKeySpendOverBudget",
            severity="warning",
            component="key",
            expression=terms.with_owner(
                f'key:gateway_limit_used:sum{{unit="cost", window="1d"}} > {spend.key_daily:g}'
            ),
            for_="5m",
            keep_firing_for="15m",
            summary=f"{KEY} has spent {money} today",
            description=(
                f"{KEY} has spent {money} since midnight ({zone}); a key's budget of a day is {spend.key_daily:g} "
                f"{terms.served.currency}."
            ),
            recommendation=(
                "See which model it went to. Ask the owner whether that is meant; if not, give the key a limit in "
                "cost, or a cheaper model."
            ),
            shown=("key",),
        )


def _spend_anomaly(terms: Terms) -> Iterator[Alert]:
    anomalies, money = terms.config.anomalies, f"{_MONEY} {{{{ $labels.currency }}}}"
    if anomalies is not None and anomalies.cost is not None:
        yield _alert(
            name="GatewaySpendAnomaly",
            severity="warning",
            component="key",
            expression=terms.with_owner(
                terms.abnormal("key:gateway_cost:increase1h", anomalies.cost, "key", "currency")
            ),
            for_="10m",
            keep_firing_for="15m",
            summary=f"{KEY} has spent {money} in an hour, far more than usual",
            description=(
                f"{KEY} has spent {money} in the last hour: more than {anomalies.factor:g} times what it spent at "
                f"this hour in any of the last {anomalies.weeks} weeks."
            ),
            recommendation=(
                "See which model, and whether requests or tokens of each have grown. A loop: ask the owner to stop "
                "it. A new, dearer model: ask whether it is meant. Until you know, a limit in cost stops the loss."
            ),
            shown=("key",),
        )


def _unpriced_model() -> Iterator[Alert]:
    yield _alert(
        name="GatewayUnpricedModel",
        severity="warning",
        component="gateway",
        expression="model:gateway_unpriced_requests:increase1h > 0",
        for_="5m",
        summary="{{ $labels.model }} is used and has no price",
        description=(
            f"{counted('request', 'requests')} of the last hour went to {{{{ $labels.model }}}}, whose price is not "
            "known: what has no price counts as free, and costs are too low."
        ),
        recommendation=(
            "Add the model to the price table. What has been counted stays as it is; replay the log for an audit."
        ),
        shown=("model",),
    )


def _usage_missing(terms: Terms) -> Iterator[Alert]:
    share = terms.config.spend.without_usage
    if share is not None:
        without = "model:gateway_model_requests_without_usage:increase1h"
        served = 'model:gateway_model_requests:increase1h{status=~"2.."}'
        requests = f"sum by {terms.by('model', 'provider')} ({served})"
        yield _alert(
            name="GatewayUsageMissing",
            severity="warning",
            component="gateway",
            expression=f"{without}\n/ ({requests} > 0) > {share:g}\nand {requests} >= {terms.config.min_requests}",
            for_="5m",
            keep_firing_for="15m",
            summary=f"{PERCENT} of the answers of {{{{ $labels.model }}}} have no usage",
            description=(
                f"{PERCENT} of the requests that {{{{ $labels.model }}}} of {{{{ $labels.provider }}}} served in the "
                f"last hour have neither tokens nor a cost in the log (this alert: {share:.0%}): they are billed to "
                "nobody, and limits do not count them."
            ),
            recommendation=(
                "Usually these are streams: let the gateway ask for usage (OpenAI: stream_options.include_usage), or "
                "update it. Compare with the provider's own bill."
            ),
            dashboard="gateway-llm",
            shown=("model", "provider"),
        )
