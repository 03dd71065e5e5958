// The message box: commands, mentions, and a popup that knows both.

import { h, newId } from "./dom.js";

function suggestions(text, caret, app, inThread) {
  const before = text.slice(0, caret);
  if (before.startsWith("/") && !inThread) return commandHints(before, app);
  const mention = /(^|\s)@([\w.-]*)$/.exec(before);
  if (!mention) return [];
  const typed = mention[2].toLowerCase();
  return app.directory.people
    .filter((each) => each.name.startsWith(typed) || each.real_name.toLowerCase().startsWith(typed))
    .map((each) => ({
      title: `@${each.name}`,
      complete: each.name === typed,
      detail: each.is_bot ? "App: mention it to give a command" : each.real_name,
      insert: () => ({
        text: `${before.slice(0, before.length - typed.length)}${each.name} ${text.slice(caret)}`,
        caret: caret - typed.length + each.name.length + 1,
      }),
    }));
}

function commandHints(before, app) {
  const [typed] = before.split(" ");
  const exact = before.includes(" ");
  return app.directory.commands
    .filter((each) => (exact ? each.command === typed : each.command.startsWith(typed)))
    .map((each) => ({
      title: `${each.command} ${each.usage_hint}`.trim(),
      detail: each.description,
      only: exact,
      complete: each.command === typed,
      insert: () => ({ text: `${each.command} `, caret: each.command.length + 1 }),
    }));
}

/** A message box; `send(text)` may throw Error with what to tell the person. */
export function composer({ label, placeholder, id, app, inThread, send }) {
  const listId = newId("hints");
  const list = h("ul", {
    id: listId,
    class: "hints",
    role: "listbox",
    "aria-label": "Suggestions",
    hidden: true,
  });
  const problem = h("p", { class: "problem", role: "alert" });
  const history = [];
  let found = [];
  let at = 0;
  const area = h("textarea", {
    id,
    rows: "1",
    placeholder,
    "aria-label": label,
    "aria-controls": listId,
    "aria-autocomplete": "list",
    spellcheck: "false",
  });
  const button = h(
    "button",
    { type: "submit", class: "btn btn-primary send", "aria-label": "Send", disabled: true },
    "➤",
  );

  const grow = () => {
    area.style.height = "auto";
    area.style.height = `${Math.min(area.scrollHeight, 200)}px`;
    button.disabled = !area.value.trim();
  };
  const hide = () => {
    list.hidden = true;
    found = [];
  };
  const accept = (hint) => {
    const made = hint.insert();
    area.value = made.text;
    area.setSelectionRange(made.caret, made.caret);
    area.focus();
    refresh();
  };
  const refresh = () => {
    grow();
    found = suggestions(area.value, area.selectionStart, app, inThread);
    at = 0;
    draw();
  };
  const draw = () => {
    list.hidden = !found.length;
    list.replaceChildren(
      ...found.slice(0, 8).map((hint, index) =>
        h(
          "li",
          {
            role: "option",
            id: newId("hint"),
            "aria-selected": String(index === at && !hint.only),
            onmousedown: (event) => {
              event.preventDefault();
              accept(hint);
            },
          },
          h("strong", {}, hint.title),
          h("small", {}, hint.detail),
        ),
      ),
    );
  };
  const submit = async () => {
    const text = area.value.trim();
    if (!text) return;
    area.value = "";
    problem.textContent = "";
    hide();
    grow();
    history.push(text);
    try {
      await send(text);
    } catch (error) {
      problem.textContent = error.message;
      if (!area.value) area.value = text;
      grow();
    }
  };
  const choosing = () => !list.hidden && found.length > 0 && !found[0].only;
  const keys = {
    Tab: () => choosing() && accept(found[at]),
    Enter: (event) => {
      if (event.shiftKey || event.isComposing) return false;
      if (choosing() && !found[at].complete) accept(found[at]);
      else submit();
      return true;
    },
    ArrowDown: () => choosing() && move(1),
    ArrowUp: () => (choosing() ? move(-1) : recall()),
    Escape: () => !list.hidden && (hide(), true),
  };
  const move = (step) => {
    const most = Math.min(found.length, 8);
    at = (at + step + most) % most;
    draw();
    return true;
  };
  const recall = () => {
    if (area.value || !history.length) return false;
    area.value = history.at(-1);
    grow();
    return true;
  };
  area.addEventListener("keydown", (event) => {
    if (keys[event.key] && keys[event.key](event) !== false) event.preventDefault();
  });
  area.addEventListener("input", refresh);
  area.addEventListener("blur", hide);
  const hint = inThread
    ? "Slash commands don't work in threads: mention the bot instead."
    : "Enter sends, Shift+Enter makes a new line";
  return h(
    "form",
    {
      class: "composer",
      onsubmit: (event) => {
        event.preventDefault();
        submit();
      },
    },
    list,
    h("div", { class: "composer-box" }, area, button),
    problem,
    h("small", { class: "composer-hint" }, hint),
  );
}
