// What a generation costs and how long it takes, before it is sent. tasks has the last word on both.

const STEP_PIXELS_A_TOKEN = 20 * 512 * 512;

// Of a start image's steps the first are left out; without one there is no strength.
function stepsRun({ steps, strength }) {
  return strength === undefined ? steps : Math.max(1, Math.floor(steps * strength));
}

// samples × max(1, ⌈steps run · width · height / (20 · 512²)⌉) whole tokens.
export function price(asked) {
  const { width, height, samples } = asked;
  return samples * Math.max(1, Math.ceil((stepsRun(asked) * width * height) / STEP_PIXELS_A_TOKEN));
}

// Seconds by the same formula as the server's: the measured size nearest in pixels, in proportion to the pixels. A
// forward takes some time whatever is in it and some for each image, half of that where guidance is off; as many images
// are drawn at once as pay. null when nothing was measured.
export function seconds(asked, stepTimes) {
  const { width, height, samples, guidance } = asked;
  const pixels = width * height;
  const away = (each) => Math.abs(each.width * each.height - pixels);
  const nearest = stepTimes.reduce((best, each) => (best && away(best) <= away(each) ? best : each), null);
  if (!nearest) return null;
  const scale = pixels / (nearest.width * nearest.height) / 1e6;
  const most = Math.max(1, nearest.images_at_once);
  const alone = nearest.step_us * scale;
  const more = most > 1 ? (most * nearest.shared_step_us * scale - alone) / (most - 1) : alone;
  const each = Math.min(alone, Math.max(0, more));
  const forward = (images) => alone - each + images * each * (guidance > 1 ? 1 : 0.5);
  const rest = samples % most;
  const step = Math.floor(samples / most) * forward(most) + (rest ? forward(rest) : 0);
  return stepsRun(asked) * step + samples * nearest.image_us * scale;
}
