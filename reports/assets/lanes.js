// The picture of a run: a lane for each node, a line for each step, an arrow for each message. Only the visible
// lines are in the document, so that thousands of steps scroll smoothly.

const LINE = 34;
const SPARE_LINES = 8;
const LANE_WIDTH = { min: 13, max: 76, upright: 66, phone: 30 };
const PHONE = 600;

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children);
  return made;
}

function shape(tag, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

class Lanes {
  constructor(run, name, choose) {
    this.run = run;
    this.name = name;
    this.choose = choose;
    this.head = element("div", { class: "lane-names", "aria-hidden": "true" });
    this.drawing = shape("svg", { "aria-hidden": "true" });
    this.sheet = element("div", { class: "sheet" }, this.drawing);
    this.window = element(
      "div",
      { class: "lanes", role: "listbox", tabindex: "0", "aria-label": "Steps" },
      this.sheet,
    );
    this.window.addEventListener("scroll", () => this.draw(), { passive: true });
    new ResizeObserver(() => this.measure()).observe(this.window);
    this.element = element("div", { class: "stage" }, this.head, this.window);
  }

  /** Shows these steps. */
  show(shown) {
    const { run } = this;
    this.shown = shown;
    this.line = new Map(shown.map((at, line) => [at, line]));
    this.nodes = [...new Set(shown.map((at) => run.steps[at].node))].sort((a, b) => a - b);
    const isShown = (at) => this.line.has(at);
    this.arrows = shown.flatMap((at) =>
      run
        .causes(at, isShown)
        .filter(({ cause }) => run.steps[cause].node !== run.steps[at].node)
        .map(({ cause, direct }) => ({ from: this.line.get(cause), to: this.line.get(at), direct })),
    );
    this.sheet.style.height = `${shown.length * LINE}px`;
    this.measure();
  }

  /** Marks the selected step and scrolls it into view. */
  mark(at) {
    this.marked = at;
    const line = this.line.get(at);
    if (line === undefined) return;
    const { scrollTop, clientHeight } = this.window;
    if (line * LINE < scrollTop || (line + 1) * LINE > scrollTop + clientHeight) {
      this.window.scrollTop = Math.max(0, line * LINE - clientHeight / 2);
    }
    this.draw();
    this.window.setAttribute("aria-activedescendant", this.id(at));
  }

  /** Divides the width between lanes and text. */
  measure() {
    const width = this.window.clientWidth;
    if (!this.shown || width === 0) return;
    const [words, widest] = width < PHONE ? [190, LANE_WIDTH.phone] : [430, LANE_WIDTH.max];
    const fair = (width - words) / Math.max(1, this.nodes.length);
    this.lane = Math.min(widest, Math.max(LANE_WIDTH.min, fair));
    this.sheet.style.setProperty("--lanes", `${this.lane * this.nodes.length}px`);
    this.head.classList.toggle("narrow", this.lane < LANE_WIDTH.upright);
    this.head.replaceChildren(
      ...this.nodes.map((node) =>
        element("span", { style: `width:${this.lane}px` }, element("span", {}, this.run.nodes[node])),
      ),
    );
    this.draw();
  }

  draw() {
    if (!this.shown || this.lane === undefined) return;
    const first = Math.max(0, Math.floor(this.window.scrollTop / LINE) - SPARE_LINES);
    const count = Math.ceil(this.window.clientHeight / LINE) + 2 * SPARE_LINES;
    const last = Math.min(this.shown.length, first + count);
    const lines = this.shown.slice(first, last).map((at, line) => this.words(at, first + line));
    this.picture(first, last);
    this.sheet.replaceChildren(this.drawing, ...lines);
  }

  id(at) {
    return `${this.name}-step-${this.run.steps[at].n}`;
  }

  words(at, line) {
    const step = this.run.steps[at];
    const classes = ["line"];
    if (step.fault) classes.push("fault");
    if (this.run.shows.includes(step.n)) classes.push("shows");
    return element(
      "div",
      {
        class: classes.join(" "),
        id: this.id(at),
        role: "option",
        style: `top:${line * LINE}px`,
        "aria-selected": String(at === this.marked),
        "aria-setsize": this.shown.length,
        "aria-posinset": line + 1,
        onclick: () => this.choose(at),
      },
      element("time", {}, step.at),
      element(
        "span",
        { class: "what" },
        element("b", {}, this.run.nodes[step.node]),
        ` ${step.what}`,
        ...(step.why ? [element("span", { class: "because" }, ` ${step.why}`)] : []),
      ),
    );
  }

  /** Lanes, dots and arrows of the lines from `first` to `last`. */
  picture(first, last) {
    const [top, height] = [first * LINE, (last - first) * LINE];
    const x = (at) => (this.nodes.indexOf(this.run.steps[at].node) + 0.5) * this.lane;
    const y = (line) => (line + 0.5) * LINE - top;
    this.drawing.setAttribute("width", this.lane * this.nodes.length);
    this.drawing.setAttribute("height", height);
    this.drawing.style.top = `${top}px`;
    const parts = this.nodes.map((_, lane) => {
      const middle = (lane + 0.5) * this.lane;
      return shape("line", { class: "lane", x1: middle, x2: middle, y1: 0, y2: height });
    });
    for (const { from, to, direct } of this.arrows) {
      if (to < first || from >= last) continue;
      parts.push(...arrow(direct, [x(this.shown[from]), y(from)], [x(this.shown[to]), y(to)]));
    }
    for (let line = first; line < last; line += 1) {
      const at = this.shown[line];
      const [cx, cy, step] = [x(at), y(line), this.run.steps[at]];
      parts.push(
        step.fault
          ? shape("path", { class: "fault", d: `M${cx} ${cy - 7} l7 7 l-7 7 l-7 -7 z` })
          : shape("circle", { class: at === this.marked ? "dot marked" : "dot", cx, cy, r: at === this.marked ? 6 : 4 }),
      );
    }
    this.drawing.replaceChildren(...parts);
  }
}

function arrow(isDirect, [x1, y1], [x2, y2]) {
  const angle = Math.atan2(y2 - y1, x2 - x1);
  const [tipX, tipY] = [x2 - 5 * Math.cos(angle), y2 - 5 * Math.sin(angle)];
  const turn = `translate(${tipX} ${tipY}) rotate(${(angle * 180) / Math.PI})`;
  return [
    shape("line", { class: isDirect ? "message" : "message indirect", x1, y1, x2: tipX, y2: tipY }),
    shape("path", { class: "head", d: "M0 0 l-8 -3.5 v7 z", transform: turn }),
  ];
}
