"""What a report says in words: what errors mean, and what to do."""

ERRORS = {
    "blocked": "A policy of the gateway blocked the request.",
    "rate_limit_exceeded": "The key was over its limit (429).",
    "auth": "The key was missing, wrong, expired or not allowed to do this (401, 403).",
    "timeout": "The gateway or its upstream took too long.",
    "upstream_error": "The upstream failed, or could not be reached.",
    "server_error": "The gateway failed.",
    "client_abort": "The client closed the connection before the answer.",
    "client_error": "The request was not valid (4xx).",
    "rpc_error": "The answer was a JSON-RPC error, in an HTTP 200.",
}

# Of alerts and bottlenecks, by type.
ADVICE = {
    "limit_approaching": "Ask for a larger limit or plan, or spread the calls.",
    "limit_critical": "Requests will be refused soon: ask for a larger limit or plan now, or stop what can wait.",
    "low_success_rate": "Look at the error types: clients cause some, the gateway and its upstreams the rest.",
    "high_error_rate": "Start with the most frequent error type and the endpoint that has most of it.",
    "high_latency": "Cache answers, ask for less at once, or look at the upstream of the slowest endpoints.",
    "critical_latency": "The gateway or an upstream is overloaded or broken: look at the slowest endpoints first.",
    "rate_limit_approaching": "Raise the limit, or spread the calls, before requests are refused.",
}

CAPACITY = {
    "requests": "Requests will grow by more than a half in a month: plan machines and limits for it.",
    "latency": "Latency rises: add capacity before it is felt, or look for what became slow.",
    "errors": "Failures rise faster than requests: something is at its end.",
    "none": "No change is needed at this growth.",
}
