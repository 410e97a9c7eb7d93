// The buttons that send: what it costs and how long it takes, or why it cannot be pressed.

import { about, span, tokens as countTokens } from "./format.js";

// run() is called for the panel's button, the dock's, and Ctrl or Cmd with Enter from anywhere but a dialog.
export function wireGenerate(form, run) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    run();
  });
  document.getElementById("dock-generate").addEventListener("click", run);
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    // A key that is held down is one press.
    if (!event.repeat) run();
  });
}

// What it costs and how long it takes, or the obstacle; below it what the purse of so many tokens comes to.
export function showGenerate({ obstacle, sending, tokens, time, purse }) {
  const whole = countTokens(purse);
  const left = obstacle === null ? `leaves ${purse - tokens} of ${whole}` : `${whole} left`;
  document.getElementById("after").textContent = left;
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
