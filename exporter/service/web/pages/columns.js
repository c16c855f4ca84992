// The table's columns. One that no request has a value for is not shown; `of` are the fields that it shows.

import { element, sign } from "./dom.js";
import { count, duration, money } from "./shown.js";
import { localTime } from "./times.js";
import { OUTCOMES } from "./words.js";

// Outcomes that are no failures.
const MARKS = { success: ["✓", "well"], cancelled: ["○", ""] };

/** The columns; costs in another currency than the configured one name it. */
export function columns(currency) {
  return [
    { title: "Time", of: ["time"], cell: (row) => time(row.time) },
    { title: "Status", of: ["status", "error_type"], cell: status },
    { title: "Key", of: ["key", "key_name", "key_owner"], cell: (row) => two(row.key_name || row.key, row.key_owner) },
    { title: "User", of: ["user", "team"], cell: (row) => two(row.user || row.team, row.user && row.team) },
    { title: "Method", of: ["method", "route", "chain"], cell: method },
    { title: "From", of: ["origin", "client"], cell: (row) => row.origin || row.client },
    { title: "Provider", of: ["provider", "attempts"], cell: providers },
    { title: "Model", of: ["model", "requested_model", "billed_model"], cell: models },
    { title: "Input", of: ["input_tokens"], number: true, cell: (row) => tokens(row.input_tokens) },
    { title: "Output", of: ["output_tokens"], number: true, cell: (row) => tokens(row.output_tokens) },
    { title: "Cache write", of: ["cache_write_tokens"], number: true, cell: (row) => tokens(row.cache_write_tokens) },
    { title: "Cache read", of: ["cache_read_tokens"], number: true, cell: (row) => tokens(row.cache_read_tokens) },
    { title: `Cost, ${currency}`, of: ["cost"], number: true, cell: (row) => cost(row, currency) },
    { title: "Duration", of: ["duration"], number: true, cell: (row) => took(row.duration) },
  ];
}

/** Whether a request has a value for a column. */
export function has(row, column) {
  return column.of.some((name) => row[name] !== null && row[name] !== "" && row[name]?.length !== 0);
}

function time(at) {
  const [date, clock] = localTime(Date.parse(at)).split("T");
  return element("time", { datetime: at }, element("span", { class: "date" }, date), ` ${clock}`);
}

function two(first, second) {
  return [first, second && element("span", { class: "small" }, second)];
}

function method(row) {
  const route = row.route && !row.method?.endsWith(row.route) ? row.route : "";
  return two(row.method || row.route, [row.chain, row.method && route].filter(Boolean).join(" · "));
}

function status(row) {
  const class_ = /^[1-5]/.test(row.status ?? "") ? `s${row.status[0]}` : "s0";
  const tags = ["blocked", "unbilled", "cached"].filter((tag) => (tag === "blocked" ? isBlocked(row) : row[tag]));
  return [
    element("span", { class: `status ${class_}` }, row.status || "–"),
    ...tags.map((tag) => element("span", { class: `tag ${tag}` }, tag)),
    row.error_type && !isBlocked(row) && element("span", { class: "small" }, row.error_type.replaceAll("_", " ")),
  ];
}

export function isBlocked(row) {
  return row.blocked_reason !== null || row.error_type === "blocked";
}

/** A ✗ ×2 → B ✓ */
function providers(row) {
  if (row.attempts.length < 2 && row.attempts[0]?.outcome !== "circuit_open") return [row.provider, multiplier(row)];
  const tries = [];
  for (const { provider, outcome } of row.attempts) {
    const before = tries.at(-1);
    if (before && before.provider === provider && before.outcome === outcome) before.times += 1;
    else tries.push({ provider, outcome, times: 1 });
  }
  const shown = tries.map(({ provider, outcome, times }, n) => {
    const [seen, class_] = MARKS[outcome] ?? ["✗", "bad"];
    const mark = element("span", { class: class_ }, sign(seen, `: ${OUTCOMES[outcome] ?? outcome}`));
    const many = times > 1 && `\u00a0×${times}`;
    return element("span", {}, n > 0 && sign(" → ", ", then "), provider || "?", "\u00a0", mark, many);
  });
  return [...shown, multiplier(row)];
}

function multiplier(row) {
  const factor = row.cost_multiplier;
  if (factor === null || factor === 1) return null;
  return element("span", { class: "tag", title: "the provider's cost multiplier" }, `×${factor}`);
}

/** A redirect with its three models: who was asked for, who answered, whose price counts. */
function models(row) {
  const redirected = row.requested_model && row.model && row.requested_model !== row.model;
  const redirect = [row.requested_model, sign(" → ", ", answered by "), row.model];
  const first = redirected ? redirect : [row.model || row.requested_model];
  const billed = row.billed_model && (redirected || row.billed_model !== row.model) && `billed: ${row.billed_model}`;
  return [...first, billed && element("span", { class: "small" }, billed)];
}

function tokens(number) {
  return number !== null && count(number);
}

function took(seconds) {
  return seconds !== null && duration(seconds);
}

function cost(row, currency) {
  return row.cost !== null && money(row.cost, row.currency === currency ? "" : row.currency);
}
