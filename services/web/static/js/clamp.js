// A long text is cut to a few lines, with a button for the rest while there is a rest.

const buttons = new WeakMap();
const sizes = new ResizeObserver((entries) => {
  for (const { target } of entries) fit(target);
});

export function clampable(words, button) {
  buttons.set(words, button);
  button.addEventListener("click", () => show(words, words.classList.contains("dd-clamp")));
  clamp(words);
  sizes.observe(words);
}

// Cuts it again, for a text that was replaced.
export function clamp(words) {
  show(words, false);
}

function show(words, whole) {
  const button = buttons.get(words);
  words.classList.toggle("dd-clamp", !whole);
  button.textContent = whole ? "Less" : "More";
  button.setAttribute("aria-expanded", String(whole));
  fit(words);
}

function fit(words) {
  if (!words.classList.contains("dd-clamp")) return;
  buttons.get(words).hidden = words.scrollHeight <= words.clientHeight + 1;
}
