// Small conveniences; every page works without them.
import { drawLinks } from "/static/lanes.js";

const isTyping = () => document.activeElement?.matches("input, textarea, select") ?? false;

document.addEventListener("keydown", (press) => {
  if (press.key === "/" && !isTyping() && !press.ctrlKey && !press.metaKey && !press.altKey) {
    const box = document.getElementById("find");
    if (box) {
      press.preventDefault();
      box.focus();
      box.select();
    }
  }
});

// A page that came back with mistakes begins at their summary.
document.querySelector("[data-focus]")?.focus();

// A second press sends nothing twice: a double click on "Release" is one decision.
for (const form of document.querySelectorAll("form[method=post]")) {
  form.addEventListener("submit", (sent) => {
    if (form.dataset.sent) sent.preventDefault();
    form.dataset.sent = "yes";
  });
}
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

// Fields that depend on others; the evaluator is fetched only by forms that have some.
const conditional = new Set([...document.querySelectorAll("[data-field]")].map((box) => box.closest("form")));
if (conditional.size) {
  const { follow } = await import("/static/conditions.js");
  conditional.forEach(follow);
}

for (const box of document.querySelectorAll("[data-lanes]")) drawLinks(box);

// What goes on in the background is shown as it goes on, until it is over.
async function keepUp(box) {
  if (box.dataset.over === "yes") return;
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const answer = await fetch(box.dataset.follow).catch(() => null);
  const page = new DOMParser().parseFromString(answer?.ok ? await answer.text() : "", "text/html");
  const fresh = page.getElementById(box.id);
  if (fresh) {
    box.dataset.over = fresh.dataset.over;
    box.replaceChildren(...fresh.childNodes);
  }
  keepUp(box);
}
for (const box of document.querySelectorAll("[data-follow]")) keepUp(box);
