// Building DOM without markup strings: text from the app is never parsed as HTML.

/** An element. `props`: attributes, `on…` listeners, `class`, `data` and true/false flags. */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "data") Object.assign(element.dataset, value);
    else if (key === "value") element.value = value;
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((each) => each !== null && each !== undefined));
  return element;
}

let numbers = 0;

/** An id that no other element on the page has. */
export function newId(prefix) {
  numbers += 1;
  return `${prefix}-${numbers}`;
}

const signatures = new WeakMap();

/**
 * Brings the children of `parent` in line with `items` ([key, signature, build]): only what
 * changed is built anew, so that focus and open menus elsewhere survive.
 */
export function reconcile(parent, items) {
  const old = new Map([...parent.children].map((each) => [each.dataset.key, each]));
  let before = parent.firstElementChild;
  for (const [key, signature, build] of items) {
    let node = old.get(key);
    if (!node || signatures.get(node) !== signature) {
      const built = build();
      built.dataset.key = key;
      signatures.set(built, signature);
      if (node) {
        const focused = focusedPart(node);
        if (before === node) before = built;
        node.replaceWith(built);
        restoreFocus(built, focused);
      }
      node = built;
    }
    old.delete(key);
    if (node === before) before = before.nextElementSibling;
    else parent.insertBefore(node, before);
  }
  for (const left of old.values()) left.remove();
}

function focusedPart(node) {
  const active = document.activeElement;
  return node.contains(active) ? active.closest("[data-part]")?.dataset.part : undefined;
}

function restoreFocus(node, part) {
  if (part) node.querySelector(`[data-part="${CSS.escape(part)}"]`)?.focus();
}

/** A short-lived message at the edge of the page. */
export function toast(text, kind = "info") {
  const box = h("div", { class: `toast toast-${kind}` }, text);
  document.getElementById("toasts").append(box);
  setTimeout(() => box.remove(), 7000);
}
