// Block Kit blocks as DOM.

import { h, newId } from "./dom.js";
import { element } from "./elements.js";
import { plainText, textObject } from "./mrkdwn.js";
import { markdown, richText, table } from "./rich.js";

function section(block, ctx) {
  const fields = block.fields
    ? h(
        "div",
        { class: "fields" },
        block.fields.map((each) => h("div", {}, textObject(each))),
      )
    : null;
  const words = block.text ? h("div", { class: "section-text" }, textObject(block.text)) : null;
  const side = block.accessory
    ? h("div", { class: "accessory" }, element(block, block.accessory, ctx))
    : null;
  return h("div", { class: "section" }, h("div", { class: "section-main" }, words, fields), side);
}

function context(block) {
  return h(
    "div",
    { class: "context" },
    block.elements.map((each) =>
      each.type === "image"
        ? h("img", {
            src: each.image_url,
            alt: each.alt_text,
            class: "context-image",
            loading: "lazy",
            referrerpolicy: "no-referrer",
          })
        : h("span", {}, textObject(each)),
    ),
  );
}

function image(block) {
  return h(
    "figure",
    { class: "image" },
    block.title ? h("figcaption", {}, plainText(block.title.text)) : null,
    h("img", {
      src: block.image_url,
      alt: block.alt_text,
      loading: "lazy",
      referrerpolicy: "no-referrer",
    }),
  );
}

const GROUPED = new Set(["checkboxes", "radio_buttons"]);

function inputBlock(block, ctx) {
  const id = newId("input");
  const hint = block.hint ? newId("hint") : null;
  const problem = ctx.errors?.[block.block_id];
  const wrong = problem ? newId("error") : null;
  const described = [hint, wrong].filter(Boolean).join(" ") || null;
  const words = [
    plainText(block.label.text),
    block.optional ? h("span", { class: "optional" }, " (optional)") : null,
  ];
  const grouped = GROUPED.has(block.element.type);
  const labels = grouped
    ? { "aria-label": block.label.text }
    : {
        id,
        "aria-describedby": described,
        "aria-invalid": problem ? "true" : null,
        "aria-required": block.optional ? null : "true",
      };
  return h(
    "div",
    { class: `input${problem ? " input-wrong" : ""}`, data: { block: block.block_id } },
    grouped ? h("span", { class: "label" }, words) : h("label", { class: "label", for: id }, words),
    element(block, block.element, ctx, labels),
    problem ? h("p", { id: wrong, class: "problem", role: "alert" }, problem) : null,
    hint ? h("p", { id: hint, class: "hint" }, plainText(block.hint.text)) : null,
  );
}

const TASK_SIGNS = {
  pending: ["○", "pending"],
  in_progress: ["◔", "in progress"],
  complete: ["✓", "done"],
  error: ["✕", "failed"],
};

function task(block) {
  const [sign, word] = TASK_SIGNS[block.status ?? "pending"];
  return h(
    "div",
    { class: `task task-${block.status ?? "pending"}` },
    h("span", { class: "task-sign", "aria-hidden": "true" }, sign),
    h(
      "div",
      {},
      h("strong", {}, block.title),
      h("small", {}, ` ${word}`),
      block.details ? richText(block.details) : null,
      block.output ? richText(block.output) : null,
    ),
  );
}

function plan(block) {
  return h("div", { class: "plan" }, h("strong", {}, block.title), (block.tasks ?? []).map(task));
}

function alertBlock(block) {
  return h(
    "div",
    { class: `alert alert-${block.level ?? "default"}`, role: "note" },
    textObject(block.text),
  );
}

/** A chart as its numbers: bars whose length is their share of the longest. */
function chart(block) {
  const series = block.chart.series ?? [{ name: block.title, data: block.chart.segments }];
  const points = series.flatMap((each) => each.data);
  const most = Math.max(...points.map((each) => each.value), 0) || 1;
  return h(
    "figure",
    { class: "chart" },
    h("figcaption", {}, block.title),
    points.map((each) =>
      h(
        "div",
        { class: "chart-row" },
        h("span", { class: "chart-label" }, each.label),
        h("meter", { min: "0", max: String(most), value: String(each.value) }),
        h("span", { class: "chart-value" }, String(each.value)),
      ),
    ),
  );
}

const KINDS = {
  data_visualization: chart,
  section,
  context,
  image,
  plan,
  table,
  markdown,
  header: (block) => h("h3", { class: "header" }, plainText(block.text.text)),
  divider: () => h("hr"),
  actions: (block, ctx) =>
    h(
      "div",
      { class: "actions" },
      block.elements.map((each) => element(block, each, ctx)),
    ),
  input: inputBlock,
  rich_text: richText,
  task_card: task,
  alert: alertBlock,
};

/** All blocks of a message or a view. */
export function blocks(list, ctx) {
  return h(
    "div",
    { class: "blocks" },
    list.map((block) => {
      const shown = KINDS[block.type](block, ctx);
      shown.classList.add("block");
      return shown;
    }),
  );
}
