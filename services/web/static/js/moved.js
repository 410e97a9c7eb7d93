// What became of settings that were put into the panel: what the model here cannot hold has moved, and is told.

const NUMBERS = {
  width: "width",
  height: "height",
  steps: "steps",
  guidance: "guidance",
  samples: "samples",
  strength: "strength",
  variation_strength: "variation strength",
  guidance_rescale: "guidance rescale",
  clip_skip: "clip skip",
};

// wanted: what was put in; got: what stands there now; title: the model's. Gives a sentence, or none.
export function moved(wanted, got, title) {
  const sentences = [];
  if (wanted.model && wanted.model !== got.model) {
    sentences.push(`There is no model “${short(wanted.model)}” here; ${title} is used.`);
  }
  if (wanted.sampler && wanted.sampler !== got.sampler) {
    sentences.push(`${title} has no sampler “${short(wanted.sampler)}”; ${got.sampler} is used.`);
  }
  const missing = (wanted.adapters || []).filter(({ name }) => !(got.adapters || []).some((each) => each.name === name));
  if (missing.length) {
    const list = missing.map(({ name }) => `“${short(name)}”`).join(", ");
    sentences.push(`Left out, as ${title} has no such LoRA: ${list}.`);
  }
  // A strength without a picture to begin from has no meaning, and nothing to move to.
  const names = Object.keys(NUMBERS).filter((name) => typeof wanted[name] === "number");
  const changed = names.filter((name) => wanted[name] !== (got[name] ?? 0) && (name !== "strength" || got.start_image));
  if (changed.length) {
    const list = changed.map((name) => `${NUMBERS[name]} ${wanted[name]} → ${got[name] ?? 0}`).join(", ");
    sentences.push(`Moved to what ${title} can hold: ${list}.`);
  }
  return sentences.join(" ");
}

function short(name) {
  return name.length > 40 ? `${name.slice(0, 39)}…` : name;
}
