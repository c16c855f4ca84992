"""What stands in the logs, counted line by line with nothing of the product's."""

import json
from collections import Counter
from datetime import datetime

from tests.dashboards.traffic import DATES, LOGS


def requests(written: dict[str, list[str]], since: float, until: float) -> Counter[str]:
    """Requests, failures, calls, tokens and so on of the lines that were logged in (since, until]."""
    found: Counter[str] = Counter()
    for log, add in zip(LOGS, (_rpc, _llm, _hub), strict=True):
        for line in written[log]:
            try:
                fields = json.loads(line)
            except ValueError:
                continue
            ended = fields.get("msec") or fields.get("endTime")
            for name in fields.keys() & DATES:
                ended = datetime.fromisoformat(fields[name]).timestamp()
            if isinstance(ended, int | float) and since < ended <= until:
                add(found, fields)
    return found


def _rpc(found: Counter[str], fields: dict[str, object]) -> None:
    status = int(str(fields["status"]))
    body = str(fields.get("request_body") or "null")
    asked = json.loads(body) if body[:1] in "[{" else None
    calls = len(asked) if isinstance(asked, list) else 1
    failed = status == 0 or status >= 400 or fields.get("grpc_status", "0") != "0"
    sent = int(str(fields.get("bytes_sent") or fields["body_bytes_sent"]))
    found.update(requests=1, calls=calls, failed=failed, sent=sent)
    found["models"] += "model" in fields


def _llm(found: Counter[str], fields: dict[str, object]) -> None:
    error = dict(fields.get("error_information") or {}).get("error_code")  # type: ignore[call-overload]
    found.update(requests=1, models=1, calls=1, failed=fields["status"] != "success" or bool(error))
    found["tokens"] += int(str(fields["prompt_tokens"])) + int(str(fields["completion_tokens"]))
    found["cost in micros"] += round(1e6 * float(str(fields["response_cost"] or 0)))


def _hub(found: Counter[str], fields: dict[str, object]) -> None:
    if fields["status_code"] is None or fields["user_id"] is None:
        return
    blocked = fields["blocked_by"] not in (None, "warmup")
    found.update(requests=1, models=1, calls=1, failed=blocked or int(str(fields["status_code"])) >= 400)
    kinds = ("input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    found["tokens"] += sum(int(str(fields.get(kind) or 0)) for kind in kinds)
    found["cost in micros"] += round(1e6 * float(str(fields["cost_usd"] or 0)))
