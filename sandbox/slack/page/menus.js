// Overflow menus and typeahead: the two controls that HTML has no element for.

import { h, newId } from "./dom.js";

function moveFocus(list, step) {
  const items = [...list.querySelectorAll("[role=menuitem]")];
  const now = items.indexOf(document.activeElement);
  items[(now + step + items.length) % items.length]?.focus();
}

/** A "…" button with a menu; `choose(option)` is called with what was picked. */
export function overflowMenu(element, part, choose) {
  const id = newId("menu");
  const button = h(
    "button",
    {
      type: "button",
      class: "btn btn-overflow",
      "aria-haspopup": "menu",
      "aria-expanded": "false",
      "aria-controls": id,
      "aria-label": "More actions",
      data: { part },
    },
    "⋯",
  );
  const menu = h("div", { id, class: "menu", role: "menu", hidden: true });
  const show = (open) => {
    menu.hidden = !open;
    button.setAttribute("aria-expanded", String(open));
    if (open) menu.querySelector("[role=menuitem]")?.focus();
  };
  for (const option of element.options) {
    menu.append(
      h(
        "button",
        {
          type: "button",
          role: "menuitem",
          tabindex: "-1",
          onclick: () => {
            show(false);
            button.focus();
            choose(option);
          },
        },
        h("span", {}, option.text.text),
        option.description ? h("small", {}, option.description.text) : null,
      ),
    );
  }
  button.addEventListener("click", () => show(menu.hidden));
  const wrap = h("span", { class: "menu-wrap" }, button, menu);
  wrap.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !menu.hidden) {
      show(false);
      button.focus();
      event.stopPropagation();
    } else if (event.key === "ArrowDown" && !menu.hidden) {
      moveFocus(menu, 1);
      event.preventDefault();
    } else if (event.key === "ArrowUp" && !menu.hidden) {
      moveFocus(menu, -1);
      event.preventDefault();
    }
  });
  wrap.addEventListener("focusout", (event) => {
    if (!wrap.contains(event.relatedTarget)) show(false);
  });
  return wrap;
}

/**
 * A text field that offers options while one types. `load(typed)` resolves to options,
 * `choose(option)` is called with the picked one.
 */
export function combobox({ label, placeholder, current, part, id, describedby, load, choose }) {
  const listId = newId("list");
  const list = h("ul", {
    id: listId,
    class: "listbox",
    role: "listbox",
    "aria-label": "Options",
    hidden: true,
  });
  const input = h("input", {
    type: "text",
    id,
    role: "combobox",
    class: "field",
    autocomplete: "off",
    placeholder,
    "aria-label": id ? null : label,
    "aria-expanded": "false",
    "aria-controls": listId,
    "aria-autocomplete": "list",
    "aria-describedby": describedby,
    value: current ?? "",
    data: { part },
  });
  let options = [];
  let at = -1;
  let turn = 0;
  let timer;
  const close = () => {
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
    at = -1;
  };
  const mark = (index) => {
    at = index;
    [...list.children].forEach((each, position) => {
      each.setAttribute("aria-selected", String(position === at));
      if (position === at) {
        input.setAttribute("aria-activedescendant", each.id);
        each.scrollIntoView({ block: "nearest" });
      }
    });
  };
  const pick = (option) => {
    input.value = option.text.text;
    close();
    choose(option);
  };
  const message = (text) =>
    list.replaceChildren(h("li", { class: "listbox-note", role: "presentation" }, text));
  const open = () => {
    list.hidden = false;
    input.setAttribute("aria-expanded", "true");
  };
  const ask = async () => {
    turn += 1;
    const mine = turn;
    open();
    message("Loading…");
    let found;
    try {
      found = await load(input.value);
    } catch (error) {
      if (mine === turn) message(error.message);
      return;
    }
    if (mine !== turn) return;
    options = found;
    if (!options.length) {
      message("No results");
      return;
    }
    list.replaceChildren(
      ...options.map((option) =>
        h(
          "li",
          {
            id: newId("option"),
            role: "option",
            "aria-selected": "false",
            onmousedown: (event) => {
              event.preventDefault();
              pick(option);
            },
          },
          h("span", {}, option.text.text),
          option.description ? h("small", {}, option.description.text) : null,
        ),
      ),
    );
    mark(0);
  };
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(ask, 150);
  });
  input.addEventListener("focus", () => {
    input.select();
    ask();
  });
  input.addEventListener("blur", () => {
    turn += 1;
    close();
  });
  input.addEventListener("keydown", (event) => {
    if (list.hidden) {
      if (event.key === "ArrowDown") ask();
      return;
    }
    if (event.key === "ArrowDown") mark(Math.min(at + 1, options.length - 1));
    else if (event.key === "ArrowUp") mark(Math.max(at - 1, 0));
    else if (event.key === "Enter" && options[at]) pick(options[at]);
    else if (event.key === "Escape") {
      close();
      event.stopPropagation();
    } else return;
    event.preventDefault();
  });
  return h("span", { class: "combo" }, input, list);
}
