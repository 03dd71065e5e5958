// Slack's confirm dialog before an action.

import { h, newId } from "./dom.js";
import { plainText, textObject } from "./mrkdwn.js";

/** Asks; resolves to true if the person agreed. */
export function confirmed(confirm) {
  if (!confirm) return Promise.resolve(true);
  return new Promise((resolve) => {
    const title = newId("confirm");
    const body = newId("confirm-text");
    const dialog = h(
      "dialog",
      {
        class: "modal confirm",
        "aria-labelledby": title,
        "aria-describedby": body,
        role: "alertdialog",
      },
      h("h2", { id: title }, plainText(confirm.title.text)),
      h("div", { id: body, class: "confirm-text" }, textObject(confirm.text)),
      h(
        "footer",
        { class: "modal-foot" },
        h(
          "button",
          { type: "button", class: "btn", onclick: () => dialog.close("no") },
          confirm.deny.text,
        ),
        h(
          "button",
          {
            type: "button",
            class: `btn btn-${confirm.style === "danger" ? "danger" : "primary"}`,
            onclick: () => dialog.close("yes"),
          },
          confirm.confirm.text,
        ),
      ),
    );
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
