// Sends a picture and tells how far it is, which fetch does not.

import { Refusal, toTheDoor } from "./http.js";

export const UPLOADS = "/studio/uploads";

// onShare hears of 0 to 1. Gives the upload; rejects with a Refusal, or an AbortError when `signal` gave it up.
export function send(blob, { onShare = () => {}, signal } = {}) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", UPLOADS);
    request.responseType = "json";
    request.setRequestHeader("Accept", "application/json");
    request.setRequestHeader("Content-Type", blob.type);
    request.setRequestHeader("X-CSRFToken", document.querySelector('meta[name="csrf-token"]').content);
    request.upload.addEventListener("progress", ({ loaded, total }) => total && onShare(loaded / total));
    request.addEventListener("load", () => {
      if (request.status === 201 && request.response) return resolve(request.response);
      if (request.status === 401) toTheDoor();
      return reject(new Refusal(request.status, request.response || {}));
    });
    request.addEventListener("error", () => {
      reject(new Refusal(0, { detail: "The server does not answer. Nothing was sent; try again in a moment." }));
    });
    request.addEventListener("abort", () => reject(new DOMException("given up", "AbortError")));
    signal?.addEventListener("abort", () => request.abort());
    request.send(blob);
  });
}
