// The explorer of a data set: a map of objects, a box for queries, and a row of cards that answers them.
// All that it shows is in the page; nothing is loaded.
"use strict";

const REACH = 14; // pixels from a point within which the pointer means it
const MOST = 100; // cards in a row
const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

function element(tag, className, text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

function counted(count, noun) {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

class Explorer {
  constructor(root) {
    const { ids, labels, neighbours, pictured } = JSON.parse(root.querySelector("script").textContent);
    Object.assign(this, { root, ids, labels, neighbours, pictured: new Set(pictured) });
    this.map = root.querySelector(".map");
    this.status = root.querySelector("[role=status]");
    this.cards = root.querySelector(".cards");
    this.points = [...root.querySelectorAll("circle")];
    this.pointOf = new Map(this.points.map((point) => [Number(point.dataset.row), point]));
    this.prepare();
    this.listen();
  }

  /** Show what only works with a script, and make the points buttons, one of which the Tab key reaches. */
  prepare() {
    this.root.classList.add("live");
    for (const hidden of this.root.querySelectorAll("[hidden]")) hidden.hidden = false;
    this.map.setAttribute("role", "group");
    for (const [row, point] of this.pointOf) {
      point.querySelector("title").remove(); // the hint says more
      point.setAttribute("role", "button");
      point.setAttribute("aria-label", this.name(row));
      point.setAttribute("tabindex", -1);
    }
    this.points[0].setAttribute("tabindex", 0);
  }

  listen() {
    this.root.querySelector("form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.ask(event.target.elements.query.value);
    });
    for (const button of this.root.querySelectorAll(".legend button")) {
      button.addEventListener("click", () => this.showClass(button.value));
    }
    this.map.addEventListener("pointermove", (event) => this.hint(this.pointNear(event)));
    this.map.addEventListener("pointerleave", () => this.hint());
    this.map.addEventListener("click", (event) => this.choose(this.pointNear(event)));
    this.map.addEventListener("focusin", ({ target }) => {
      if (target.matches(":focus-visible")) this.hint(target); // not after a click, which has its hint
    });
    this.map.addEventListener("focusout", () => this.hint());
    this.map.addEventListener("keydown", (event) => this.press(event));
  }

  /** Answer a typed query: a class, or the id of an object. */
  ask(typed) {
    const query = typed.trim().toLowerCase();
    const same = (name) => name.toLowerCase() === query;
    const label = query && this.labels.find(same);
    const row = this.ids.findIndex(same);
    if (label) this.showClass(label);
    else if (row >= 0) this.showNeighbours(row);
    else this.answer(`“${typed.trim()}” is neither a class nor the id of an object on the map.`, []);
  }

  showNeighbours(row) {
    const near = this.neighbours[row];
    this.answer(`${this.name(row)} and its ${counted(near.length, "nearest neighbour")}`, [row, ...near], row);
  }

  /** Show the objects of a class; those with the empty label have none. */
  showClass(label) {
    const rows = [...this.ids.keys()].filter((row) => this.labels[row] === label);
    const first = rows.length > MOST ? `, the first ${MOST} as cards` : "";
    this.answer(`${label || "unlabelled"}: ${counted(rows.length, "object")}${first}`, rows);
  }

  /** Say something, with cards of objects that the map highlights too; `query` is the one asked about. */
  answer(text, rows, query = -1) {
    this.status.textContent = text;
    this.cards.replaceChildren(...rows.slice(0, MOST).map((row) => this.card(row, query)));
    this.cards.scrollLeft = 0;
    for (const point of this.points) point.classList.remove("found", "query");
    for (const row of rows) this.pointOf.get(row).classList.add("found");
    this.pointOf.get(query)?.classList.add("query");
    this.map.classList.toggle("asked", rows.length > 0);
  }

  /** A card that shows its object's neighbours when clicked. */
  card(row, query) {
    const label = this.labels[row];
    const kin = label === this.labels[query] ? "same" : "other";
    const kind = row === query ? "query" : query >= 0 && label ? kin : "unlabelled";
    const card = element("button", `card ${kind}`);
    card.type = "button";
    card.title = this.ids[row];
    card.append(this.picture(row), label || "–");
    card.addEventListener("click", () => this.showNeighbours(row));
    return card;
  }

  picture(row) {
    const known = this.pictured.has(row);
    const picture = element("span", `picture ${this.root.id}-${row}`, known ? "" : "no picture");
    picture.setAttribute("role", "img");
    picture.setAttribute("aria-label", this.ids[row]);
    return picture;
  }

  name(row) {
    return `${this.ids[row]} (${this.labels[row] || "unlabelled"})`;
  }

  /** Show a point's object beside it, or nothing. */
  hint(point) {
    if (point === this.hinted) return; // else the picture would begin to turn again
    this.hinted = point;
    this.root.querySelector(".hint")?.remove();
    if (point) this.showHint(point);
  }

  showHint(point) {
    const row = Number(point.dataset.row);
    const hint = element("div", "hint");
    const label = element("b", "", this.labels[row] || "unlabelled");
    hint.append(this.picture(row), label, element("div", "", this.ids[row]));
    this.root.append(hint);
    const [at, frame] = [point.getBoundingClientRect(), this.root.getBoundingClientRect()];
    const right = at.right + 10 + hint.offsetWidth <= frame.right;
    const left = right ? at.right + 10 : Math.max(at.left - 10 - hint.offsetWidth, frame.left);
    hint.style.left = `${left - frame.left}px`;
    hint.style.top = `${at.top - frame.top - hint.offsetHeight / 2}px`;
  }

  /** The point nearest to the pointer, if it is within reach. */
  pointNear({ clientX, clientY }) {
    const toMap = this.map.getScreenCTM().inverse();
    const { x, y } = new DOMPoint(clientX, clientY).matrixTransform(toMap);
    const distance = (point) => Math.hypot(point.cx.baseVal.value - x, point.cy.baseVal.value - y);
    const nearest = this.points.reduce((best, point) => (distance(point) < distance(best) ? point : best));
    return distance(nearest) <= REACH * toMap.a ? nearest : undefined;
  }

  choose(point) {
    if (point) this.showNeighbours(Number(point.dataset.row));
  }

  /** Enter and Space choose a point; arrow keys go from one to the next, class by class. */
  press(event) {
    if (event.key === "Enter" || event.key === " ") this.choose(event.target);
    else if (event.key in STEPS) this.step(event.target, STEPS[event.key]);
    else return;
    event.preventDefault();
  }

  step(point, by) {
    const next = this.points.at((this.points.indexOf(point) + by) % this.points.length);
    point.setAttribute("tabindex", -1);
    next.setAttribute("tabindex", 0);
    next.focus();
  }
}

for (const root of document.querySelectorAll(".explorer")) new Explorer(root);
