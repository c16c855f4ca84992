// The cards: what the requests of the filter add up to.

import { element } from "./dom.js";
import { compact, count, duration, money, short } from "./shown.js";

const CARDS = [
  { title: "Requests", value: (sums) => short(sums.requests), exact: (sums) => count(sums.requests) },
  {
    title: "Failures",
    value: (sums) => short(sums.failures),
    below: (sums) => sums.requests && `${((100 * sums.failures) / sums.requests).toFixed(2)} %`,
    bad: (sums) => sums.failures > 0,
  },
  { title: "Cost", value: (sums, currency) => money(sums.cost, currency) },
  {
    title: "Tokens",
    value: (sums) => short(sums.input_tokens + sums.output_tokens + sums.reasoning_tokens),
    below: (sums) => {
      const reasoning = sums.reasoning_tokens ? ` · reasoning ${compact(sums.reasoning_tokens)}` : "";
      return `in ${compact(sums.input_tokens)} · out ${compact(sums.output_tokens)}${reasoning}`;
    },
  },
  {
    title: "Cache tokens",
    value: (sums) => short(sums.cache_write_tokens + sums.cache_read_tokens),
    below: (sums) => `written ${compact(sums.cache_write_tokens)} · read ${compact(sums.cache_read_tokens)}`,
  },
  { title: "Average duration", value: (sums) => measured(sums.average_duration) },
  { title: "95 % took at most", value: (sums) => measured(sums.p95_duration) },
];

function measured(seconds) {
  return seconds === null ? "–" : duration(seconds);
}

export class Cards {
  constructor(section, currency) {
    this.section = section;
    this.currency = currency;
    this.cards = CARDS.map((card) => {
      const value = element("dd", { class: "value" }, "…");
      const below = element("dd", { class: "below" });
      section.append(element("dl", {}, element("dt", {}, card.title), value, below));
      return { ...card, parts: { value, below } };
    });
  }

  /** What is shown may be that of another filter. */
  wait() {
    this.section.setAttribute("aria-busy", "true");
  }

  show(sums) {
    this.section.removeAttribute("aria-busy");
    for (const { value, below, exact, bad, parts } of this.cards) {
      parts.value.textContent = value(sums, this.currency);
      parts.value.title = exact ? exact(sums) : "";
      parts.value.classList.toggle("bad", Boolean(bad?.(sums)));
      parts.below.textContent = (below && below(sums)) || "";
    }
  }

  /** The sums are not known. */
  fail() {
    this.section.removeAttribute("aria-busy");
    for (const { parts } of this.cards) {
      parts.value.textContent = "–";
      parts.below.textContent = "";
    }
  }
}
