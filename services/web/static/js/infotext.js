// The `parameters` text that common tools write: the prompt, a line "Negative prompt: …" if any, then a last line
// "Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 42, Size: 512x512, …".

const NAMES = {
  steps: "Steps",
  guidance: "CFG scale",
  seed: "Seed",
  strength: "Denoising strength",
  variation_seed: "Variation seed",
  variation_strength: "Variation seed strength",
  guidance_rescale: "CFG rescale",
};
const NEGATIVE = "Negative prompt:";

// What it says under our names, nothing of it checked; null where the last line is not there.
export function parsed(text) {
  const lines = text.split(/\r\n|\r|\n/);
  const last = lines.findLastIndex((line) => line.startsWith("Steps: "));
  if (last < 0) return null;
  const negative = lines.findIndex((line, at) => at < last && line.startsWith(NEGATIVE));
  const words = lines.slice(0, negative < 0 ? last : negative).join("\n");
  const said = pairs(lines[last]);
  const settings = { ...loras(words), negative_prompt: "" };
  if (negative >= 0) {
    settings.negative_prompt = lines.slice(negative, last).join("\n").slice(NEGATIVE.length).trim();
  }
  for (const [ours, theirs] of Object.entries(NAMES)) if (said.has(theirs)) settings[ours] = Number(said.get(theirs));
  const size = /^(\d{1,6})x(\d{1,6})$/.exec(said.get("Size") ?? "");
  if (size) [settings.width, settings.height] = [Number(size[1]), Number(size[2])];
  // They count the layer that is stopped at: with 1 none is left out.
  if (said.has("Clip skip")) settings.clip_skip = Math.max(0, Number(said.get("Clip skip")) - 1);
  if (said.has("Model")) settings.model = said.get("Model");
  if (said.has("Sampler")) settings.sampler = sampler(said);
  return settings;
}

// Newer ones name the schedule apart, which is part of the name here; "Automatic" is none.
function sampler(said) {
  const schedule = said.get("Schedule type");
  const name = said.get("Sampler");
  return schedule === "Karras" && !name.endsWith(schedule) ? `${name} ${schedule}` : name;
}

// "Name: value, Name: "a value, with a comma", …". One pass: a text of any make takes no longer than its length.
function pairs(line) {
  const found = new Map();
  let [from, quoted] = [0, false];
  for (let at = 0; at <= line.length; at += 1) {
    if (line[at] === '"' && line[at - 1] !== "\\") quoted = !quoted;
    if (at < line.length && (line[at] !== "," || quoted)) continue;
    const part = line.slice(from, at);
    const colon = part.indexOf(":");
    if (colon > 0) found.set(part.slice(0, colon).trim(), part.slice(colon + 1).trim());
    from = at + 1;
  }
  return found;
}

// LoRAs stand in the prompt as <lora:name:weight>.
function loras(words) {
  const adapters = [];
  const prompt = words.replace(/<lora:([^<>:]{1,128}):(-?[\d.]{1,12})>/g, (_tag, name, weight) => {
    adapters.push({ name, weight: Number(weight) });
    return "";
  });
  return { prompt: prompt.trim(), adapters };
}
