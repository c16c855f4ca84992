"""The questions that people have, each answered by a panel or more: docs/dashboards.md lists them."""

from enum import Enum


class Question(Enum):
    """A question; `row` is where it stands in the list."""

    CREDITS_BY_HOUR = "A1", "What did the key's calls cost in credits, hour by hour, over the last 24 hours?"
    WHICH_METHODS = "A2", "Which five methods does it call most, what is their share, and what is the rest?"
    WHICH_CHAINS = "A3", "Which chains does it use? For 15 minutes to 30 days, and for one chain."
    WHAT_FAILED_FOR_A_KEY = "A4", "What did it ask, what failed, with which statuses, over HTTPS and WSS?"
    WHICH_ORIGINS = "A5", "Where is it used from, over HTTPS and WSS?"
    WHICH_MODELS = "B1", "Models by key, model, model type and period."
    HOW_MANY_CALLS_AND_TOKENS = "B2", "How many model calls, service calls, internal calls, and tokens of each type?"
    MODELS_BY_DAY = "B3", "How did requests and tokens of each model develop, day by day?"
    COST_BY_KEY_AND_MODEL = "B4", "What did it cost, by key and by model?"
    WHERE_ARE_PEAKS = "B5", "Where are the peaks, and who needs a larger limit?"
    SUDDEN_RISES = "B6", "Whose calls or tokens rose suddenly?"
    KEYS_SIDE_BY_SIDE = "B7", "How do keys compare, side by side?"
    WHICH_KEYS_END_SOON = "B9", "Which keys expire soon, or are over their quota?"
    HOW_MUCH = (
        "C1",
        "How many requests, failures, bytes; average and peak latency; requests a minute, hour, day and their peaks?",
    )
    HOW_MUCH_OVER_TIME = "C2", "The same over time: by minute, hour, day, week, month."
    BREAKDOWN = "C3", "By endpoint, HTTP method, status, key, with shares."
    WHICH_ERRORS = "C4", "Which errors, of which type, with which share, meaning what, and where?"
    USE_OF_LIMITS = "C5", "How far is each limit used, by minute, hour, day and month?"
    WHICH_ALERTS = "C6", "Which alerts fire now?"
    WHICH_TRENDS = "C7", "Are requests, latency and errors increasing, stable or decreasing?"
    WHICH_BOTTLENECKS = "C8", "What are the bottlenecks, and what is to be done about each?"
    COST_AHEAD = "C9", "What does it cost today, and in the next month, quarter and year?"
    LOAD_AHEAD = "C10", "How much load is there now, and in 30 days?"
    WHICH_KEYS = "D1", "Which keys are there, since when, last used when, active or not?"
    USE_OF_QUOTA = "D2", "Calls by day; the month's calls against the quota, what is left, when it resets."
    SUSPICIOUS_KEYS = (
        "D4",
        "Which key is refused again and again, used far more or less than usual, or from new places?",
    )
    PLANS = "D5", "What does each plan allow?"
    TOTALS_OF_A_CHOICE = "E1", "Requests, cost, tokens and cache tokens of what is chosen."
    NARROWED = "E2", "Narrow by time, key, provider, model, endpoint."
    PROVIDER_FAILURES = (
        "E4",
        "Which provider failed, why, who answered instead, how long it took; circuits, multipliers.",
    )
    BLOCKED_AND_REDIRECTED = (
        "E5",
        "What was blocked, unbilled, or redirected to another model, and which model is billed?",
    )

    def __init__(self, row: str, text: str) -> None:
        self.row = row
        self.text = text
