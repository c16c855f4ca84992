// Times in the zone that the reader chooses: their own, or the configured one.

import { element } from "./dom.js";

const HERE = Intl.DateTimeFormat().resolvedOptions().timeZone;
const STORED = "zone";
const formats = new Map();
let chosen = HERE;

/** Epoch milliseconds as a local time: 2026-03-01T12:00:00.000. */
export function localTime(at, zone = chosen) {
  if (!formats.has(zone)) {
    const parts = { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit" };
    const how = { ...parts, second: "2-digit", fractionalSecondDigits: 3, hourCycle: "h23", timeZone: zone };
    formats.set(zone, new Intl.DateTimeFormat("en", how));
  }
  const found = Object.fromEntries(formats.get(zone).formatToParts(at).map((part) => [part.type, part.value]));
  const { year, month, day, hour, minute, second, fractionalSecond } = found;
  return `${year}-${month}-${day}T${hour}:${minute}:${second}.${fractionalSecond}`;
}

/** The epoch milliseconds of a local time. */
export function epoch(local) {
  const asUtc = Date.parse(`${local}Z`);
  const offset = (at) => Date.parse(`${localTime(at)}Z`) - at;
  const near = asUtc - offset(asUtc);
  return asUtc - offset(near);
}

/** Epoch milliseconds of a time in an address: a date, or epoch seconds or milliseconds. NaN if it is none. */
export function moment(text) {
  if (!/^\d+(\.\d+)?$/.test(text)) return Date.parse(text);
  const number = Number(text);
  return number >= 1e11 ? number : number * 1000;
}

/** The name of the zone that is chosen. */
export function zone() {
  return chosen;
}

/** Offer both zones, where they differ; `changed` is called when another one was chosen. */
export function offerZones(label, configured, changed) {
  const zones = [...new Set([HERE, configured].filter(isZone))];
  const stored = remembered();
  if (zones.includes(stored)) chosen = stored;
  const select = label.querySelector("select");
  for (const one of zones) {
    select.append(element("option", { value: one, selected: one === chosen }, one === HERE ? `${one} (here)` : one));
  }
  select.addEventListener("change", () => {
    chosen = select.value;
    remember(chosen);
    changed();
  });
  label.hidden = zones.length < 2;
}

function isZone(name) {
  try {
    return Boolean(new Intl.DateTimeFormat("en", { timeZone: name }));
  } catch {
    return false;
  }
}

/** The choice of an earlier visit; null if there is none, or nothing may be stored here. */
function remembered() {
  try {
    return localStorage.getItem(STORED);
  } catch {
    return null;
  }
}

function remember(name) {
  try {
    localStorage.setItem(STORED, name);
  } catch {
    // It holds for this visit.
  }
}
