// Slack's mrkdwn, dates and mentions, as DOM nodes.

import { h } from "./dom.js";
import { EMOJI } from "./emoji.js";

/** Names for mentions; set from the directory. */
export const names = { people: new Map(), channels: new Map() };

/** The three escaped signs, back as they were typed. */
export function unescape(text) {
  return text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
}

const safe = (url) => (/^(https?|mailto):/i.test(url) ? url : null);

export function link(url, ...children) {
  const href = safe(url);
  if (!href) return h("span", {}, ...children);
  return h("a", { href, target: "_blank", rel: "noreferrer noopener" }, ...children);
}

export function person(id) {
  const name = names.people.get(id) ?? id;
  return h("span", { class: "mention", data: { user: id } }, `@${name}`);
}

export function channel(id, fallback) {
  const name = names.channels.get(id) ?? fallback ?? id;
  return h("a", { class: "mention", href: `#${id}`, data: { channel: id } }, `#${name}`);
}

const DAY = 86_400_000;

function pretty(date, plain) {
  const midnight = new Date().setHours(0, 0, 0, 0);
  const days = Math.floor((new Date(date).setHours(0, 0, 0, 0) - midnight) / DAY);
  return { 0: "today", "-1": "yesterday", 1: "tomorrow" }[days] ?? plain;
}

function ago(date) {
  const seconds = Math.round((Date.now() - date) / 1000);
  const steps = [
    [60, "second"],
    [60, "minute"],
    [24, "hour"],
    [Infinity, "day"],
  ];
  let amount = Math.abs(seconds);
  for (const [size, unit] of steps) {
    if (amount < size) {
      const words = `${amount} ${unit}${amount === 1 ? "" : "s"}`;
      return seconds >= 0 ? `${words} ago` : `in ${words}`;
    }
    amount = Math.floor(amount / size);
  }
  return "";
}

/** Slack's date tokens for one moment, in the reader's zone. */
export function formatDate(seconds, format) {
  const date = new Date(seconds * 1000);
  const as = (options) => new Intl.DateTimeFormat("en", options).format(date);
  const day = { day: "numeric", year: "numeric" };
  const short = as({ month: "short", ...day });
  const plain = as({ month: "long", ...day });
  const long = as({ weekday: "long", month: "long", ...day });
  const known = {
    date_num: () => date.toISOString().slice(0, 10),
    date_slash: () => as({ month: "2-digit", day: "2-digit", year: "numeric" }),
    date: () => plain,
    date_short: () => short,
    date_long: () => long,
    date_pretty: () => pretty(date, plain),
    date_short_pretty: () => pretty(date, short),
    date_long_pretty: () => pretty(date, long),
    day_divider_pretty: () => pretty(date, long),
    time: () => as({ hour: "numeric", minute: "2-digit" }),
    time_secs: () => as({ hour: "numeric", minute: "2-digit", second: "2-digit" }),
    ago: () => ago(date),
  };
  const text = format.replace(/\{(\w+)\}/g, (all, token) => known[token]?.() ?? all);
  return text.replace(/^[a-z]/, (letter) => letter.toUpperCase());
}

function dateNode(body, fallback) {
  const [, seconds, format, url] = body.split("^");
  if (!/^\d+$/.test(seconds ?? "")) return document.createTextNode(fallback ?? "");
  const words = h("time", { title: fallback }, formatDate(Number(seconds), format));
  return url ? link(url, words) : words;
}

function entity(inside) {
  const bar = inside.indexOf("|");
  const body = bar < 0 ? inside : inside.slice(0, bar);
  const label = bar < 0 ? undefined : unescape(inside.slice(bar + 1));
  if (body.startsWith("@")) return person(body.slice(1));
  if (body.startsWith("#")) return channel(body.slice(1), label);
  if (body.startsWith("!date^")) return dateNode(body, label);
  if (body.startsWith("!")) {
    const word = body.slice(1).split("^")[0];
    return h("span", { class: "mention mention-all" }, `@${label ?? word}`);
  }
  return link(unescape(body), label ?? unescape(body).replace(/^mailto:/, ""));
}

const INLINE = new RegExp(
  [
    "`([^`\\n]+)`",
    "<([^<>\\n]+)>",
    ":([a-z0-9_+-]+):",
    "(?<![\\w*])\\*(?=\\S)([^*\\n]*?\\S)\\*(?![\\w*])",
    "(?<![\\w_])_(?=\\S)([^_\\n]*?\\S)_(?![\\w_])",
    "(?<![\\w~])~(?=\\S)([^~\\n]*?\\S)~(?![\\w~])",
    "(\\n)",
  ].join("|"),
  "g",
);

function inline(text) {
  const nodes = [];
  let start = 0;
  const plain = (until) => {
    if (until > start) nodes.push(unescape(text.slice(start, until)));
  };
  for (const match of text.matchAll(INLINE)) {
    const [all, code, inside, emoji, bold, italic, strike] = match;
    if (emoji && !EMOJI[emoji]) continue;
    plain(match.index);
    start = match.index + all.length;
    if (code) nodes.push(h("code", {}, unescape(code)));
    else if (inside) nodes.push(entity(inside));
    else if (emoji) nodes.push(emojiNode(emoji));
    else if (bold) nodes.push(h("strong", {}, inline(bold)));
    else if (italic) nodes.push(h("em", {}, inline(italic)));
    else if (strike) nodes.push(h("s", {}, inline(strike)));
    else nodes.push(h("br"));
  }
  plain(text.length);
  return nodes;
}

/** An emoji by its short name, or the name itself. */
export function emojiNode(name) {
  const sign = EMOJI[name];
  if (!sign) return document.createTextNode(`:${name}:`);
  return h("span", { role: "img", "aria-label": name.replaceAll("_", " "), class: "emoji" }, sign);
}

function withQuotes(text) {
  const nodes = [];
  let quoted = [];
  let open = [];
  const flush = () => {
    if (quoted.length) nodes.push(h("blockquote", {}, inline(quoted.join("\n"))));
    if (open.length) nodes.push(...inline(open.join("\n")));
    quoted = [];
    open = [];
  };
  for (const line of text.split("\n")) {
    const match = /^(?:&gt;|>) ?(.*)$/.exec(line);
    if (match) {
      if (open.length) flush();
      quoted.push(match[1]);
    } else {
      if (quoted.length) flush();
      open.push(line);
    }
  }
  flush();
  return nodes;
}

/** mrkdwn as nodes. */
export function mrkdwn(text) {
  return text.split(/(```[\s\S]+?```)/).flatMap((part) => {
    if (!part) return [];
    if (part.length > 6 && part.startsWith("```") && part.endsWith("```")) {
      const code = part.slice(3, -3).replace(/^\n/, "").replace(/\n$/, "");
      return [
        h("pre", { tabindex: "0" }, unescape(code.replace(/<([^<>|]+)(?:\|([^<>]+))?>/g, "$1"))),
      ];
    }
    return withQuotes(part.replace(/^\n|\n$/g, ""));
  });
}

/** A text object as nodes; plain text keeps its emoji. */
export function textObject(text) {
  if (!text) return [];
  return text.type === "mrkdwn" ? mrkdwn(text.text) : plainText(text.text);
}

/** Plain text with emoji and line breaks. */
export function plainText(text) {
  return text.split(/(:[a-z0-9_+-]+:|\n)/).map((part) => {
    if (part === "\n") return h("br");
    const name = /^:([a-z0-9_+-]+):$/.exec(part)?.[1];
    return name && EMOJI[name] ? emojiNode(name) : part;
  });
}
