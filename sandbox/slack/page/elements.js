// Interactive elements: buttons, menus, pickers and inputs.
//
// `ctx` says where they stand: act(block, element, value) tells the app, suggest(…) asks it for
// options, get/set(block, element[, value]) keep what a person put in, directory names people.

import { confirmed } from "./confirm.js";
import { h, toast } from "./dom.js";
import { combobox, overflowMenu } from "./menus.js";
import { plainText, textObject } from "./mrkdwn.js";

const part = (block, element) => `${block.block_id}/${element.action_id}`;
const placeholder = (element, otherwise) => element.placeholder?.text ?? otherwise;

async function send(ctx, block, element, value, control, confirm = element.confirm) {
  if (!(await confirmed(confirm))) return false;
  control?.setAttribute("aria-busy", "true");
  control?.classList.add("busy");
  try {
    await ctx.act(block, element, value);
  } catch (error) {
    toast(error.message, "error");
  } finally {
    control?.removeAttribute("aria-busy");
    control?.classList.remove("busy");
  }
  return true;
}

function button(block, element, ctx) {
  const style = element.style ? ` btn-${element.style}` : "";
  const control = h(
    "button",
    {
      type: "button",
      class: `btn${style}`,
      "aria-label": element.accessibility_label,
      title: element.url,
      data: { part: part(block, element), action: element.action_id },
      onclick: () => {
        if (control.classList.contains("busy")) return;
        if (element.url) window.open(element.url, "_blank", "noopener");
        send(ctx, block, element, element.value, control);
      },
    },
    plainText(element.text.text),
    element.url ? h("span", { class: "out", "aria-hidden": "true" }, " ↗") : null,
  );
  return control;
}

function optionsOf(element, ctx) {
  const of = (each) => ({ value: each.id, text: { text: each.label } });
  const people = ctx.directory.people
    .filter((each) => !each.is_bot)
    .map((each) => of({ id: each.id, label: each.real_name }));
  const channels = ctx.directory.channels
    .filter((each) => !each.im_with)
    .map((each) => of({ id: each.id, label: `#${each.name}` }));
  const kind = element.type.replace("multi_", "");
  return (
    { users_select: people, channels_select: channels, conversations_select: channels }[kind] ??
    element.options ??
    (element.option_groups ?? []).flatMap((each) => each.options)
  );
}

const optionNode = (each) => h("option", { value: each.value }, each.text.text);

function choices(element, ctx) {
  if (!element.option_groups) return optionsOf(element, ctx).map(optionNode);
  return element.option_groups.map((group) =>
    h("optgroup", { label: group.label.text }, group.options.map(optionNode)),
  );
}

function asValue(held) {
  return typeof held === "object" && held !== null ? held.value : held;
}

function select(block, element, ctx, labels) {
  const held = asValue(ctx.get(block, element));
  const control = h(
    "select",
    {
      class: "field",
      ...labels,
      data: { part: part(block, element) },
      onchange: async () => {
        ctx.set(block, element, control.value);
        if (ctx.sends(block) && !(await send(ctx, block, element, control.value, control)))
          control.value = held ?? "";
      },
    },
    h(
      "option",
      { value: "", disabled: !block.optional, hidden: !block.optional },
      placeholder(element, "Choose…"),
    ),
    choices(element, ctx),
  );
  control.value = held ?? "";
  return h("span", { class: "select-wrap" }, control);
}

function external(block, element, ctx, labels) {
  const held = ctx.get(block, element);
  return combobox({
    label: labels["aria-label"] ?? block.label?.text ?? "Search",
    id: labels.id,
    describedby: labels["aria-describedby"],
    placeholder: placeholder(element, "Type to search…"),
    current: held?.text?.text,
    part: part(block, element),
    load: (typed) => ctx.suggest(block, element, typed),
    choose: (option) => {
      ctx.set(block, element, option);
      if (ctx.sends(block)) send(ctx, block, element, option, null);
    },
  });
}

function multi(block, element, ctx, labels) {
  const isExternal = element.type === "multi_external_select";
  const chips = h("span", { class: "chips" });
  const known = isExternal ? [] : optionsOf(element, ctx);
  const named = (each) =>
    known.find((one) => one.value === asValue(each))?.text.text ?? each.text?.text ?? asValue(each);
  const held = () => ctx.get(block, element) ?? [];
  const keep = (values) => {
    ctx.set(block, element, values);
    draw();
    if (ctx.sends(block)) send(ctx, block, element, values, null);
  };
  const add = (each) => {
    if (!held().some((one) => asValue(one) === asValue(each))) keep([...held(), each]);
  };
  const draw = () =>
    chips.replaceChildren(
      ...held().map((each) =>
        h(
          "span",
          { class: "chip" },
          named(each),
          h(
            "button",
            {
              type: "button",
              "aria-label": `Remove ${named(each)}`,
              onclick: () => keep(held().filter((one) => one !== each)),
            },
            "✕",
          ),
        ),
      ),
    );
  draw();
  const adder = isExternal
    ? combobox({
        label: labels["aria-label"] ?? block.label?.text,
        id: labels.id,
        placeholder: placeholder(element, "Type to search…"),
        part: part(block, element),
        load: (typed) => ctx.suggest(block, element, typed),
        choose: add,
      })
    : h(
        "select",
        {
          class: "field",
          ...labels,
          data: { part: part(block, element) },
          onchange: (event) => {
            if (event.target.value) {
              add(event.target.value);
              event.target.value = "";
            }
          },
        },
        h("option", { value: "" }, placeholder(element, "Add…")),
        choices(element, ctx),
      );
  return h("span", { class: "multi" }, chips, adder);
}

function boxes(block, element, ctx, labels) {
  const many = element.type === "checkboxes";
  const held = [ctx.get(block, element) ?? []].flat().map(asValue);
  const group = h("fieldset", {
    class: "boxes",
    "aria-label": labels["aria-label"] ?? block.label?.text ?? "Choices",
  });
  const name = part(block, element);
  const changed = () => {
    const picked = [...group.querySelectorAll("input:checked")].map((each) => each.value);
    const value = many ? picked : picked[0];
    ctx.set(block, element, value);
    if (ctx.sends(block)) send(ctx, block, element, value, null);
  };
  group.append(
    ...element.options.map((option) =>
      h(
        "label",
        { class: "box" },
        h("input", {
          type: many ? "checkbox" : "radio",
          name,
          value: option.value,
          onchange: changed,
          checked: held.includes(option.value),
          data: { part: `${name}/${option.value}` },
        }),
        h(
          "span",
          {},
          h("span", {}, textObject(option.text)),
          option.description ? h("small", {}, textObject(option.description)) : null,
        ),
      ),
    ),
  );
  return group;
}

const INPUT_TYPES = {
  datepicker: "date",
  timepicker: "time",
  datetimepicker: "datetime-local",
  email_text_input: "email",
  url_text_input: "url",
  number_input: "text",
};

function localTime(seconds) {
  const date = new Date(seconds * 1000 - new Date(seconds * 1000).getTimezoneOffset() * 60_000);
  return date.toISOString().slice(0, 16);
}

function input(block, element, ctx, labels) {
  const held = ctx.get(block, element) ?? "";
  const isMoment = element.type === "datetimepicker";
  const tag = element.multiline ? "textarea" : "input";
  const read = () =>
    isMoment && control.value ? Math.floor(new Date(control.value) / 1000) : control.value;
  const control = h(tag, {
    class: "field",
    ...labels,
    type: tag === "input" ? (INPUT_TYPES[element.type] ?? "text") : null,
    rows: tag === "textarea" ? "4" : null,
    placeholder: element.placeholder?.text,
    inputmode: element.type === "number_input" ? "decimal" : null,
    maxlength: element.max_length,
    value: isMoment && held ? localTime(held) : held,
    data: { part: part(block, element) },
    oninput: () => ctx.set(block, element, read()),
    onchange: () => {
      if (ctx.sends(block)) send(ctx, block, element, read(), null);
    },
  });
  return control;
}

function overflow(block, element, ctx) {
  const menu = overflowMenu(element, part(block, element), (option) => {
    if (option.url) window.open(option.url, "_blank", "noopener");
    send(ctx, block, element, option.value, menu.firstElementChild);
  });
  return menu;
}

function image(block, element) {
  return h("img", {
    src: element.image_url,
    alt: element.alt_text,
    class: "accessory-image",
    loading: "lazy",
    referrerpolicy: "no-referrer",
  });
}

const KINDS = {
  button,
  overflow,
  image,
  checkboxes: boxes,
  radio_buttons: boxes,
  static_select: select,
  users_select: select,
  channels_select: select,
  conversations_select: select,
  external_select: external,
  multi_static_select: multi,
  multi_users_select: multi,
  multi_channels_select: multi,
  multi_external_select: multi,
};

/** One element as a control; `labels` are the id and aria attributes inside an input block. */
export function element(block, definition, ctx, labels) {
  const named = labels ?? {
    "aria-label": definition.placeholder?.text ?? block.text?.text ?? definition.type,
  };
  return (KINDS[definition.type] ?? input)(block, definition, ctx, named);
}
