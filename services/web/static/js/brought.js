// What a link from the gallery brings along for the panel. Once it stands there the address is the studio's own again.

import { ask } from "./http.js";

const NUMBERS = ["seed", "steps", "guidance", "width", "height"];

// Fills the panel with what the address names: a picture of the gallery, or a prompt with settings of its own.
export async function bring(panel) {
  const address = new URLSearchParams(location.search);
  const picture = address.get("gallery");
  const prompt = address.get("prompt");
  if (!picture && !prompt) return;
  const numbers = NUMBERS.filter((name) => address.has(name) && Number.isFinite(Number(address.get(name))));
  const settings = Object.fromEntries(numbers.map((name) => [name, Number(address.get(name))]));
  for (const name of ["gallery", "prompt", ...NUMBERS]) address.delete(name);
  history.replaceState(null, "", address.size ? `?${address}` : location.pathname);
  if (!picture) {
    panel.fill({ prompt, ...settings });
    return;
  }
  try {
    panel.fill(await ask(`/gallery/${encodeURIComponent(picture)}/settings`));
  } catch (refusal) {
    panel.refuse(refusal.status === 404 ? "That picture is no longer in the gallery." : refusal.message);
  }
}
