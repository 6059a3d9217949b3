// Shows, hides and marks fields of a form as their conditions say, while it is filled in. It must not
// decide anything: the server judges the same conditions again, and shows everything to who runs no
// script. A field is hidden only when its condition is false; unknown hides nothing.
//
//   data-visible, data-required: the compiled condition; data-field: the name that the field is sent
//   under; data-kept: its value counts although it is hidden.
import { evaluate } from "/static/expressions.js";

const read = (box, key) => (box.dataset[key] ? JSON.parse(box.dataset[key]) : null);

// "values/rows/2/lot" sees values/rows/2/, then values/rows/, then values/: the nearest name counts.
function scopes(name) {
  const parts = name.split("/").slice(0, -1);
  return parts.map((_, at) => `${parts.slice(0, parts.length - at).join("/")}/`);
}

// A comma that can only be a decimal sign is one, as on the server.
function digits(text) {
  const isClear = /^-?\d{1,12},\d{1,6}$/.test(text) && !/^-?[1-9]\d{0,2},\d{3}$/.test(text);
  return isClear ? text.replace(",", ".") : text;
}

function value(sent, kind) {
  const texts = sent.map((text) => text.trim());
  if (kind.endsWith("_list")) {
    const found = texts.flatMap((text) => text.split(/\r?\n/)).map((text) => text.trim());
    const entries = found.filter(Boolean);
    return entries.length ? entries : undefined;
  }
  const last = texts.at(-1);
  if (!last) return undefined;
  if (kind === "boolean") return { true: true, on: true, false: false }[last];
  if (kind === "decimal" || kind === "integer") return digits(last);
  // A field for date and time holds none of its zone; the page says that it is UTC.
  if (kind === "datetime" && !/(Z|[+-]\d\d:\d\d)$/.test(last)) {
    return `${last.length === 16 ? `${last}:00` : last}Z`;
  }
  return last;
}

function facts(compiled, box, sent, dropped) {
  const found = {};
  for (const [name, wanted] of Object.entries(compiled.facts)) {
    for (const scope of scopes(box.dataset.field)) {
      const full = scope + name;
      const held = sent.has(full) && !dropped.has(full) ? value(sent.getAll(full), wanted.kind) : undefined;
      if (held === undefined) continue;
      found[name] = held;
      break;
    }
  }
  return found;
}

const counts = (control) => !control.closest("[data-kept]");
const namesIn = (box) =>
  [...box.querySelectorAll("[name]")].filter(counts).map((control) => control.name);

function mark(box, isRequired) {
  for (const word of box.querySelectorAll("[data-optional]")) word.hidden = isRequired;
  for (const control of box.querySelectorAll("input, select, textarea")) {
    if (["radio", "checkbox", "hidden"].includes(control.type)) continue;
    if (isRequired) control.setAttribute("aria-required", "true");
    else control.removeAttribute("aria-required");
  }
}

export function follow(form) {
  const boxes = [...form.querySelectorAll("[data-field]")].map((box) => ({
    box, visible: read(box, "visible"), required: read(box, "required"),
  }));
  const judge = () => {
    const sent = new FormData(form);
    const hidden = new Set();
    const dropped = new Set();
    // What is hidden counts as empty, which may hide others in turn.
    for (let before = -1; before < hidden.size; ) {
      before = hidden.size;
      const found = boxes.filter(({ box, visible }) => visible && !hidden.has(box) &&
        evaluate(visible, facts(visible, box, sent, dropped)).value === false);
      for (const { box } of found) {
        hidden.add(box);
        for (const name of namesIn(box)) dropped.add(name);
      }
    }
    for (const { box, visible, required } of boxes) {
      if (visible) box.hidden = hidden.has(box);
      if (required) mark(box, evaluate(required, facts(required, box, sent, dropped)).value === true);
    }
  };
  form.addEventListener("input", judge);
  form.addEventListener("change", judge);
  // What the browser kept of an earlier visit is there only now.
  window.addEventListener("pageshow", judge);
  judge();
}
