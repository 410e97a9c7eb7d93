// The two switches at the head of the panel, remembered between visits.

import { keep, recall } from "./kept.js";

export function wireSwitches(form) {
  wire("help-switch", "dd-help", (on) => {
    for (const help of form.querySelectorAll(".dd-help")) help.hidden = !on;
  });
  // Read where it matters: when a task was sent.
  wire("pin-switch", "dd-pin", () => {});
}

function wire(id, key, apply) {
  const button = document.getElementById(id);
  const set = (on) => {
    button.setAttribute("aria-pressed", String(on));
    apply(on);
  };
  set(recall(key) === "on");
  button.addEventListener("click", () => {
    const on = button.getAttribute("aria-pressed") !== "true";
    keep(key, on ? "on" : "off");
    set(on);
  });
}
