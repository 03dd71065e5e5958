// rich_text, markdown and table blocks.

import { h } from "./dom.js";
import { channel, emojiNode, formatDate, link, person } from "./mrkdwn.js";

const STYLES = { bold: "strong", italic: "em", strike: "s", code: "code", underline: "u" };

function styled(node, style) {
  return Object.entries(STYLES).reduce(
    (inner, [name, tag]) => (style?.[name] ? h(tag, {}, inner) : inner),
    node,
  );
}

const INLINE = {
  text: (part) => document.createTextNode(part.text),
  link: (part) => link(part.url, part.text ?? part.url),
  emoji: (part) => emojiNode(part.name),
  user: (part) => person(part.user_id),
  channel: (part) => channel(part.channel_id),
  usergroup: (part) => h("span", { class: "mention" }, `@${part.usergroup_id}`),
  broadcast: (part) => h("span", { class: "mention mention-all" }, `@${part.range}`),
  date: (part) => h("time", { title: part.fallback }, formatDate(part.timestamp, part.format)),
  color: (part) => document.createTextNode(part.value),
};

const inlines = (parts) => parts.map((part) => styled(INLINE[part.type](part), part.style));

const PARTS = {
  rich_text_section: (part) => h("div", { class: "rich-section" }, inlines(part.elements)),
  rich_text_preformatted: (part) => h("pre", { tabindex: "0" }, inlines(part.elements)),
  rich_text_quote: (part) => h("blockquote", {}, inlines(part.elements)),
  rich_text_list: (part) =>
    h(
      part.style === "ordered" ? "ol" : "ul",
      {
        class: "rich-list",
        start: part.offset ? part.offset + 1 : null,
        data: { indent: part.indent ?? 0 },
      },
      part.elements.map((each) => h("li", {}, inlines(each.elements))),
    ),
};

/** A rich_text block. */
export function richText(block) {
  return h(
    "div",
    { class: "rich" },
    block.elements.map((part) => PARTS[part.type](part)),
  );
}

function cell(content, tag, column) {
  const props = {
    class: column?.align ? `align-${column.align}` : null,
    scope: tag === "th" ? "col" : null,
  };
  if (content.type === "rich_text") return h(tag, props, richText(content));
  return h(tag, props, content.text ?? String(content.value ?? ""));
}

/** A table block; its first row is the head. */
export function table(block) {
  const columns = block.column_settings ?? [];
  const row = (cells, tag) =>
    h(
      "tr",
      {},
      cells.map((each, index) => cell(each, tag, columns[index])),
    );
  const [head, ...body] = block.rows;
  return h(
    "div",
    { class: "table-wrap", tabindex: "0", role: "region", "aria-label": "Table" },
    h(
      "table",
      {},
      h("thead", {}, row(head, "th")),
      h(
        "tbody",
        {},
        body.map((each) => row(each, "td")),
      ),
    ),
  );
}

const MD =
  /`([^`]+)`|\[([^\]]+)\]\(([^)\s]+)\)|\*\*(.+?)\*\*|(?<!\w)[*_](\S(?:.*?\S)?)[*_](?!\w)|~~(.+?)~~|:([a-z0-9_+-]+):/g;

function markdownInline(text) {
  const nodes = [];
  let start = 0;
  for (const match of text.matchAll(MD)) {
    const [all, code, label, url, bold, italic, strike, emoji] = match;
    nodes.push(text.slice(start, match.index));
    start = match.index + all.length;
    if (code) nodes.push(h("code", {}, code));
    else if (label) nodes.push(link(url, label));
    else if (bold) nodes.push(h("strong", {}, markdownInline(bold)));
    else if (italic) nodes.push(h("em", {}, markdownInline(italic)));
    else if (strike) nodes.push(h("s", {}, markdownInline(strike)));
    else nodes.push(emojiNode(emoji));
  }
  nodes.push(text.slice(start));
  return nodes;
}

function markdownLine(line) {
  const heading = /^(#{1,6})\s+(.*)$/.exec(line);
  if (heading) return h("p", { class: "md-head" }, markdownInline(heading[2]));
  const item = /^\s*(?:[-*+]|\d+\.)\s+(.*)$/.exec(line);
  if (item) {
    const mark = /^\s*(\d+\.)/.exec(line)?.[1] ?? "•";
    return h(
      "p",
      { class: "md-item" },
      h("span", { "aria-hidden": "true" }, `${mark} `),
      markdownInline(item[1]),
    );
  }
  const quote = /^>\s?(.*)$/.exec(line);
  if (quote) return h("blockquote", {}, markdownInline(quote[1]));
  return h("p", {}, markdownInline(line));
}

/** A markdown block: headings, lists, quotes, code and inline styles. */
export function markdown(block) {
  const parts = block.text.split(/(```[\s\S]*?```)/).filter(Boolean);
  return h(
    "div",
    { class: "markdown" },
    parts.map((part) => {
      if (part.startsWith("```")) {
        return h(
          "pre",
          { tabindex: "0" },
          part
            .slice(3, -3)
            .replace(/^\w*\n/, "")
            .replace(/\n$/, ""),
        );
      }
      return part
        .split("\n")
        .filter((line) => line.trim())
        .map(markdownLine);
    }),
  );
}
