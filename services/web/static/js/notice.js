// A sentence about what was just done, or why it was not. It floats above the page and pushes nothing aside.

const SHOWN_MS = 6000;
const id = (name) => document.getElementById(name);
let timer = 0;

// A dialog covers the page and makes it deaf; what is told while one is open is told in it.
function place() {
  const over = [...document.querySelectorAll("dialog[open]")].at(-1) ?? document.body;
  const toast = id("notice").parentElement;
  if (toast.parentElement !== over) over.append(toast);
}
document.addEventListener("close", place, { capture: true });

// A refusal stays until it is closed: it may be read late.
export function tell(sentence, { refused = false } = {}) {
  clearTimeout(timer);
  place();
  const box = id("notice");
  box.classList.toggle("dd-alert-danger", refused);
  box.hidden = false;
  id("notice-words").textContent = sentence;
  if (!refused) timer = setTimeout(close, SHOWN_MS);
}

function close() {
  id("notice").hidden = true;
  // Emptied, so that the same sentence is read out again the next time.
  id("notice-words").textContent = "";
}

id("notice-close").addEventListener("click", close);
