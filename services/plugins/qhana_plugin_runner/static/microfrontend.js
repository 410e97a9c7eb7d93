/**
 * The part of a plugin's page that talks with the page it is framed in, the plugin host.
 *
 * A classic script: published pages call its functions by their names. Forms are found by the class `qhana-form` and by
 * data attributes. Opened on its own, without a window to talk to, a page works as the HTML it is.
 *
 * Whom it talks to: messages are taken from the framing (or opening) window alone, and only from the origins that
 * `data-host-origins` on this script names; a page without that list goes by the origin it is framed in, which the
 * server's `frame-ancestors` has let through. Nothing is sent to `*` once that origin is known.
 */
"use strict";

var _qhanaScript = document.currentScript;

/** The window that frames or opened this page; null when there is none. */
function hostWindow() {
    if (window.parent !== window) {
        return window.parent;
    }
    return window.opener || null;
}

/** The origins that may be the host; null when the page does not say. */
function _listedOrigins() {
    const script = _qhanaScript || document.querySelector("script[data-host-origins]");
    const listed = (script?.dataset.hostOrigins || document.documentElement.dataset.hostOrigins || "").trim();
    return listed ? listed.split(/\s+/) : null;
}

/** The origin that frames this page, as the browser tells it; null when it does not. */
function _framedIn() {
    const ancestors = window.location.ancestorOrigins;
    if (window.parent !== window && ancestors && ancestors.length) {
        return ancestors[0];
    }
    try {
        const origin = new URL(document.referrer).origin;
        // After a form was validated it is this page that referred to itself.
        return origin === window.location.origin ? null : origin;
    } catch {
        return null;
    }
}

/** Whether messages of this origin are those of the host; the first that is becomes the only one. */
function _isHostOrigin(origin) {
    const state = window._qhana_microfrontend_state;
    if (state.isForeign) {
        return false;
    }
    if (state.hostOrigin) {
        return origin === state.hostOrigin;
    }
    const listed = _listedOrigins();
    // An opaque origin ("null") is everybody's.
    if (origin === "null" || (listed && !listed.includes(origin))) {
        return false;
    }
    state.hostOrigin = origin;
    return true;
}

/**
 * Send a message to the host; does nothing without one.
 *
 * @param {string|object} message
 */
function sendMessage(message) {
    const host = hostWindow();
    const state = window._qhana_microfrontend_state;
    if (host === null || state.isForeign) {
        return;
    }
    if (state.hostOrigin) {
        host.postMessage(message, state.hostOrigin);
        return;
    }
    const listed = _listedOrigins();
    if (listed) {
        // The browser delivers to the one that is really there.
        listed.forEach((origin) => host.postMessage(message, origin));
    } else if (typeof message === "string") {
        // A greeting holds nothing; what does waits until the host has answered.
        host.postMessage(message, "*");
    } else {
        state.unsent.push(message);
    }
}

/** Listen to the host. */
function registerMessageListener() {
    window.addEventListener("message", (event) => {
        const state = window._qhana_microfrontend_state;
        if (event.source === null || event.source !== hostWindow() || !_isHostOrigin(event.origin)) {
            return;
        }
        state.unsent.splice(0).forEach(sendMessage);
        const data = event.data;
        if (typeof state.messageHandler === "function" && state.messageHandler(data, event)) {
            return;
        }
        if (typeof data === "string") {
            onTextMessage(data, state);
        } else if (data !== null && typeof data === "object") {
            onObjectMessage(data, state);
        }
    });
}

function onTextMessage(text, state) {
    if (text === "ui-prevent-submit") {
        state.preventSubmit = true;
    } else if (text === "ui-allow-submit") {
        state.preventSubmit = false;
    } else if (text !== "ui-submit-status") {
        return;
    }
    sendSubmitStatus();
}

function onObjectMessage(data, state) {
    if (data.type === "load-css") {
        onLoadCssMessage(data, state);
    } else if (data.type === "data-url-response") {
        onDataUrlResponseMessage(data);
    } else if (data.type === "plugin-url-response") {
        onPluginUrlResponseMessage(data);
    } else if (data.type === "autofill-response") {
        onAutoFillResponse(data);
    } else if (data.type === "plugin-context" || data.type === "implementations-response") {
        // For the page's own scripts.
        state[data.type === "plugin-context" ? "context" : "implementations"] = data;
        window.dispatchEvent(new CustomEvent(`qhana-${data.type}`, { detail: data }));
    }
}

/** Tell the host whether forms may be submitted now. */
function sendSubmitStatus() {
    sendMessage({
        type: "ui-submit-status",
        isAllowedToSubmit: !window._qhana_microfrontend_state.preventSubmit,
    });
}

/**
 * Take on the host's looks. Style sheets come from the host or from here.
 *
 * @param {{type: "load-css", urls: string[]}} data
 */
function onLoadCssMessage(data, state) {
    const allowed = [state.hostOrigin, window.location.origin];
    (Array.isArray(data.urls) ? data.urls : []).forEach((text) => {
        let url;
        try {
            url = new URL(text, state.hostOrigin);
        } catch {
            return;
        }
        if (!allowed.includes(url.origin) || document.querySelector(`link[href="${CSS.escape(url.href)}"]`)) {
            return;
        }
        const link = document.createElement("link");
        link.rel = "stylesheet";
        link.href = url.href;
        link.addEventListener("load", () => monitorHeightChanges(state));
        document.head.appendChild(link);
    });
    document.body.style.background = "transparent";
    monitorHeightChanges(state);
}

/** Set an input as a person would, so that the page's scripts hear of it. */
function _setValue(input, value) {
    if (input.type === "checkbox") {
        input.checked = value === true || ["on", "true", "1"].includes(value);
    } else {
        input.value = value ?? "";
    }
    for (const kind of ["input", "change"]) {
        input.dispatchEvent(new InputEvent(kind, { bubbles: true, cancelable: false, data: String(value ?? "") }));
    }
}

function _inputOf(key) {
    return typeof key === "string" && key ? document.querySelector(`input#${CSS.escape(key)}`) : null;
}

/** Show what was chosen, beside its input. */
function _showChoice(kind, key, text) {
    const span = document.querySelector(`.selected-${kind}-name[data-input-id="${CSS.escape(key)}"]`);
    if (span === null) {
        return;
    }
    span.parentNode.setAttribute("aria-live", "polite");
    span.parentNode.removeAttribute("hidden");
    span.textContent = text;
    monitorHeightChanges(window._qhana_microfrontend_state);
}

/** @param {{inputKey: string, href: string, dataType?: string, contentType?: string, filename?: string, version?: number}} data */
function onDataUrlResponseMessage(data) {
    const input = _inputOf(data.inputKey);
    if (input === null || typeof data.href !== "string") {
        return;
    }
    _setValue(input, data.href);
    const named = `${data.filename || "unknown"} (v${data.version || "?"})`;
    _showChoice("file", data.inputKey, `${named} ${data.dataType || "*"} – ${data.contentType || "*"}`);
}

/** @param {{inputKey: string, pluginUrl: string, pluginName?: string, pluginVersion?: string}} data */
function onPluginUrlResponseMessage(data) {
    const input = _inputOf(data.inputKey);
    if (input === null || typeof data.pluginUrl !== "string") {
        return;
    }
    _setValue(input, data.pluginUrl);
    _showChoice("plugin", data.inputKey, `${data.pluginName || "unknown"} (${data.pluginVersion || "?"})`);
}

/** @param {{value: string, encoding: string}} data form data, as JSON or urlencoded */
function onAutoFillResponse(data) {
    const values = new Map();
    try {
        if (data.encoding === "application/json") {
            Object.entries(JSON.parse(data.value)).forEach(([name, value]) => values.set(name, value));
        } else if (data.encoding === "application/x-www-form-urlencoded") {
            new URLSearchParams(data.value).forEach((value, name) => values.set(name, value));
        }
    } catch {
        return;
    }
    values.forEach((value, name) => {
        const input = document.querySelector(`form.qhana-form [name="${CSS.escape(name)}"]`);
        if (input !== null && !_isPrivate(input) && input.type !== "file") {
            _setValue(input, value);
            _askAbout(input);
        }
    });
}

/** Ask for what an input's value stands for. */
function _askAbout(input) {
    if (!input.id || !input.value) {
        return;
    }
    if (_takesData(input)) {
        sendMessage({ type: "request-data-url-info", inputKey: input.id, dataUrl: input.value });
    } else if (input.dataset.inputType === "plugin") {
        sendMessage({ type: "request-plugin-url-info", inputKey: input.id, pluginUrl: input.value });
    }
}

function _isPrivate(input) {
    return input.type === "password" || input.hasAttribute("data-private") || input.hasAttribute("data-token");
}

function _takesData(input) {
    return input.dataset.inputType === "data" || (input.hasAttribute("data-input") && input.nodeName === "INPUT");
}

/** The height of what the page holds; unlike scrollHeight it shrinks when the page does. */
function _contentHeight() {
    const root = document.documentElement;
    if (root.scrollHeight > root.clientHeight) {
        return root.scrollHeight;
    }
    const style = window.getComputedStyle(document.body);
    const margins = parseFloat(style.marginTop) + parseFloat(style.marginBottom);
    return Math.ceil(document.body.getBoundingClientRect().height + margins);
}

/**
 * Tell the host when the height is another than last time.
 *
 * @param {number} lastHeight
 * @returns {number} the height now
 */
function notifyParentWindowOnHeightChange(lastHeight = 0) {
    const height = _contentHeight();
    if (height !== lastHeight) {
        const message = { type: "ui-resize", height: height };
        const wanted = document.body.dataset.targetHeight || document.documentElement.dataset.targetHeight;
        if (wanted) {
            message.targetHeight = wanted === "full" ? "full" : Number(wanted);
        }
        sendMessage(message);
    }
    return height;
}

/**
 * Look at the height until it has settled, some three seconds after it last changed.
 *
 * @param {{height?: number, heightUnchangedCount?: number}} state
 */
function monitorHeightChanges(state = window._qhana_microfrontend_state) {
    state.heightUnchangedCount = 0;
    if (state.heightTimer) {
        return;
    }
    const look = () => {
        const height = notifyParentWindowOnHeightChange(state.height);
        state.heightUnchangedCount = height === state.height ? state.heightUnchangedCount + 1 : 0;
        state.height = height;
        state.lastHeight = height;
        state.heightTimer = state.heightUnchangedCount > 60 ? null : window.setTimeout(look, 50);
    };
    look();
}

/** Tell the host that the page is there and listens. */
function notifyParentWindowOnLoad() {
    sendMessage("ui-loaded");
    monitorHeightChanges(window._qhana_microfrontend_state);
}

/** What was instrumented already; pages that change call `instrumentForm` again. */
var _qhanaInstrumented = new WeakSet();

function _once(elements, instrument) {
    elements.forEach((element) => {
        if (!_qhanaInstrumented.has(element)) {
            _qhanaInstrumented.add(element);
            instrument(element);
        }
    });
}

/** Show a button that only makes sense with a host. */
function _offer(button, message) {
    button.addEventListener("click", (event) => {
        event.preventDefault();
        const made = message();
        if (made !== null) {
            sendMessage(made);
        }
    });
    button.removeAttribute("hidden");
}

function _words(text) {
    return (text || "").split(/\s+/).filter(Boolean);
}

/**
 * Make the page's forms send what the host needs to know, and its buttons ask the host.
 *
 * @param {boolean} hasParent whether there is a host
 */
function instrumentForm(hasParent = hostWindow() !== null) {
    const forms = document.querySelectorAll("form.qhana-form");
    _once(forms, (form) => form.addEventListener("submit", (event) => onFormSubmit(event, ..._namesIn(form))));
    if (!hasParent) {
        return;
    }
    forms.forEach((form) => {
        _once(form.querySelectorAll("input[data-input-type], input[data-input]"), (input) => {
            const enableRelated = () => {
                const related = `.qhana-choose-file-button.related[data-related-input-id="${CSS.escape(input.id)}"]`;
                document.querySelectorAll(related).forEach((button) => button.toggleAttribute("disabled", !input.value));
            };
            input.addEventListener("change", enableRelated);
            enableRelated();
            _addChooseButton(form, input);
            _askAbout(input);
        });
        _once(form.querySelectorAll("button.qhana-choose-file-button"), (button) => _offer(button, () => _fileRequest(button)));
        _once(form.querySelectorAll("button.qhana-show-preview-button"), (button) =>
            _offer(button, () => {
                const url = _inputOf(button.dataset.inputId)?.value;
                return url ? { type: "request-data-preview", inputKey: button.dataset.inputId, dataUrl: url } : null;
            })
        );
        _once(form.querySelectorAll("button.qhana-choose-plugin-button"), (button) => _offer(button, () => _pluginRequest(button)));
    });
}

/** An input of a page that was written without our macros gets its button too. */
function _addChooseButton(form, input) {
    if (!input.id || !_takesData(input) || form.querySelector(`button[data-input-id="${CSS.escape(input.id)}"]`)) {
        return;
    }
    const button = document.createElement("button");
    button.type = "button";
    button.className = "qhana-choose-file-button";
    button.textContent = "choose file";
    button.dataset.inputId = input.id;
    button.dataset.input = input.dataset.input || "*";
    if (input.dataset.contentType) {
        button.dataset.contentType = input.dataset.contentType;
    }
    input.insertAdjacentElement("afterend", button);
}

function _fileRequest(button) {
    const about = button.dataset;
    const contentTypes = _words(about.contentType);
    if (!button.classList.contains("related")) {
        return {
            type: "request-data-url",
            inputKey: about.inputId,
            acceptedInputType: about.input || "*",
            acceptedContentTypes: contentTypes.length ? contentTypes : ["*"],
        };
    }
    const dataUrl = _inputOf(about.relatedInputId)?.value;
    if (!dataUrl) {
        return null;
    }
    return {
        type: "request-related-data-url",
        inputKey: about.inputId,
        dataUrl: dataUrl,
        relation: about.relation || "any",
        includeSelf: "includeSelf" in about && about.includeSelf !== "false",
        acceptedInputType: about.input || "*",
        // The message has room for one.
        acceptedContentType: contentTypes.length === 1 ? contentTypes[0] : "*",
        userInteraction: true,
    };
}

function _pluginRequest(button) {
    const about = button.dataset;
    const message = { type: "request-plugin-url", inputKey: about.inputId, pluginTags: _words(about.pluginTags) };
    if (about.pluginName) {
        message.pluginName = about.pluginName;
    }
    if (about.pluginVersion) {
        message.pluginVersion = about.pluginVersion;
    }
    return message;
}

/** The names of the inputs that hold URLs of data, and of those that nobody may keep. */
function _namesIn(form) {
    const inputs = Array.from(form.elements).filter((input) => input.name);
    const names = (wanted) => new Set(inputs.filter(wanted).map((input) => input.name));
    return [names(_takesData), names(_isPrivate)];
}

/** Where a submit goes: to the page again (`microfrontend`) or to the plugin's API (`api`). */
function _submitTarget(form, submitter) {
    const said = submitter?.dataset.target || form.dataset.target;
    if (said) {
        return said;
    }
    const meant = submitter?.dataset.submit || form.dataset.submit;
    if (meant) {
        return meant === "validate" ? "microfrontend" : "api";
    }
    const action = new URL(submitter?.formAction || form.action);
    return action.pathname === window.location.pathname ? "microfrontend" : "api";
}

function onFormSubmit(event, dataInputs, privateInputs) {
    const state = window._qhana_microfrontend_state;
    if (typeof state.formSubmitHandler === "function" && state.formSubmitHandler(event, dataInputs, privateInputs)) {
        return;
    }
    const form = event.target;
    const submitter = event.submitter;
    // Without a host the browser does what it always does with a form.
    if (hostWindow() === null) {
        return;
    }
    if (_submitTarget(form, submitter) !== "api") {
        sendMessage("ui-loading");
        return;
    }
    event.preventDefault();
    const formData = new FormData(form, submitter);
    const action = new URL(submitter?.hasAttribute("formaction") ? submitter.formAction : form.action);
    const method = (submitter?.getAttribute("formmethod") || form.getAttribute("method") || "post").toLowerCase();
    const message = {
        type: "form-submit",
        formData: _withoutSecrets(formData, privateInputs).toString(),
        formDataType: "application/x-www-form-urlencoded",
        dataInputs: _dataUrls(formData, dataInputs),
        submitUrl: action.toString(),
    };
    sendMessage("ui-loading");
    if (state.preventSubmit) {
        sendMessage(message);
        return;
    }
    submitFormData(formData, action, method).then(
        (response) => (response.ok ? sendMessage({ ...message, resultUrl: response.url }) : _tellOfError(response)),
        () => sendMessage({ type: "form-error", status: 500, error: { code: 500, status: "unknown error" } })
    );
}

/** What the host may keep of a form. */
function _withoutSecrets(formData, privateInputs) {
    const kept = new URLSearchParams();
    formData.forEach((value, name) => {
        if (privateInputs.has(name)) {
            kept.append(name, "***");
        } else {
            kept.append(name, value instanceof File ? `Uploaded file: ${value.name}` : value);
        }
    });
    return kept;
}

function _dataUrls(formData, dataInputs) {
    const urls = new Set();
    formData.forEach((value, name) => {
        if (dataInputs.has(name) && typeof value === "string" && value !== "") {
            urls.add(value);
        }
    });
    return Array.from(urls);
}

function _tellOfError(response) {
    const plain = { code: response.status, status: response.statusText || "unknown error" };
    return response.json().then(
        (body) => sendMessage({ type: "form-error", status: response.status, error: { ...plain, ...body } }),
        () => sendMessage({ type: "form-error", status: response.status, error: plain })
    );
}

/**
 * Send a form to the plugin.
 *
 * @param {FormData} formData
 * @param {URL|string} formAction
 * @param {string} formMethod
 * @returns {Promise<Response>} the answer after redirects
 */
function submitFormData(formData, formAction, formMethod) {
    const url = new URL(formAction, window.location.href);
    if ((formMethod || "post").toLowerCase() !== "get") {
        return fetch(url, { method: formMethod, body: formData });
    }
    formData.forEach((value, name) => url.searchParams.append(name, value instanceof File ? value.name : value));
    return fetch(url);
}

/** Begin, once a page. */
function startMicrofrontend() {
    const listed = _listedOrigins();
    const framedIn = hostWindow() === null ? null : _framedIn();
    const isForeign = framedIn !== null && listed !== null && !listed.includes(framedIn);
    window._qhana_microfrontend_state = {
        href: window.location.href,
        height: 0,
        lastHeight: 0,
        heightUnchangedCount: 0,
        heightTimer: null,
        preventSubmit: false,
        formSubmitHandler: null,
        messageHandler: null,
        // A page in somebody else's frame neither speaks nor listens.
        isForeign: isForeign,
        hostOrigin: framedIn !== null && framedIn !== "null" ? framedIn : listed?.length === 1 ? listed[0] : null,
        unsent: [],
        ...window._qhana_microfrontend_state,
    };
    registerMessageListener();
    instrumentForm();
    if (hostWindow() !== null) {
        notifyParentWindowOnLoad();
        new ResizeObserver(() => monitorHeightChanges(window._qhana_microfrontend_state)).observe(document.body);
    }
}

if (window._qhana_microfrontend_started === undefined) {
    window._qhana_microfrontend_started = true;
    startMicrofrontend();
}
