// Draws the links between lots that stand in lanes, and dims what is not on the ways of a chosen one.
const SVG = "http://www.w3.org/2000/svg";

const readLinks = (box) => JSON.parse(box.dataset.links || "[]");

function place(lanes, node) {
  const own = node.getBoundingClientRect();
  const base = lanes.getBoundingClientRect();
  return {
    left: own.left - base.left,
    right: own.right - base.left,
    middle: own.top - base.top + Math.min(own.height, 60) / 2,
  };
}

// What a closed list holds keeps its place in the layout: only the list says that it is not shown.
const isFolded = (node) => !node.offsetParent || node.closest("details:not([open])") !== null;

function curve(from, to) {
  if (to.left > from.right) {
    const half = (to.left - from.right) / 2;
    return `M${from.right} ${from.middle}C${from.right + half} ${from.middle} ` +
      `${to.left - half} ${to.middle} ${to.left} ${to.middle}`;
  }
  // Rework runs back: an arc below.
  const low = Math.max(from.middle, to.middle) + 50;
  return `M${from.right} ${from.middle}C${from.right + 40} ${low} ${to.left - 40} ${low} ` +
    `${to.left} ${to.middle}`;
}

function ways(links, start) {
  const found = new Set([start]);
  for (const [near, far] of [["from", "to"], ["to", "from"]]) {
    const open = [start];
    const seen = new Set(open);
    while (open.length) {
      const here = open.pop();
      for (const link of links) {
        if (link[near] === here && !seen.has(link[far])) {
          seen.add(link[far]);
          found.add(link[far]);
          open.push(link[far]);
        }
      }
    }
  }
  return found;
}

export function drawLinks(box) {
  const lanes = box.querySelector(".lanes");
  const links = readLinks(box);
  const nodes = new Map([...lanes.querySelectorAll("[data-node]")].map((n) => [n.dataset.node, n]));
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "links");
  svg.setAttribute("aria-hidden", "true");
  lanes.prepend(svg);
  const paths = [];

  const draw = () => {
    svg.setAttribute("width", lanes.scrollWidth);
    svg.setAttribute("height", lanes.scrollHeight);
    svg.replaceChildren();
    paths.length = 0;
    for (const link of links) {
      const from = nodes.get(link.from);
      const to = nodes.get(link.to);
      if (!from || !to || isFolded(from) || isFolded(to)) continue;
      const path = document.createElementNS(SVG, "path");
      path.setAttribute("d", curve(place(lanes, from), place(lanes, to)));
      path.setAttribute("stroke-width", link.width ?? 1.5);
      if (link.certainty !== "recorded") path.classList.add("possible");
      svg.append(path);
      paths.push([link, path]);
    }
  };

  const light = (id) => {
    const on = id === null ? null : ways(links, id);
    for (const [key, node] of nodes) node.classList.toggle("dim", on !== null && !on.has(key));
    for (const [link, path] of paths) {
      const lit = on !== null && on.has(link.from) && on.has(link.to);
      path.classList.toggle("lit", lit);
      path.classList.toggle("dim", on !== null && !lit);
    }
  };

  for (const [key, node] of nodes) {
    node.addEventListener("pointerenter", () => light(key));
    node.addEventListener("pointerleave", () => light(null));
    node.addEventListener("focus", () => light(key));
    node.addEventListener("blur", () => light(null));
  }
  lanes.addEventListener("keydown", (press) => {
    const here = document.activeElement?.dataset?.node;
    if (!here) return;
    const next = step(lanes, document.activeElement, press.key);
    if (next) {
      press.preventDefault();
      next.focus();
    }
  });
  for (const more of lanes.querySelectorAll("details")) more.addEventListener("toggle", draw);
  new ResizeObserver(draw).observe(lanes);
  draw();
  // A long chain begins in the middle, where the lot itself stands.
  const focus = lanes.querySelector(".cur");
  if (focus) box.scrollLeft = focus.closest(".lane").offsetLeft - (box.clientWidth - 190) / 2;
}

function step(lanes, node, key) {
  const columns = [...lanes.querySelectorAll(".lane")];
  const column = node.closest(".lane");
  const at = columns.indexOf(column);
  const siblings = [...column.querySelectorAll("[data-node]")];
  const row = siblings.indexOf(node);
  if (key === "ArrowDown") return siblings[row + 1];
  if (key === "ArrowUp") return siblings[row - 1];
  const side = key === "ArrowRight" ? 1 : key === "ArrowLeft" ? -1 : 0;
  if (!side) return null;
  for (let n = at + side; n >= 0 && n < columns.length; n += side) {
    const others = [...columns[n].querySelectorAll("[data-node]")];
    if (others.length) return others[Math.min(row, others.length - 1)];
  }
  return null;
}
