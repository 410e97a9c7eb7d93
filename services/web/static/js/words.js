// What a model that knows only some words makes of a prompt.

// The words of `prompt` that are not in `known`, each once, as they are written; empty for a model that lists none.
// Words are told apart as the bundled tokenizer does: case and punctuation count for nothing, nor do weights' numbers.
export function strangers(prompt, known) {
  if (!known.length) return [];
  const lexicon = new Set(known);
  // A genitive's or a contraction's ending is no word that anybody would miss.
  const whole = prompt.replace(/(?<=\p{L})['’]\p{L}+/gu, "");
  const words = whole.split(/[\p{P}\p{S}\s]+/u).filter((word) => word && !/^\p{N}+$/u.test(word));
  const found = new Map();
  for (const word of words) {
    const plain = word.normalize("NFKC").toLowerCase();
    if (!lexicon.has(plain) && !found.has(plain)) found.set(plain, word);
  }
  return [...found.values()];
}

// A sentence about them: the model draws what is left of the prompt without them.
export function hint(title, words) {
  const shown = words.slice(0, 3).map((word) => `“${word}”`);
  const more = words.length - shown.length;
  if (more) shown.push(more === 1 ? "1 more word" : `${more} more words`);
  const last = shown.pop();
  const list = shown.length ? `${shown.join(", ")} and ${last}` : last;
  return `${title} does not know ${list} and draws the rest.`;
}
