// The form of the filters: what is set there, and what a filter sets there.

import { element } from "./dom.js";
import { epoch, localTime, moment } from "./times.js";
import { ERRORS, words } from "./words.js";

const RANGES = {
  "15m": "Last 15 minutes",
  "1h": "Last hour",
  "6h": "Last 6 hours",
  "24h": "Last 24 hours",
  "7d": "Last 7 days",
  all: "All that is kept",
};
const BETWEEN = "between";
const TIMES = ["since", "until"];
// Those that are always shown; all others of the API are under "More filters".
const FIRST = ["status", "key", "user", "method", "provider", "model", "text"];
const HINTS = {
  status: "4xx, 502",
  key: "name or id",
  text: "route or method",
  slower_than: "seconds",
  costlier_than: "money",
  client: "192.0.2.0/24",
  label: "name=value",
};
const YES_OR_NO = "true or false";
const TYPED_MILLISECONDS = 350;

export class Filters {
  /** `meanings` are the API's filters; `changed` is called with a filter and whether one field goes on changing. */
  constructor(form, meanings, changed) {
    this.form = form;
    this.changed = changed;
    this.latest = "";
    this.fields = new Map();
    this.range = element("select", { id: "filter-last" });
    for (const [value, text] of Object.entries({ ...RANGES, [BETWEEN]: "Between …" })) this.addRange(value, text);
    this.between = element("span", { class: "between", hidden: true });
    for (const name of TIMES) {
      const field = element("input", { id: `filter-${name}`, type: "datetime-local", step: "1" });
      this.fields.set(name, field);
      this.between.append(labelled(name === "since" ? "From" : "To", field));
    }
    const others = Object.keys(meanings).filter((name) => !FIRST.includes(name) && !TIMES.includes(name));
    this.summary = element("summary", {}, "More filters");
    this.more = element("details", {}, this.summary);
    const inside = element("div", { class: "fields" });
    for (const name of others) inside.append(this.field(name, meanings[name]));
    this.more.append(inside);
    const first = FIRST.filter((name) => name in meanings).map((name) => this.field(name, meanings[name]));
    const clear = element("button", { type: "button", click: () => this.clear() }, "Clear filters");
    const shown = [labelled("Time", this.range), this.between, ...first, clear];
    form.append(element("div", { class: "fields" }, ...shown), this.more);
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("change", (event) => this.report(event.target));
    form.addEventListener("input", (event) => {
      clearTimeout(this.typing);
      if (event.target.type === "text") this.typing = setTimeout(() => this.report(event.target), TYPED_MILLISECONDS);
    });
  }

  addRange(value, text) {
    this.range.append(element("option", { value }, text));
  }

  field(name, meaning) {
    const id = `filter-${name}`;
    const title = meaning.replace(`${YES_OR_NO}: `, "");
    let field;
    if (meaning.startsWith(YES_OR_NO)) field = choice(id, title, { true: "yes", false: "no" });
    else if (name === "error_type") field = choice(id, title, byItself(Object.keys(ERRORS)));
    else field = element("input", { id, type: "text", title, placeholder: HINTS[name], spellcheck: "false" });
    this.fields.set(name, field);
    return labelled(words(name), field);
  }

  /** Show a filter in the form. */
  show(filter) {
    const range = filter.last ?? BETWEEN;
    if (![...this.range.options].some((option) => option.value === range)) this.addRange(range, `Last ${range}`);
    this.range.value = range;
    this.between.hidden = range !== BETWEEN;
    for (const [name, field] of this.fields) {
      const value = filter[name] ?? "";
      const selectable = field.options && value && ![...field.options].some((option) => option.value === value);
      if (selectable) field.append(element("option", { value }, value));
      const text = TIMES.includes(name) ? this.local(value) : value;
      if (field.value !== text) field.value = text;
    }
    this.count();
  }

  local(value) {
    const at = moment(value);
    return Number.isNaN(at) ? "" : localTime(at).slice(0, 19);
  }

  count() {
    const inside = [...this.more.querySelectorAll("input, select")].filter((field) => field.value).length;
    this.summary.textContent = inside ? `More filters (${inside})` : "More filters";
    if (inside) this.more.open = true;
  }

  /** The filter that the form shows. */
  read() {
    const found = {};
    if (this.range.value !== BETWEEN) found.last = this.range.value;
    for (const [name, field] of this.fields) {
      const value = field.value.trim();
      if (!TIMES.includes(name)) found[name] = value;
      else if (value && this.range.value === BETWEEN) found[name] = new Date(epoch(value)).toISOString();
    }
    return found;
  }

  report(field) {
    clearTimeout(this.typing);
    if (field === this.range) {
      this.between.hidden = field.value !== BETWEEN;
      if (field.value === BETWEEN && !this.fields.get("since").value) {
        this.fields.get("since").value = this.local(String(Date.now() - 3600_000));
      }
    }
    this.count();
    this.changed(this.read(), field.id === this.latest);
    this.latest = field.id;
  }

  /** Add one condition, as a click on a value does. */
  set(name, value) {
    this.fields.get(name).value = value;
    this.report(this.fields.get(name));
  }

  has(name) {
    return this.fields.has(name);
  }

  clear() {
    for (const field of this.fields.values()) field.value = "";
    this.report(this.form);
  }
}

function labelled(title, field) {
  return element("span", { class: "field" }, element("label", { for: field.id }, title), field);
}

function byItself(values) {
  return Object.fromEntries(values.map((value) => [value, value]));
}

function choice(id, title, texts) {
  const options = Object.entries(texts).map(([value, text]) => element("option", { value }, text));
  return element("select", { id, title }, element("option", { value: "" }, "any"), ...options);
}
