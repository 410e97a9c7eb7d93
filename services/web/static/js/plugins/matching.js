// What fits what, by the rules that plugins are written for: data and content types, tags, names, versions.

// `something`, `something/`, `something/*` ask for all that begins so, `*` for anything, the rest for itself.
export function typeMatches(wanted, actual) {
  const [asked, found] = [plain(wanted), plain(actual)];
  if (asked === "*" || asked === "*/*") return true;
  const [group, rest] = asked.split("/", 2);
  if (!rest || rest === "*") return found.split("/", 1)[0] === group;
  return asked === found;
}

export function dataMatches(type, contents, { dataType, contentType }) {
  return typeMatches(type, dataType) && contents.some((each) => typeMatches(each, contentType));
}

// The first input of a plugin that takes this; undefined where none does.
export function inputFor(plugin, data) {
  const fits = plugin.inputs.filter((each) => dataMatches(each.dataType, each.contentTypes, data));
  return fits.find((each) => each.required) ?? fits[0];
}

export function pluginMatches({ tags = [], name, version }, plugin) {
  const fits = (tag) => (tag.startsWith("!") ? !plugin.tags.includes(tag.slice(1)) : plugin.tags.includes(tag));
  return tags.every(fits) && (!name || name === plugin.name) && versionMatches(version, plugin.version);
}

// One version, its beginning, or a range: `>=v0.1.0 <=v0.5.0`, with commas or without.
export function versionMatches(wanted, version) {
  const asked = (wanted ?? "").trim();
  if (!asked) return true;
  const found = numbers(version);
  const parts = [...asked.matchAll(/([<>=!~]*)\s*v?(\d[\w.*-]*)/gi)];
  if (!found || !parts.length) return asked === version.trim();
  return parts.every(([, sign, number]) => holds(sign, number, found));
}

function holds(sign, number, found) {
  const open = number.endsWith("*") || number.split(".").length < 3;
  const asked = numbers(number.replace(/\.?\*$/, ""));
  if (!asked) return false;
  const begins = asked.every((each, at) => (found[at] ?? 0) === each);
  const order = compare(found, asked);
  switch (sign) {
    case "":
    case "=":
    case "==":
      return open ? begins : order === 0;
    case "!=":
      return order !== 0;
    case ">=":
      return order >= 0;
    case ">":
      return order > 0;
    case "<=":
      return order <= 0;
    case "<":
      return order < 0;
    case "~=":
      return order >= 0 && asked.slice(0, -1).every((each, at) => (found[at] ?? 0) === each);
    default:
      return false;
  }
}

function numbers(version) {
  const [, digits] = /^v?(\d+(?:\.\d+)*)/i.exec(version.trim()) ?? [];
  return digits ? digits.split(".").map(Number) : null;
}

function compare(one, other) {
  for (let at = 0; at < Math.max(one.length, other.length); at += 1) {
    const difference = (one[at] ?? 0) - (other[at] ?? 0);
    if (difference) return Math.sign(difference);
  }
  return 0;
}

// Without parameters; case does not count.
function plain(type) {
  return (typeof type === "string" ? type : "").split(";", 1)[0].trim().toLowerCase();
}
