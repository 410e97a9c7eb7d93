// A form with data-once is sent once: a second press while the answer is on its way would make a second one of what it
// makes. Coming back to the page opens it again.

for (const form of document.querySelectorAll("form[data-once]")) {
  const buttons = form.querySelectorAll('button[type="submit"]');
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
    for (const button of buttons) button.setAttribute("aria-disabled", "true");
  });
  window.addEventListener("pageshow", () => {
    delete form.dataset.sent;
    for (const button of buttons) button.removeAttribute("aria-disabled");
  });
}
