// A sentence about what was just done, or why it was not. It floats above the page and pushes nothing aside.

const SHOWN_MS = 6000;
const id = (name) => document.getElementById(name);
let timer = 0;

// A refusal stays until it is closed: it may be read late.
export function tell(sentence, { refused = false } = {}) {
  clearTimeout(timer);
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
