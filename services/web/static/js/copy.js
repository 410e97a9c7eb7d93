// A button with data-copy="#id" puts the text of that element, or the value of that field, on the clipboard.
// It says so in its own place for a moment, where everybody who pressed it looks, and to those who listen.

const SAID_MS = 2500;
// One for the page: a region that comes with its words is not read out, so it is there before anybody presses.
const spoken = document.createElement("p");
spoken.className = "visually-hidden";
spoken.setAttribute("role", "status");
(document.querySelector("main") ?? document.body).append(spoken);

function textOf(source) {
  return "value" in source ? source.value : source.textContent.trim();
}

function select(source) {
  if (source.select) return source.select();
  const range = document.createRange();
  range.selectNodeContents(source);
  getSelection().removeAllRanges();
  getSelection().addRange(range);
}

// The clipboard of today is there only where the page came over TLS or from this machine; the old way works elsewhere.
async function copy(source) {
  try {
    await navigator.clipboard.writeText(textOf(source));
    return true;
  } catch {
    select(source);
    return document.execCommand("copy");
  }
}

for (const button of document.querySelectorAll("[data-copy]")) {
  const words = button.querySelector("[data-copy-words]") ?? button;
  const before = words.textContent;
  let pending = 0;
  button.addEventListener("click", async () => {
    const copied = await copy(document.querySelector(button.dataset.copy));
    // What could not be copied is at least picked out: the person's own keys do the rest.
    const sentence = copied ? "Copied" : "Copy it by hand";
    words.textContent = spoken.textContent = sentence;
    clearTimeout(pending);
    pending = setTimeout(() => {
      words.textContent = before;
      spoken.textContent = "";
    }, SAID_MS);
  });
}
