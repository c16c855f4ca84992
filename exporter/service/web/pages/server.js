// Asks the exporter.

/** What an address answers, as JSON; throws an Error with a sentence for people, and the status if there is one. */
export async function ask(address, signal) {
  let answer;
  try {
    // The page's address may hold a password, which `fetch` would refuse; `location` does not show it.
    const whole = new URL(address, location.origin + location.pathname);
    answer = await fetch(whole, { signal, headers: { accept: "application/json" } });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The exporter does not answer; it is asked again.");
  }
  const text = await answer.text();
  let found = {};
  try {
    found = JSON.parse(text);
  } catch {
    found = { error: text.trim() };
  }
  if (answer.ok) return found;
  const problem = found.error || `The exporter answers with status ${answer.status}.`;
  throw Object.assign(new Error(problem), { status: answer.status });
}
