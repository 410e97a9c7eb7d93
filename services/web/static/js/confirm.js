// The one question before what cannot be undone. Escape and the first button leave everything as it is.

const id = (name) => document.getElementById(name);

// title is a question, text says what happens, action is the word on the button that does it. Tells whether to go on.
export function confirm({ title, text, action }) {
  const dialog = id("confirm");
  id("confirm-title").textContent = title;
  id("confirm-text").textContent = text;
  id("confirm-yes").textContent = action;
  dialog.returnValue = "";
  return new Promise((answer) => {
    dialog.addEventListener("close", () => answer(dialog.returnValue === "yes"), { once: true });
    dialog.showModal();
  });
}

// A form with data-confirm (the question), data-confirm-text and data-confirm-action asks before it is sent.
export function wireForms() {
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    const { confirm: title, confirmText: text, confirmAction: action } = form.dataset;
    if (!title || form.dataset.confirmed) return;
    event.preventDefault();
    if (!(await confirm({ title, text, action }))) {
      // What was pressed in a menu is hidden with it again, and cannot take the focus back.
      form.closest(".dropdown")?.querySelector("[data-bs-toggle]")?.focus();
      return;
    }
    form.dataset.confirmed = "yes";
    form.requestSubmit(event.submitter);
    // A page that comes back by the Back button asks again.
    delete form.dataset.confirmed;
  });
}
