// What every page has: the appearance switch, the eye beside a password, the question before what cannot be undone,
// leaving nothing behind at sign-out.

import { wireForms } from "./confirm.js";

const look = window.daydreamLook;

function showLook() {
  for (const radio of document.querySelectorAll('input[name="look"]')) radio.checked = radio.value === look.chosen();
}
for (const radio of document.querySelectorAll('input[name="look"]')) {
  radio.addEventListener("change", () => look.choose(radio.value));
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

// The server tells times in UTC; a person reads their own.
for (const time of document.querySelectorAll("time[datetime]")) {
  const moment = new Date(time.dateTime);
  time.textContent = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" }).format(moment);
}

for (const form of document.querySelectorAll("[data-sign-out]")) {
  form.addEventListener("submit", () => {
    // From here on an ended session is what was wanted, and no reason to lead to the door.
    document.documentElement.dataset.leaving = "";
    // The next person at this browser must not find this one's prompt.
    for (const key of Object.keys(localStorage)) if (key.startsWith("dd-panel-")) localStorage.removeItem(key);
    sessionStorage.clear();
  });
}

wireForms();
