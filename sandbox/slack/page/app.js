// The page: where one is, as whom, and what is drawn for it.

import { changed, post, snapshot } from "./api.js";
import { blocks } from "./blocks.js";
import { composer } from "./composer.js";
import { h, reconcile, toast } from "./dom.js";
import { avatar, complain, drawMessages } from "./messages.js";
import { connectModal, drawModal, viewContext } from "./modal.js";
import { names } from "./mrkdwn.js";

const $ = (id) => document.getElementById(id);
const seen = new Map();
const toasted = new Set();
const here = { user: "ada", channel: "deploys", thread: null, tab: "messages" };
let latest = null;
let waiting = new AbortController();
let boxes = "";

function readAddress() {
  const archive = /^\/archives\/([^/]+)\/p(\d+)(\d{6})$/.exec(location.pathname);
  if (archive) {
    here.channel = archive[1];
    here.thread =
      new URLSearchParams(location.search).get("thread_ts") ?? `${archive[2]}.${archive[3]}`;
  }
  const query = new URLSearchParams(location.hash.slice(1));
  for (const key of ["user", "channel", "thread", "tab"])
    if (query.get(key)) here[key] = query.get(key);
}

function writeAddress() {
  const query = new URLSearchParams(Object.entries(here).filter(([, value]) => value));
  history.replaceState(null, "", `/#${query}`);
}

/** Go somewhere or become somebody: what is not named stays. */
async function go(change) {
  Object.assign(here, change);
  writeAddress();
  waiting.abort();
  await refresh(true);
}

const person = (id) => latest.directory.people.find((each) => each.id === id);
const current = () => latest.directory.channels.find((each) => each.id === latest.channel);

function appFor(inThread, moved) {
  return {
    user: latest.user,
    directory: latest.directory,
    inThread,
    moved,
    person,
    post,
    openThread: (ts) => go({ thread: ts }).then(() => $("thread-text")?.focus()),
  };
}

function place(label, mark, target, isCurrent, unread) {
  return h(
    "button",
    {
      type: "button",
      class: `place-link${unread ? " unread" : ""}`,
      "aria-current": isCurrent ? "page" : null,
      onclick: () => go(target),
    },
    h("span", { class: "place-mark", "aria-hidden": "true" }, mark),
    h("span", {}, label),
    unread ? h("span", { class: "dot", role: "img", "aria-label": "unread" }) : null,
  );
}

function isUnread(id) {
  const last = latest.last[id];
  return Boolean(last) && id !== latest.channel && last > (seen.get(`${latest.user} ${id}`) ?? "0");
}

function drawSidebar() {
  const { directory } = latest;
  seen.set(`${latest.user} ${latest.channel}`, latest.last[latest.channel] ?? "0");
  $("team").textContent = directory.team;
  const mine = directory.channels.filter(
    (each) => !each.im_with && each.members.includes(latest.user),
  );
  reconcile(
    $("channels"),
    mine.map((each) => {
      const now = each.id === latest.channel;
      const unread = isUnread(each.id);
      const mark = each.is_archived ? "▣" : each.kind === "groups" ? "◍" : "#";
      return [
        each.id,
        `${now}${unread}${mark}`,
        () =>
          h(
            "li",
            {},
            place(
              each.name,
              mark,
              { channel: each.id, thread: null, tab: "messages" },
              now,
              unread,
            ),
          ),
      ];
    }),
  );
  const dm = directory.channels.find((each) => each.im_with === latest.user);
  const inDm = Boolean(current().im_with);
  const unread = dm ? isUnread(dm.id) : false;
  reconcile($("apps"), [
    [
      "app",
      `${inDm}${unread}${directory.app}`,
      () =>
        h(
          "li",
          {},
          place(directory.app, "◆", { channel: "dm", thread: null, tab: "home" }, inDm, unread),
        ),
    ],
  ]);
  const humans = directory.people.filter((each) => !each.is_bot);
  reconcile(
    $("people"),
    humans.map((each) => {
      const chosen = each.id === latest.user;
      return [
        each.id,
        `${chosen}`,
        () =>
          h(
            "label",
            { class: "person" },
            h("input", {
              type: "radio",
              name: "acting",
              value: each.id,
              checked: chosen,
              data: { part: each.id },
              onchange: () => become(each),
            }),
            avatar(each, true),
            h("span", {}, each.real_name, each.is_guest ? h("small", {}, " · guest") : null),
          ),
      ];
    }),
  );
}

function become(each) {
  const stays = current().im_with || current().members.includes(each.id);
  return go({
    user: each.name,
    thread: stays && !current().im_with ? here.thread : null,
    channel: stays ? here.channel : "general",
  });
}

function drawHead() {
  const channel = current();
  const isApp = Boolean(channel.im_with);
  $("place-name").textContent = isApp ? latest.directory.app : `# ${channel.name}`;
  $("place-topic").textContent = isApp
    ? "App"
    : channel.is_archived
      ? "Archived: nobody can write here"
      : channel.topic;
  document.title = `${isApp ? latest.directory.app : `#${channel.name}`} · ${latest.directory.team}`;
  const tabs = $("tabs");
  tabs.hidden = !isApp;
  const tab = (name, label) =>
    h(
      "button",
      {
        type: "button",
        role: "tab",
        "aria-selected": String(here.tab === name),
        "aria-controls": name,
        data: { part: name },
        onclick: () => go({ tab: name }),
      },
      label,
    );
  reconcile(
    tabs,
    isApp
      ? [
          ["home", `${here.tab}`, () => tab("home", "Home")],
          ["messages", `${here.tab}`, () => tab("messages", "Messages")],
        ]
      : [],
  );
  const onHome = isApp && here.tab === "home";
  $("home").hidden = !onHome;
  $("messages").hidden = onHome;
  $("composer").hidden = onHome || channel.is_archived;
}

function drawHome() {
  if ($("home").hidden) return;
  const view = latest.home;
  const app = appFor(false, false);
  const empty = () =>
    h("p", { class: "empty" }, "The app has not published its Home tab for this person yet.");
  reconcile($("home"), [
    view
      ? [
          view.id,
          `${view.hash}`,
          () => h("div", { class: "home-view" }, blocks(view.blocks, viewContext(view, app))),
        ]
      : ["empty", "", empty],
  ]);
}

function drawThread(moved) {
  const open = Boolean(here.thread) && latest.thread.length > 0;
  $("thread").hidden = !open;
  $("shell").classList.toggle("with-thread", open);
  if (!open) return;
  $("thread-place").textContent = `# ${current().name}`;
  drawMessages($("thread-messages"), latest.thread, [], appFor(true, moved));
}

function drawBoxes() {
  const key = `${latest.channel} ${here.thread} ${JSON.stringify(latest.directory.commands)}${latest.user}`;
  if (key === boxes) return;
  boxes = key;
  const name = current().im_with ? latest.directory.app : `#${current().name}`;
  const app = appFor(false, false);
  const say = (thread) => async (text) => {
    const what = /^\/\w/.test(text) ? "command" : "say";
    await post(what, { user: latest.user, channel: latest.channel, text, thread_ts: thread });
  };
  $("composer").replaceChildren(
    composer({
      id: "composer-text",
      label: `Message ${name}`,
      placeholder: `Message ${name}: try ${latest.directory.commands[0]?.command ?? "/dagster"} or @${person(latest.directory.bot).name}`,
      app,
      send: say(null),
    }),
  );
  $("thread-composer").replaceChildren(
    composer({
      id: "thread-text",
      label: "Reply to thread",
      placeholder: "Reply…",
      app,
      inThread: true,
      send: say(here.thread),
    }),
  );
}

function tellNotices() {
  for (const each of latest.notices) {
    const fresh = Number(each.ts) * 1000 > performance.timeOrigin;
    if (!toasted.has(each.ts) && fresh && !each.view_id) toast(each.text, "error");
    toasted.add(each.ts);
  }
}

async function refresh(moved) {
  const asked = { ...here };
  const read = await snapshot(asked);
  if (asked.user !== here.user || asked.channel !== here.channel || asked.thread !== here.thread)
    return;
  latest = read;
  for (const each of latest.directory.people) names.people.set(each.id, each.name);
  for (const each of latest.directory.channels) names.channels.set(each.id, each.name);
  drawSidebar();
  drawHead();
  drawHome();
  drawBoxes();
  const notices = latest.notices.filter((each) => each.channel === latest.channel);
  drawMessages($("messages"), latest.messages, notices, appFor(false, moved));
  drawThread(moved);
  drawModal(latest.views, latest.notices, appFor(false, false));
  tellNotices();
}

let announced = "";

async function announceHome() {
  const place = `${latest.user} ${latest.channel} ${here.tab}`;
  if (place === announced) return;
  announced = place;
  if (current().im_with) await post("home", { user: latest.user, tab: here.tab });
}

async function follow() {
  for (;;) {
    try {
      await refresh(false);
      await announceHome();
      waiting = new AbortController();
      document.body.classList.remove("offline");
      await changed(latest.version, waiting.signal);
    } catch (error) {
      if (error.name === "AbortError") continue;
      document.body.classList.add("offline");
      await new Promise((done) => setTimeout(done, 1000));
    }
  }
}

document.addEventListener("click", (event) => {
  const mention = event.target.closest?.("a.mention[data-channel]");
  if (!mention) return;
  event.preventDefault();
  go({ channel: mention.dataset.channel, thread: null, tab: "messages" }).catch(complain);
});
$("thread-close").addEventListener("click", () =>
  go({ thread: null }).then(() => $("composer-text")?.focus()),
);
readAddress();
connectModal({
  get user() {
    return latest.user;
  },
  post,
});
follow();
