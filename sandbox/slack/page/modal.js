// The topmost modal of the acting person.

import { blocks } from "./blocks.js";
import { h } from "./dom.js";
import { plainText } from "./mrkdwn.js";

const dialog = document.getElementById("modal");
const drafts = new Map();
let shown = { id: null, key: null };
let errors = {};
let trouble = null;
let sending = false;

const VALUE_KEYS = [
  "value",
  "selected_option",
  "selected_options",
  "selected_user",
  "selected_users",
  "selected_channel",
  "selected_channels",
  "selected_conversation",
  "selected_date",
  "selected_time",
  "selected_date_time",
];

function held(view, block, element) {
  const state = view.state.values[block.block_id]?.[element.action_id];
  const key = state && VALUE_KEYS.find((each) => each in state);
  return key ? state[key] : undefined;
}

const draftKey = (view, block, element) =>
  JSON.stringify([view.id, block.block_id, element.action_id]);

/** What the elements of a view (a modal, or the Home tab) need to work. */
export function viewContext(view, app) {
  const asked = (block, element) => ({
    user: app.user,
    view_id: view.id,
    block_id: block.block_id,
    action_id: element.action_id,
  });
  return {
    directory: app.directory,
    errors: view.type === "modal" ? errors : {},
    sends: (block) => block.type !== "input" || Boolean(block.dispatch_action),
    get: (block, element) => {
      const key = draftKey(view, block, element);
      return drafts.has(key) ? drafts.get(key) : held(view, block, element);
    },
    set: (block, element, value) => drafts.set(draftKey(view, block, element), value),
    act: (block, element, value) =>
      app.post("act", { ...asked(block, element), value, values: filled(view) }),
    suggest: async (block, element, typed) =>
      (await app.post("suggest", { ...asked(block, element), typed, values: filled(view) })).options,
  };
}

function filled(view) {
  const values = {};
  for (const [key, value] of drafts) {
    const [id, block, action] = JSON.parse(key);
    if (id === view.id) (values[block] ??= {})[action] = value;
  }
  const known = new Set(view.blocks.map((each) => each.block_id));
  return Object.fromEntries(Object.entries(values).filter(([block]) => known.has(block)));
}

async function submit(view, app) {
  if (sending) return;
  sending = true;
  trouble = null;
  draw(view, app);
  try {
    const outcome = await app.post("submit", {
      user: app.user,
      view_id: view.id,
      values: filled(view),
    });
    errors = outcome.errors ?? {};
    if (outcome.reason) trouble = `This did not work: ${outcome.reason}. Try again.`;
  } catch (error) {
    trouble = error.message;
  }
  sending = false;
  if (dialog.open && shown.id === view.id) draw(view, app);
  (
    dialog.querySelector(".input-wrong :is(input, select, textarea)") ??
    dialog.querySelector(".modal-body")
  )?.focus();
}

function draw(view, app) {
  const part = document.activeElement?.closest("[data-part]")?.dataset.part;
  const close = () => app.post("close", { user: app.user, view_id: view.id });
  const form = h(
    "form",
    {
      novalidate: true,
      class: "modal-form",
      onsubmit: (event) => {
        event.preventDefault();
        submit(view, app);
      },
    },
    h(
      "header",
      { class: "modal-head" },
      h("h2", { id: "modal-title" }, plainText(view.title.text)),
      h("button", { type: "button", class: "icon", "aria-label": "Close", onclick: close }, "✕"),
    ),
    h(
      "div",
      { class: "modal-body", tabindex: "-1" },
      trouble ? h("p", { class: "alert alert-error", role: "alert" }, trouble) : null,
      blocks(view.blocks, viewContext(view, app)),
    ),
    h(
      "footer",
      { class: "modal-foot" },
      h("small", { class: "modal-private" }, `Only ${app.person(app.user)?.real_name} sees this`),
      h("button", { type: "button", class: "btn", onclick: close }, view.close?.text ?? "Close"),
      view.submit
        ? h(
            "button",
            {
              type: "submit",
              class: `btn btn-primary${sending ? " busy" : ""}`,
              disabled: sending,
              "aria-busy": sending ? "true" : null,
            },
            sending ? "Sending…" : view.submit.text,
          )
        : null,
    ),
  );
  const scroll = dialog.querySelector(".modal-body")?.scrollTop ?? 0;
  dialog.replaceChildren(form);
  dialog.querySelector(".modal-body").scrollTop = scroll;
  if (part) dialog.querySelector(`[data-part="${CSS.escape(part)}"]`)?.focus();
  return form;
}

function firstField(view) {
  const wanted = view.blocks
    .flatMap((each) => [each.element, each.accessory, ...(each.elements ?? [])])
    .find((each) => each?.focus_on_load);
  const all = [...dialog.querySelectorAll("[data-part]")];
  const meant = wanted && all.find((each) => each.dataset.part.endsWith(`/${wanted.action_id}`));
  return (
    meant ??
    dialog.querySelector(".modal-body :is(input, select, textarea)") ??
    dialog.querySelector(".modal-body")
  );
}

/** Shows the topmost of `views`, or nothing. */
export function drawModal(views, notices, app) {
  const view = views.at(-1);
  if (!view) {
    if (dialog.open) dialog.close();
    shown = { id: null, key: null };
    drafts.clear();
    return;
  }
  const failure = notices.filter((each) => each.view_id === view.id).at(-1)?.text;
  const key = `${view.id} ${view.hash} ${failure ?? ""}`;
  if (key === shown.key && dialog.open) return;
  const isNew = shown.id !== view.id;
  if (isNew || !shown.key?.startsWith(`${view.id} ${view.hash}`)) errors = {};
  if (failure && !shown.key?.endsWith(failure)) trouble = failure;
  else if (isNew) trouble = null;
  shown = { id: view.id, key };
  draw(view, app);
  if (!dialog.open) dialog.showModal();
  if (isNew) firstField(view)?.focus();
}

/** Closing with Escape goes the way of the Close button. */
export function connectModal(app) {
  dialog.addEventListener("cancel", (event) => {
    event.preventDefault();
    if (shown.id) app.post("close", { user: app.user, view_id: shown.id });
  });
}
