// The page: what its parts show follows the filter in the address.

import { addressOf, filterOf, isOpen, queryOf } from "./address.js";
import { Cards } from "./cards.js";
import { byId, element } from "./dom.js";
import { Filters } from "./filters.js";
import { ask } from "./server.js";
import { count } from "./shown.js";
import { Table } from "./table.js";
import { offerZones } from "./times.js";

const API = "api/v1/requests";
// New requests are asked for so often; more than this at once, and only the newest are shown.
const FOLLOW_MILLISECONDS = 600;
const MOST_NEW = 200;
// Sums of new requests are asked for this many times less often than they take, and not more often than this.
const SUMS_SHARE = 10;
const SUMS_MILLISECONDS = 3000;
const SAY_MILLISECONDS = 10_000;
const SLOWEST_RETRY_MILLISECONDS = 15_000;

class Page {
  constructor(about) {
    this.cards = new Cards(byId("cards"), about.currency);
    this.filters = new Filters(byId("filters"), about.filters, (filter, goesOn) => this.change(filter, goesOn));
    this.table = new Table(byId("requests"), about, this.filters);
    offerZones(byId("zone"), about.timezone, () => this.showTimes());
    this.filter = filterOf(location.search);
    this.last = 0;
    this.isPaused = false;
    this.failures = 0;
    this.problem = "";
    this.problemOfSums = "";
    this.unsaid = 0;
    this.saidAt = 0;
    this.abort = new AbortController();
    byId("older").addEventListener("click", () => this.older());
    byId("pause").addEventListener("click", () => this.pause());
    for (const format of ["csv", "jsonl"]) byId(format).addEventListener("click", () => this.linkExports());
    addEventListener("popstate", () => {
      const isOther = addressOf(filterOf(location.search)) !== addressOf(this.filter);
      if (isOther) this.read(); // else it is another place of the page
    });
    this.follow();
  }

  /** Show what the address says. */
  read() {
    this.filter = filterOf(location.search);
    this.filters.show(this.filter);
    this.load();
  }

  /** Show the same in another zone. */
  showTimes() {
    this.filters.show(this.filter);
    this.table.show(this.table.requests);
  }

  /** Take over another filter. While one field goes on changing, the back button goes to what was before. */
  change(filter, goesOn) {
    if (addressOf(filter) === addressOf(this.filter)) return;
    this.filter = filter;
    history[goesOn ? "replaceState" : "pushState"](null, "", addressOf(filter));
    this.load();
  }

  /** Ask for the requests and the sums of another filter. */
  async load() {
    this.abort.abort();
    this.abort = new AbortController();
    const { signal } = this.abort;
    this.isLoaded = false;
    this.isRefused = false;
    this.cards.wait();
    byId("requests").setAttribute("aria-busy", "true");
    try {
      this.linkExports();
      this.sum(signal);
      await this.newest(signal);
      const shown = requests(this.table.rows.length);
      this.say(this.isWhole ? `${shown} shown.` : `The newest ${shown} shown.`);
    } catch (error) {
      if (signal.aborted) return;
      this.table.show([]);
      this.failed(error);
      this.isRefused = error.status < 500; // it would be again
    } finally {
      if (!signal.aborted) this.settle();
    }
  }

  /** Show the newest requests; those whose id is above `highlighted` are new. */
  async newest(signal, highlighted) {
    const page = await this.ask("", {}, signal);
    this.last = page.last;
    this.table.show(page.requests, highlighted);
    this.isWhole = !page.next;
    this.isLoaded = true;
    this.solved();
    this.settle();
  }

  settle() {
    byId("requests").removeAttribute("aria-busy");
    byId("older").hidden = this.isWhole ?? true;
    byId("none").hidden = !this.isLoaded || this.table.rows.length > 0;
  }

  ask(path, more, signal) {
    return ask(`${API}${path}?${queryOf(this.filter, more)}`, signal);
  }

  async sum(signal) {
    const begun = performance.now();
    this.isSummed = true;
    this.sumAgain = Infinity;
    try {
      this.cards.show(await this.ask("/sums", {}, signal));
      this.problemOfSums = "";
    } catch (error) {
      if (signal.aborted) return;
      this.cards.fail();
      this.problemOfSums = error.message;
    }
    this.showProblem();
    const now = performance.now();
    this.sumAgain = now + Math.max(SUMS_MILLISECONDS, SUMS_SHARE * (now - begun));
  }

  async older() {
    const { signal } = this.abort;
    const { time, id } = this.table.requests.at(-1);
    byId("older").disabled = true;
    try {
      // A place in the order of the rows, as the API's cursors are.
      const page = await this.ask("", { cursor: `${Date.parse(time)}.${id}` }, signal);
      this.table.append(page.requests);
      this.isWhole = !page.next;
      this.say(`${requests(this.table.rows.length)} shown.`);
    } catch (error) {
      if (!signal.aborted) this.failed(error);
    } finally {
      byId("older").disabled = false;
      this.settle();
    }
  }

  pause() {
    this.isPaused = !this.isPaused;
    byId("pause").setAttribute("aria-pressed", String(this.isPaused));
    byId("pause").textContent = this.isPaused ? "Go on" : "Pause";
    this.say(this.isPaused ? "New requests are not shown." : "New requests are shown.");
  }

  /** Show new requests as they come, for as long as the page is looked at. */
  async follow() {
    const { signal } = this.abort;
    try {
      if (!this.isPaused && !document.hidden && isOpen(this.filter)) await this.addNew(signal);
    } catch (error) {
      if (!signal.aborted) this.failed(error);
    }
    const wait = Math.min(FOLLOW_MILLISECONDS * 2 ** this.failures, SLOWEST_RETRY_MILLISECONDS);
    setTimeout(() => this.follow(), wait);
  }

  async addNew(signal) {
    if (!this.isLoaded) {
      if (this.failures && !this.isRefused) await this.load();
      return;
    }
    if (this.isBehind && this.table.isOpen) return;
    const { requests: found, last } = await this.ask("", { after: this.last, limit: MOST_NEW }, signal);
    if (signal.aborted) return;
    this.solved();
    this.isBehind = found.length === MOST_NEW;
    if (!this.isBehind) {
      this.last = last;
      this.insert(found);
    } else if (this.table.isOpen) {
      this.say("More requests come than can be shown beside an open one: close it to see them.");
    } else {
      this.isSummed = false;
      await this.newest(signal, this.last);
      this.sayAtTimes(`The newest ${requests(this.table.rows.length)} shown; more came in.`);
    }
    if (!this.isSummed && performance.now() > this.sumAgain) this.sum(signal);
  }

  insert(found) {
    if (!found.length) return;
    const { shown, cut } = this.table.insert(found, this.isWhole);
    this.isWhole = this.isWhole && !cut;
    this.isSummed = false;
    this.unsaid += shown;
    this.sayAtTimes(`${requests(this.unsaid)} came in.`);
    this.settle();
  }

  linkExports() {
    for (const format of ["csv", "jsonl"]) byId(format).href = `${API}?${queryOf(this.filter, { format })}`;
  }

  /** Say something to those who listen, but not each second. */
  say(text) {
    byId("said").textContent = text;
    this.unsaid = 0;
    this.saidAt = performance.now();
  }

  sayAtTimes(text) {
    if (performance.now() - this.saidAt > SAY_MILLISECONDS) this.say(text);
  }

  failed(error) {
    this.failures += 1;
    this.problem = error.message;
    this.showProblem();
  }

  solved() {
    this.failures = 0;
    this.problem = "";
    this.showProblem();
  }

  showProblem() {
    const text = this.problem || this.problemOfSums;
    if (byId("problem").textContent !== text) byId("problem").textContent = text; // it is read aloud
    byId("problem").hidden = !text;
  }
}

function requests(number) {
  return number === 1 ? "1 request" : `${count(number)} requests`;
}

try {
  const about = await ask("requests/about.json");
  if (about.kept) {
    document.querySelector("main").hidden = false;
    new Page(about).read();
  } else {
    const sections = [element("code", {}, "requests: {}"), " and a ", element("code", {}, "state.path")];
    const said = ["No single requests are kept: for that, the config needs ", ...sections, "."];
    document.body.append(element("p", {}, ...said));
  }
} catch (error) {
  document.body.append(element("p", { role: "alert" }, error.message));
}
