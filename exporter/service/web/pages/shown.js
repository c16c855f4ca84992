// How numbers are written.

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const few = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });

export function count(number) {
  return whole.format(number);
}

/** A count that fits on a card; the whole number belongs into its title. */
export function short(number) {
  return number < 1e7 ? whole.format(number) : compact(number);
}

export function compact(number) {
  return few.format(number);
}

export function money(amount, currency) {
  const written = amount.toLocaleString("en", { minimumFractionDigits: 6, maximumFractionDigits: 6 });
  return currency ? `${written} ${currency}` : written;
}

/** Seconds as milliseconds, with fewer digits the longer it took. */
export function milliseconds(seconds) {
  const found = seconds * 1000;
  const digits = found < 1 ? 3 : found < 10 ? 1 : 0;
  return `${found.toLocaleString("en", { maximumFractionDigits: digits })} ms`;
}

export function duration(seconds) {
  return seconds < 1 ? milliseconds(seconds) : `${seconds.toLocaleString("en", { maximumFractionDigits: 2 })} s`;
}
