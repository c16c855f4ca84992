// The filter in the page's address, and as the API is asked. A filter maps names to texts; `last` is how far it reaches
// back from now, and stands in the address only.

const UNITS = { s: 1, m: 60, h: 3600, d: 86400 };
const DEFAULT = "1h";
const NEEDLESS_QUOTES = /^"([^",]*)"$/;

export function filterOf(search) {
  const found = {};
  for (const [name, given] of new URLSearchParams(search)) {
    const value = given.replace(NEEDLESS_QUOTES, "$1");
    if (value) found[name] = name in found ? `${found[name]},${value}` : value;
  }
  if (!found.last && !found.since && !found.until) found.last = DEFAULT;
  return found;
}

export function addressOf(filter) {
  const named = Object.entries(filter).filter(([, value]) => value);
  return `?${new URLSearchParams(named)}`;
}

/** What to ask the API for; throws an Error with a sentence for people. */
export function queryOf(filter, more = {}) {
  const { last, ...asked } = filter;
  if (last && last !== "all") {
    const [, amount, unit] = /^(\d{1,6})([smhd])$/.exec(last) ?? [];
    if (!amount) throw new Error(`last: '${last.slice(0, 40)}' is not valid; use 15m, 6h, 7d or all`);
    asked.since = new Date(Date.now() - Number(amount) * UNITS[unit] * 1000).toISOString();
  }
  return new URLSearchParams({ ...asked, ...more });
}

/** Whether new requests can belong to a filter. */
export function isOpen(filter) {
  return !filter.until;
}
