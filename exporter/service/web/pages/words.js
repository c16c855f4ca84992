// What the API's words mean, for people.

export const ERRORS = {
  blocked: "A policy of the gateway blocked it.",
  rate_limit_exceeded: "A rate limit or a quota was exceeded.",
  auth: "The API key was missing, wrong or not allowed.",
  timeout: "It took longer than allowed.",
  upstream_error: "The provider or upstream failed, or could not be reached.",
  server_error: "The gateway itself failed.",
  client_abort: "The client went away before the answer was complete.",
  client_error: "The request was wrong.",
  rpc_error: "The answer was an error of JSON-RPC, although HTTP succeeded.",
};

export const OUTCOMES = {
  success: "answered",
  timeout: "took too long",
  rate_limit_exceeded: "refused: too many requests",
  auth: "refused the gateway's own credentials",
  client_error: "refused the request as wrong",
  server_error: "failed",
  connection_error: "could not be reached",
  circuit_open: "was not asked: its circuit breaker is open",
  cancelled: "was cancelled, as another one was faster",
  client_abort: "was given up, as the client went away",
  other: "failed; the log does not say how",
};

/** A field's name as words. */
export function words(name) {
  const text = name.replaceAll("_", " ");
  return text[0].toUpperCase() + text.slice(1);
}
