// The question before somebody's task is cancelled, as a dialog; without this script its link leads to a page.

const id = (name) => document.getElementById(name);
const dialog = id("stop");

function ask({ href, dataset: { prompt, owner, price } }) {
  // The link's own address has no query to lose: where to go back to stands in the form.
  id("stop-form").action = new URL(href).pathname;
  id("stop-prompt").textContent = prompt;
  const held = price === "1" ? "1 token" : `${price} tokens`;
  id("stop-text").textContent =
    `Of the ${held} held for it, those for pictures that were not delivered go back to ${owner}.`;
  id("stop-reason").value = "";
  dialog.showModal();
  id("stop-reason").focus();
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-stop]");
  if (!link || event.metaKey || event.ctrlKey || event.shiftKey || event.button) return;
  event.preventDefault();
  ask(link);
});
id("stop-keep").addEventListener("click", () => dialog.close());
