// What every page has: the appearance switch, the eye beside a password, the question before what cannot be undone,
// leaving nothing behind at sign-out.

import { wireBootstrap } from "./bootstrap.js";
import { wireForms } from "./confirm.js";
import { localTimes } from "./times.js";

const look = window.daydreamLook;

function showLook() {
  for (const radio of document.querySelectorAll('input[name="look"]')) radio.checked = radio.value === look.chosen();
}
for (const radio of document.querySelectorAll('input[name="look"]')) {
  radio.addEventListener("change", () => {
    look.choose(radio.value);
    // There may be two sets: the menu's, and that of the settings.
    showLook();
  });
}
for (const button of document.querySelectorAll("[data-look-switch]")) {
  button.addEventListener("click", () => {
    look.choose(document.documentElement.dataset.bsTheme === "dark" ? "light" : "dark");
    showLook();
  });
}
window.addEventListener("storage", showLook);
showLook();

for (const button of document.querySelectorAll("[data-show-secret]")) {
  const field = button.parentElement.querySelector("input");
  button.addEventListener("click", () => {
    const shown = field.type === "text";
    field.type = shown ? "password" : "text";
    button.setAttribute("aria-pressed", String(!shown));
    button.setAttribute("aria-label", shown ? "Show the password" : "Hide the password");
  });
}

localTimes(document);

// A narrow window shows a part of the tabs; the open one is to be in it.
const open = document.querySelector(".nav-tabs .active");
if (open) {
  const [tab, all] = [open.getBoundingClientRect(), open.parentElement.getBoundingClientRect()];
  open.parentElement.scrollLeft += tab.left - all.left - (all.width - tab.width) / 2;
}

wireBootstrap();
wireForms();

document.addEventListener("submit", (event) => {
  // One that still asks whether it may is not on its way yet.
  if (event.defaultPrevented || !event.target.matches("[data-sign-out]")) return;
  // From here on an ended session is what was wanted, and no reason to lead to the door.
  document.documentElement.dataset.leaving = "";
  // The next person at this browser must not find this one's prompt.
  try {
    for (const key of Object.keys(localStorage)) if (key.startsWith("dd-panel-")) localStorage.removeItem(key);
    sessionStorage.clear();
  } catch {
    // A browser that keeps nothing has nothing to forget.
  }
});
