// The list of messages, in a channel or a thread.

import { blocks } from "./blocks.js";
import { h, reconcile, toast } from "./dom.js";
import { emojiNode, formatDate, mrkdwn } from "./mrkdwn.js";

const time = (ts, format) => formatDate(Number(ts.split(".")[0]), format);
const HUES = [258, 12, 152, 205, 38, 320];

/** A square with initials, or the bot's mark. */
export function avatar(person, small = false) {
  const name = person?.real_name ?? "?";
  const size = small ? " avatar-small" : "";
  if (!person)
    return h("span", { class: `avatar avatar-system${size}`, "aria-hidden": "true" }, "!");
  if (person.is_bot)
    return h("span", { class: `avatar avatar-bot${size}`, "aria-hidden": "true" }, "◆");
  const initials = name
    .split(/\s+/)
    .slice(0, 2)
    .map((each) => each.replace(/\W/g, "")[0] ?? "")
    .join("");
  const hue =
    HUES[
      [...person.id].reduce((sum, each) => (sum * 31 + each.charCodeAt(0)) % 9973, 7) % HUES.length
    ];
  return h(
    "span",
    { class: `avatar${size}`, style: `--hue: ${hue}`, "aria-hidden": "true" },
    initials,
  );
}

function fileCard(file) {
  const view = h("pre", { class: "file-text", tabindex: "0", hidden: true });
  const toggle = h(
    "button",
    {
      type: "button",
      class: "btn",
      "aria-expanded": "false",
      onclick: async () => {
        if (!view.textContent)
          view.textContent = await (await fetch(new URL(file.url_private).pathname)).text();
        view.hidden = !view.hidden;
        toggle.setAttribute("aria-expanded", String(!view.hidden));
        toggle.textContent = view.hidden ? "View" : "Hide";
      },
    },
    "View",
  );
  return h(
    "div",
    { class: "file" },
    h(
      "div",
      { class: "file-head" },
      h("span", { class: "file-mark", "aria-hidden": "true" }, "≡"),
      h(
        "span",
        { class: "file-name" },
        h("strong", {}, file.title || file.name),
        h("small", {}, `${file.size.toLocaleString("en")} bytes`),
      ),
      toggle,
      h("a", { class: "btn", href: new URL(file.url_private).pathname, target: "_blank" }, "Open"),
    ),
    view,
  );
}

function attachment(each, ctx) {
  return h(
    "div",
    { class: "attachment", style: each.color ? `--bar: #${each.color.replace("#", "")}` : null },
    each.pretext ? h("div", {}, mrkdwn(each.pretext)) : null,
    each.title ? h("strong", {}, each.title) : null,
    each.text ? h("div", {}, mrkdwn(each.text)) : null,
    each.blocks ? blocks(each.blocks, ctx) : null,
  );
}

function context(message, app) {
  const local = new Map();
  const key = (block, element) => `${block.block_id}/${element.action_id}`;
  const initial = (element) =>
    element.initial_option ??
    element.initial_options ??
    element.initial_date ??
    element.initial_time ??
    element.initial_value ??
    element.initial_user ??
    element.initial_channel;
  const asked = (block, element) => ({
    user: app.user,
    channel: message.channel,
    ts: message.ts,
    block_id: block.block_id,
    action_id: element.action_id,
  });
  return {
    directory: app.directory,
    sends: () => true,
    get: (block, element) => local.get(key(block, element)) ?? initial(element),
    set: (block, element, value) => local.set(key(block, element), value),
    act: (block, element, value) => app.post("act", { ...asked(block, element), value }),
    suggest: async (block, element, typed) =>
      (await app.post("suggest", { ...asked(block, element), typed })).options,
  };
}

function replies(message, app) {
  const count = message.reply_count;
  if (!count || app.inThread) return null;
  return h(
    "button",
    {
      type: "button",
      class: "replies",
      data: { part: "replies" },
      onclick: () => app.openThread(message.ts),
    },
    h(
      "span",
      { class: "faces" },
      message.reply_users.slice(0, 3).map((id) => avatar(app.person(id), true)),
    ),
    h("strong", {}, `${count} ${count === 1 ? "reply" : "replies"}`),
    h("small", {}, `Last reply ${time(message.latest_reply, "{ago}").toLowerCase()}`),
  );
}

function body(message, app) {
  const ctx = context(message, app);
  return [
    message.blocks
      ? blocks(message.blocks, ctx)
      : message.text
        ? h("div", { class: "text" }, mrkdwn(message.text))
        : null,
    (message.attachments ?? []).map((each) => attachment(each, ctx)),
    (message.files ?? []).map(fileCard),
  ];
}

function one(message, app, joined) {
  const person = app.person(message.user);
  const edited = message.edited
    ? h("span", { class: "edited", title: `Edited ${message.edits} times` }, "(edited)")
    : null;
  const ephemeral = message.ephemeral_to;
  const stamp = h(
    "time",
    { class: "stamp", title: time(message.ts, "{date_long} {time_secs}") },
    time(message.ts, "{time}"),
  );
  return h(
    "article",
    {
      class: `message${ephemeral ? " message-private" : ""}${joined ? " message-joined" : ""}`,
      "aria-label": `${person?.real_name ?? "Somebody"}, ${time(message.ts, "{time}")}`,
      data: { ts: message.ts },
    },
    h("div", { class: "message-side" }, joined ? stamp : avatar(person)),
    h(
      "div",
      { class: "message-main" },
      ephemeral
        ? h(
            "p",
            { class: "only-you" },
            h("span", { "aria-hidden": "true" }, "◉ "),
            "Only visible to you",
          )
        : null,
      joined
        ? null
        : h(
            "header",
            {},
            h("strong", { class: "author" }, person?.real_name ?? message.user),
            person?.is_bot ? h("span", { class: "badge" }, "APP") : null,
            person?.is_guest ? h("span", { class: "badge badge-guest" }, "GUEST") : null,
            stamp,
          ),
      message.reply_broadcast && !app.inThread
        ? h(
            "button",
            { type: "button", class: "linklike", onclick: () => app.openThread(message.thread_ts) },
            "replied to a thread",
          )
        : null,
      body(message, app),
      edited,
      message.reactions
        ? h(
            "div",
            { class: "reactions" },
            message.reactions.map((each) =>
              h("span", { class: "reaction" }, emojiNode(each.name), ` ${each.count}`),
            ),
          )
        : null,
      replies(message, app),
    ),
    app.inThread || ephemeral
      ? null
      : h(
          "div",
          { class: "message-tools" },
          h(
            "button",
            {
              type: "button",
              class: "icon",
              "aria-label": "Reply in thread",
              title: "Reply in thread",
              onclick: () => app.openThread(message.ts),
            },
            "↩",
          ),
        ),
  );
}

function notice(each) {
  return h(
    "article",
    { class: "message message-private", "aria-label": "Note from Slack" },
    h("div", { class: "message-side" }, avatar(null)),
    h(
      "div",
      { class: "message-main" },
      h(
        "p",
        { class: "only-you" },
        h("span", { "aria-hidden": "true" }, "◉ "),
        "Only visible to you",
      ),
      h(
        "header",
        {},
        h("strong", { class: "author" }, "Slackbot"),
        h("time", { class: "stamp" }, time(each.ts, "{time}")),
      ),
      h("div", { class: "text" }, each.text),
    ),
  );
}

const day = (ts) => new Date(Number(ts) * 1000).toDateString();

function joins(before, message) {
  return (
    before &&
    !message.ephemeral_to &&
    !before.ephemeral_to &&
    before.user === message.user &&
    !message.is_bot &&
    Number(message.ts) - Number(before.ts) < 300 &&
    day(before.ts) === day(message.ts)
  );
}

/** Draws `messages` and `notices` (by time) into `list`, and stays at the end if it was there. */
export function drawMessages(list, messages, notices, app) {
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 80;
  const all = [...messages, ...notices.map((each) => ({ ...each, notice: true }))].sort((a, b) =>
    a.ts < b.ts ? -1 : 1,
  );
  const items = [];
  let before = null;
  for (const each of all) {
    if (!before || day(before.ts) !== day(each.ts)) {
      const words = time(each.ts, "{date_long_pretty}");
      items.push([
        `day-${day(each.ts)}`,
        words,
        () =>
          h("div", { class: "day", role: "separator", "aria-label": words }, h("span", {}, words)),
      ]);
    }
    if (each.notice) items.push([`notice-${each.ts}`, "", () => notice(each)]);
    else {
      const joined = Boolean(joins(before, each) && !before.notice);
      items.push([
        each.ts,
        `${app.user} ${joined} ${JSON.stringify(each)}`,
        () => one(each, app, joined),
      ]);
    }
    before = each;
  }
  if (!items.length)
    items.push([
      "empty",
      "",
      () => h("p", { class: "empty" }, "Nothing here yet. Say something below."),
    ]);
  reconcile(list, items);
  if (atEnd || app.moved) list.scrollTop = list.scrollHeight;
}

export function complain(error) {
  toast(error.message, "error");
}
