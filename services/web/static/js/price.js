// What a generation costs and how long it takes, before it is sent. tasks has the last word on both.

const STEP_PIXELS_A_TOKEN = 20 * 512 * 512;

// samples × max(1, ⌈steps · width · height / (20 · 512²)⌉) whole tokens.
export function price({ steps, width, height, samples }) {
  return samples * Math.max(1, Math.ceil((steps * width * height) / STEP_PIXELS_A_TOKEN));
}

// Seconds by the measured step times: between two measured sizes along the line through them, beyond them in
// proportion to the pixels. null when nothing was measured.
export function seconds({ steps, width, height, samples }, stepTimes) {
  const measured = stepTimes
    .map((each) => ({ pixels: each.width * each.height, step: each.step_us / 1e6, image: each.image_us / 1e6 }))
    .sort((a, b) => a.pixels - b.pixels);
  if (!measured.length) return null;
  const pixels = width * height;
  const above = measured.findIndex((each) => each.pixels >= pixels);
  let step, image;
  if (above <= 0) {
    const nearest = above === 0 ? measured[0] : measured[measured.length - 1];
    const scale = pixels / nearest.pixels;
    // A small picture has its fixed costs too: it is never faster than the smallest that was measured.
    step = above === 0 ? nearest.step : nearest.step * scale;
    image = above === 0 ? nearest.image : nearest.image * scale;
  } else {
    const [low, high] = [measured[above - 1], measured[above]];
    const share = (pixels - low.pixels) / (high.pixels - low.pixels);
    step = low.step + share * (high.step - low.step);
    image = low.image + share * (high.image - low.image);
  }
  return samples * (steps * step + image);
}
