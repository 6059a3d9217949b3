// The lock of a terminal. What is filled in is kept on the server for the person who filled it in:
// while they type, when nothing moves for as long as a session may rest, and at the button.
const lock = document.querySelector("form[data-lock]");
const forms = [...document.querySelectorAll("main form[method=post]")].filter(
  (form) => !form.closest("[data-kept]"),
);
const BEFORE = 30; // seconds before the session itself ends
const EVERY = 20; // seconds between two copies while somebody types
const isKept = (field) =>
  field.name && !["hidden", "password", "file", "submit", "button"].includes(field.type) &&
  !["login", "code"].includes(field.name);
const fieldsOf = (form) => [...form.elements].filter(isKept);

function filled() {
  return forms.flatMap((form, number) =>
    fieldsOf(form).flatMap((field) => {
      if (["checkbox", "radio"].includes(field.type)) return field.checked ? [[number, field.name, field.value]] : [];
      if (field.multiple) return [...field.selectedOptions].map((each) => [number, field.name, each.value]);
      return [[number, field.name, field.value]];
    }),
  );
}

function putBack(kept) {
  forms.forEach((form, number) => {
    const own = kept.filter((each) => each[0] === number);
    if (!own.length) return;
    for (const field of fieldsOf(form)) {
      const values = own.filter((each) => each[1] === field.name).map((each) => each[2]);
      if (["checkbox", "radio"].includes(field.type)) field.checked = values.includes(field.value);
      else if (field.multiple) for (const each of field.options) each.selected = values.includes(each.value);
      else {
        // Fields of one name take their values in turn.
        const at = own.findIndex((each) => each[1] === field.name);
        if (at >= 0) field.value = own.splice(at, 1)[0][2];
      }
      field.dispatchEvent(new Event("input", { bubbles: true }));
      field.dispatchEvent(new Event("change", { bubbles: true }));
    }
  });
}

if (lock) {
  let isDirty = false;
  let isStored = false;
  let moved = Date.now();
  let copied = 0;
  const box = document.querySelector("[data-kept]");
  if (box) {
    putBack(JSON.parse(box.dataset.kept));
    isStored = true;
  }
  const send = (act) => {
    const told = new URLSearchParams(new FormData(lock));
    told.set("act", act);
    told.set("kept", act === "drop" ? "" : JSON.stringify(filled()));
    fetch("/lock", { method: "POST", body: told, redirect: "manual", keepalive: true }).catch(() => {});
  };
  const note = () => {
    moved = Date.now();
  };
  for (const kind of ["pointerdown", "keydown", "scroll"]) addEventListener(kind, note, { passive: true });
  for (const form of forms) {
    form.addEventListener("input", (typed) => {
      if (typed.isTrusted && isKept(typed.target)) isDirty = true;
    });
    // What is sent needs no copy; should it come back with mistakes, the page holds it itself.
    form.addEventListener("submit", () => {
      isDirty = false;
      if (isStored) send("drop");
      isStored = false;
    });
  }
  lock.addEventListener("submit", () => {
    if (isDirty || isStored) lock.elements.kept.value = JSON.stringify(filled());
  });
  setInterval(() => {
    const now = Date.now();
    if (now - moved > (Number(lock.dataset.lock) - BEFORE) * 1000) lock.requestSubmit();
    else if (isDirty && now - copied > EVERY * 1000) {
      [isDirty, isStored, copied] = [false, true, now];
      send("keep");
    }
  }, 1000);
}
