// Figures and times as people read them.

export function span(seconds) {
  if (seconds < 0.95) return "under 1 s";
  if (seconds < 90) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
}

export function about(seconds) {
  return seconds < 0.95 ? span(seconds) : `about ${span(seconds)}`;
}

export function took(milliseconds) {
  const seconds = milliseconds / 1000;
  return seconds < 60 ? `${seconds.toFixed(1)} s` : span(seconds);
}

export function tokens(count) {
  return count === 1 ? "1 token" : `${count} tokens`;
}

export function place(position) {
  const last = position % 10;
  const teen = Math.floor(position / 10) % 10 === 1;
  const ending = teen ? "th" : { 1: "st", 2: "nd", 3: "rd" }[last] || "th";
  return `${position}${ending} in line`;
}

// ahead counts everything in front, position only what waits: the difference is running.
export function ahead(position, count) {
  const waiting = position - 1;
  const running = Math.max(0, count - waiting);
  const parts = [waiting && `${waiting} waiting`, running && `${running} running`].filter(Boolean);
  return parts.length ? `${parts.join(" and ")} ahead` : "nobody ahead";
}

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });

export function when(iso) {
  const moment = new Date(iso);
  const today = new Date().toDateString() === moment.toDateString();
  return today ? clock.format(moment) : `${day.format(moment)}, ${clock.format(moment)}`;
}

export function size(parameters) {
  return `${parameters.width} × ${parameters.height}`;
}
