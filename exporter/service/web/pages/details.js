// What a row opens to: its timeline, why it failed, where it was counted, and all that is known of it.

import { element } from "./dom.js";
import { count, milliseconds, money } from "./shown.js";
import { localTime, zone } from "./times.js";
import { ERRORS, OUTCOMES, words } from "./words.js";

// The filter that finds requests with the same value, where it has another name than the field.
const FILTER_OF = { key_owner: "owner", time: "", cost: "", id: "", key_name: "" };
const FAILED = "took failed";
const BYTES = ["request_bytes", "response_bytes"];
const SECONDS = ["duration", "time_to_first_token"];

export function details(row, about, filters) {
  const parts = [failure(row), timeline(row), fields(row, filters), counted(row, about.series)];
  return element("div", { class: "inside" }, ...parts);
}

function failure(row) {
  const said = [];
  if (row.error_type) said.push(ERRORS[row.error_type] ?? row.error_type);
  if (row.blocked_reason) said.push(`Blocked: ${row.blocked_reason}`);
  if (row.unbilled) said.push("Nobody is billed for it.");
  if (row.cached) said.push("The gateway answered from its own cache.");
  return said.length > 0 && element("p", { class: row.error_type ? "failure" : "" }, said.join(" "));
}

/** Attempts, steps between them and other moments of a request, in milliseconds after its begin. */
function timeline(row) {
  const events = inOrder([...(row.steps ?? []).map(ofStep), ...row.attempts.map(ofAttempt)]);
  if (row.time_to_first_token !== null) {
    const took = row.time_to_first_token;
    events.push({ title: "First token", said: "the answer began", from: 0, took, class_: "took" });
  }
  if (row.duration !== null) {
    const class_ = row.error_type ? FAILED : "took";
    events.push({ title: "Whole request", said: "to the last byte", from: 0, took: row.duration, class_ });
  }
  if (!events.length) return element("p", {}, "The log has no times and no attempts of this request.");
  const end = Math.max(...events.map(({ from, took }) => (from ?? 0) + (took ?? 0)));
  const lines = events.map(({ title, said, from, took, class_ = FAILED }) => {
    const bar = element("div", { class: class_ });
    if (from !== null && end > 0) {
      bar.style.marginInlineStart = `${(100 * from) / end}%`;
      bar.style.inlineSize = `${(100 * (took ?? 0)) / end}%`;
    } else bar.hidden = true;
    return element(
      "tr",
      { role: "row" },
      element("th", { role: "rowheader", scope: "row" }, title),
      element("td", { role: "cell" }, said),
      element("td", { role: "cell", class: "number" }, from === null ? "–" : `+${milliseconds(from)}`),
      element("td", { role: "cell", class: "number" }, took === null ? "–" : milliseconds(took)),
      element("td", { role: "cell", class: "track", "aria-hidden": "true" }, bar),
    );
  });
  const heads = ["", "What happened", "Begun", "Took"].map((title, n) => {
    return element("th", { role: "columnheader", scope: "col", class: n > 1 && "number" }, title);
  });
  const last = element("th", { role: "columnheader", "aria-hidden": "true", class: "track" });
  return element(
    "table",
    { class: "timeline", role: "table" },
    element("caption", {}, "Timeline"),
    element("thead", { role: "rowgroup" }, element("tr", { role: "row" }, ...heads, last)),
    element("tbody", { role: "rowgroup" }, ...lines),
  );
}

function ofAttempt({ provider, outcome, status, circuit, reason, seconds, delay }, n) {
  const said = [`${provider || "a provider"} ${OUTCOMES[outcome] ?? outcome}`];
  if (status) said.push(`status ${status}`);
  if (reason) said.push(reason.replaceAll("_", " "));
  if (circuit) said.push(`circuit ${circuit}`);
  const class_ = { success: "took", cancelled: "took other" }[outcome];
  return { title: `Attempt ${n + 1}`, said: said.join(", "), from: delay, took: seconds, class_ };
}

function ofStep({ provider, step, circuit, at }) {
  const said = [step.replaceAll("_", " "), provider, circuit && `circuit ${circuit}`].filter(Boolean).join(", ");
  return { title: "Step", said, from: at, took: null, class_: "took other" };
}

/** By time; where that is unknown, as they are. */
function inOrder(events) {
  if (events.some(({ from }) => from === null)) return events;
  return events.sort((one, other) => one.from - other.from);
}

/** The series that the request was counted in, as PromQL selectors. */
function counted(row, series) {
  const selectors = series
    .filter(({ when }) => when.every((field) => row[field]))
    .map(({ name, labels }) => {
      const pairs = Object.entries(labels).map(([label, field]) => `${label}=${quoted(valueOf(row, field) ?? "")}`);
      return element("li", {}, element("code", {}, `${name}{${pairs.join(", ")}}`));
    });
  const note = "A value for which its label had no room was counted as other, a key as unknown.";
  return element(
    "section",
    {},
    element("h3", {}, "Counted in"),
    element("ul", { class: "series" }, ...selectors),
    element("p", { class: "small" }, note),
  );
}

/** A field; `labels.NAME` is one of its labels. */
function valueOf(row, field) {
  const [name, label] = field.split(".");
  return label ? row[name][label] : row[name];
}

/** A PromQL string. */
function quoted(value) {
  return `"${String(value).replace(/\\/g, "\\\\").replace(/"/g, '\\"').replace(/\n/g, "\\n")}"`;
}

/** All that is known; a click on a value finds the requests that have it, too. */
function fields(row, filters) {
  const list = element("dl", { class: "known" });
  const add = (name, text, filter, value) => {
    const isFilter = filter && filters.has(filter);
    const title = `only requests with this ${words(name).toLowerCase()}`;
    const how = { type: "button", class: "only", title, click: () => filters.set(filter, asOne(filter, value)) };
    const shown = isFilter ? element("button", how, text) : text;
    list.append(element("div", {}, element("dt", {}, words(name)), element("dd", {}, shown)));
  };
  for (const [name, value] of Object.entries(row)) {
    if (value === null || value === "" || value === false) continue;
    if (name === "currency" && row.cost === null) continue;
    if (typeof value !== "object") {
      add(name, written(name, value, row), value === true ? "" : (FILTER_OF[name] ?? name), String(value));
    } else if (name === "labels") {
      for (const [label, one] of Object.entries(value)) add(label, one, "label", `${label}=${one}`);
    }
  }
  return element("section", {}, element("h3", {}, "Fields"), list);
}

/** A value as a filter's only one: a comma is between alternatives. */
function asOne(filter, value) {
  return filter !== "request_id" && /[",]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
}

function written(name, value, row) {
  if (name === "time") return `${localTime(Date.parse(value)).replace("T", " ")} (${zone()})`;
  if (name === "cost") return money(value, row.currency);
  if (SECONDS.includes(name)) return milliseconds(value);
  if (BYTES.includes(name)) return `${count(value)} bytes`;
  if (name.endsWith("_tokens")) return count(value);
  return value === true ? "yes" : String(value);
}
