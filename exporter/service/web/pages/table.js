// The table: a row for each request, the newest first; a row opens to its details.

import { columns, has } from "./columns.js";
import { details } from "./details.js";
import { element } from "./dom.js";

const MOST_ROWS = 1000;
const HIGHLIGHT_MILLISECONDS = 4000;

export class Table {
  /** `about` is what the exporter says of its config; `filters` get a condition by a click on a value. */
  constructor(table, about, filters) {
    this.head = table.tHead;
    this.body = table.tBodies[0];
    this.about = about;
    this.filters = filters;
    this.columns = columns(about.currency);
    this.rows = [];
    this.hidden = new Set();
    const heads = this.columns.map((column) => {
      return element("th", { role: "columnheader", scope: "col", class: column.number && "number" }, column.title);
    });
    this.head.append(element("tr", { role: "row" }, ...heads));
    this.body.addEventListener("click", (event) => this.clicked(event));
  }

  /** Show other requests; those that were open stay so, and those whose id is above `newest` are highlighted. */
  show(requests, newest = Infinity) {
    const open = new Set(this.rows.filter((row) => row.details).map((row) => row.request.id));
    this.rows = requests.map((request) => this.row(request));
    this.body.replaceChildren(...this.rows.map((row) => row.line));
    for (const row of this.rows) {
      if (open.has(row.request.id)) this.toggle(row);
      if (row.request.id > newest) highlight(row);
    }
    this.hideEmpty();
  }

  /** Add older ones below. */
  append(requests) {
    const rows = requests.map((request) => this.row(request));
    this.rows.push(...rows);
    this.body.append(...rows.map((row) => row.line));
    this.hideEmpty();
  }

  /** Add those that came meanwhile, each in its place; those that belong below the last one come with the older ones.
   * Returns how many are shown, and whether rows fell out at the end. What is being read stays where it is.
   */
  insert(requests, isWhole) {
    let shown = 0;
    const seen = top(this.body) < 0 && this.rows.find((row) => top(row.line) >= 0);
    const read = this.rows.find((row) => row.details) ?? seen;
    const before = read && top(read.line);
    const known = new Set(this.rows.map((row) => row.request.id));
    for (const request of requests) {
      const at = this.rows.findIndex((row) => isNewer(request, row.request));
      if (known.has(request.id) || (at < 0 && this.rows.length && !isWhole)) continue;
      const row = this.row(request);
      if (at < 0) this.body.append(row.line);
      else this.rows[at].line.before(row.line);
      this.rows.splice(at < 0 ? this.rows.length : at, 0, row);
      highlight(row);
      shown += 1;
    }
    const surplus = this.rows.splice(MOST_ROWS);
    for (const row of surplus) {
      row.details?.remove();
      row.line.remove();
    }
    this.hideEmpty();
    if (read) scrollBy(0, top(read.line) - before);
    return { shown, cut: surplus.length > 0 };
  }

  get isOpen() {
    return this.rows.some((row) => row.details);
  }

  get requests() {
    return this.rows.map((row) => row.request);
  }

  row(request) {
    const line = element("tr", { role: "row", class: request.unbilled ? "request unbilled" : "request" });
    const row = { request, line, details: null };
    for (const column of this.columns) {
      const parts = [column.cell(request)].flat();
      const how = { role: "cell", class: column.number && "number", "data-title": column.title };
      const cell = element("td", how, ...parts);
      cell.hidden = this.hidden.has(column);
      line.append(cell);
    }
    const id = `details-${request.id}`;
    row.button = element("button", { type: "button", class: "open", "aria-expanded": "false", "aria-controls": id });
    row.button.append(...line.cells[0].childNodes);
    line.cells[0].append(row.button);
    line.request = row;
    return row;
  }

  clicked(event) {
    const row = event.target.closest("tr.request")?.request;
    const isSelecting = !event.target.closest("button") && String(getSelection());
    if (row && !isSelecting) this.toggle(row);
  }

  toggle(row) {
    row.button.setAttribute("aria-expanded", String(!row.details));
    if (row.details) {
      row.details.remove();
      row.details = null;
      return;
    }
    const shown = details(row.request, this.about, this.filters);
    const cell = element("td", { role: "cell", colspan: this.columns.length }, shown);
    row.details = element("tr", { role: "row", class: "details", id: `details-${row.request.id}` }, cell);
    row.details.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      this.toggle(row);
      row.button.focus();
    });
    row.line.after(row.details);
  }

  /** Hide the columns that no request has a value for. */
  hideEmpty() {
    const hidden = new Set(this.columns.filter((column) => !this.rows.some((row) => has(row.request, column))));
    if (this.columns.every((column) => hidden.has(column) === this.hidden.has(column))) return;
    this.hidden = hidden;
    const lines = [this.head.rows[0], ...this.rows.map((row) => row.line)];
    for (const line of lines) this.columns.forEach((column, n) => (line.cells[n].hidden = hidden.has(column)));
  }
}

function top(it) {
  return it.getBoundingClientRect().top;
}

function highlight(row) {
  row.line.classList.add("new");
  setTimeout(() => row.line.classList.remove("new"), HIGHLIGHT_MILLISECONDS);
}

function isNewer(one, other) {
  const later = Date.parse(one.time) - Date.parse(other.time);
  return later > 0 || (later === 0 && one.id > other.id);
}
