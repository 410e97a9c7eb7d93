// Whether a form that a plugin's page only announced can be sent in its place: what is announced holds no secrets and
// no files, only what stands for them.

const URLENCODED = "application/x-www-form-urlencoded";

// Why not, as the end of a sentence; null where it can.
export function whyNot(formData, formDataType) {
  if (typeof formData !== "string" || formDataType !== URLENCODED) {
    return "the plugin’s page gave it in a way that is not known here.";
  }
  const values = [...new URLSearchParams(formData).values()];
  if (values.includes("***")) return "it holds a secret, which only the plugin’s own page can send.";
  if (values.some((each) => each.startsWith("Uploaded file:"))) {
    return "it holds a file, which only the plugin’s own page can send.";
  }
  return null;
}
