"""What owners of keys can do about an alert, in words for customers: no internals, and no links that they can't open.

Alerts that are not named here are not for them.
"""

_REPEATS = "Look for a client that repeats its requests"
_LEAKED = "If you do not know them, your key may have leaked: replace it."

ADVICE = {
    "GatewayLimitNear": f"{_REPEATS}, or spread your requests. Above the limit, they are answered with 429.",
    "GatewayLimitReached": f"Wait until the limit resets. {_REPEATS}: refused ones may count too.",
    "GatewayLimitProjected": f"{_REPEATS}, or spread your requests until the limit resets.",
    "GatewayRequestsRefused": "Send fewer requests at once, and wait after a 429 as its Retry-After header says.",
    "GatewayKeyExpiring": "Renew the key, or replace it wherever it is used, before it expires.",
    "GatewayKeyUnused": "If the key is no longer needed, have it disabled: a forgotten key is a risk.",
    "GatewayKeyAuthFailures": "Check that all your clients have the right key and permissions.",
    "GatewayKeyNewOrigins": f"Compare the addresses with those of your servers. {_LEAKED}",
    "GatewayKeyCallsSpike": f"Check whether this is intended. {_REPEATS}. If it is not yours, replace the key.",
    "GatewayKeyTokensSpike": f"Check whether this is intended. {_REPEATS}. If it is not yours, replace the key.",
    "GatewayKeySuccessRateLow": "Look at the status of your failed requests: 4xx are answers to wrong requests.",
    "GatewayKeySpendOverBudget": "Check whether this is intended, and which model it went to.",
    "GatewaySpendAnomaly": "Check whether this is intended, and which model it went to.",
}
