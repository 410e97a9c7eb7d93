// The buttons that send: what it costs and how long it takes, or why it cannot be pressed.

import { about, span, tokens as countTokens } from "./format.js";

export function showGenerate({ obstacle, sending, tokens, time }) {
  for (const button of document.querySelectorAll("[data-generate]")) {
    const short = button.id === "dock-generate";
    button.disabled = obstacle !== null || sending;
    button.setAttribute("aria-busy", String(sending));
    const cost = button.querySelector("[data-cost]");
    const parts = [];
    if (sending) {
      parts.push(Object.assign(document.createElement("span"), { className: "dd-spin" }));
    } else if (obstacle) {
      if (!short) parts.push(text(obstacle));
    } else {
      parts.push(text(countTokens(tokens)));
      if (time !== null) parts.push(text(short ? span(time) : about(time)));
    }
    cost.replaceChildren(...parts);
    cost.hidden = !parts.length;
  }
}

function text(words) {
  return Object.assign(document.createElement("span"), { textContent: words });
}
