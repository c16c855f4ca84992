// Elements of the page. Texts become text nodes: whatever a log holds, nothing of it is read as HTML.

/** An element with attributes and children; those that are null, undefined or false are left out. */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(key, value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== undefined && value !== null && value !== false) made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== undefined && child !== null && child !== false));
  return made;
}

/** A sign for those who see it, and words for those who listen. */
export function sign(seen, said) {
  const shown = element("span", { "aria-hidden": "true" }, seen);
  return element("span", {}, shown, element("span", { class: "unseen" }, said));
}

export function byId(id) {
  return document.getElementById(id);
}
