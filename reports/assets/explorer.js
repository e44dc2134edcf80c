// Stepping through a run: the scrubber, the filters, the details of a step, and links to steps.

const ROWS_MAX = 8;
const LINK_DELAY_MS = 150;
const TURNS = { ArrowUp: -1, ArrowLeft: -1, ArrowDown: 1, ArrowRight: 1, PageUp: -10, PageDown: 10 };

class Explorer {
  /** Mounts into an article. `more` returns further elements for the details of the step at a position. */
  constructor(article, more = () => []) {
    this.article = article;
    this.more = more;
    this.number = Number(article.dataset.run);
    this.run = new Run(JSON.parse(article.querySelector("script[type='application/json']").textContent));
    this.filter = { story: this.run.steps.some((step) => step.story), entity: "", node: "" };
    this.build();
    this.refresh();
    this.go(this.beginning());
  }

  build() {
    const name = `run-${this.number}`;
    this.lanes = new Lanes(this.run, name, (at) => this.go(at));
    this.story = element("input", { type: "checkbox", onchange: () => this.change({ story: this.story.checked }) });
    this.entity = this.choice("Entity", "all entities", this.run.entities, "entity");
    this.node = this.choice("Node", "all nodes", this.run.nodes, "node");
    this.scrubber = element("input", {
      type: "range",
      min: 0,
      "aria-label": "Step",
      oninput: () => this.go(this.shown[Number(this.scrubber.value)]),
    });
    this.where = element("output", { class: "where" });
    this.detail = element("div", { class: "detail", role: "region", "aria-label": this.number === 1 ? "The step" : `The step of run ${this.number}`, tabindex: "0" });
    const turn = (by, text, label) =>
      element("button", { type: "button", "aria-label": label, onclick: () => this.turn(by) }, text);
    this.article.querySelector(".mount").replaceChildren(
      element(
        "div",
        { class: "controls" },
        element("label", { class: "switch" }, this.story, "only the steps of the story"),
        this.entity.label,
        this.node.label,
      ),
      element(
        "div",
        { class: "scrub" },
        turn(-1, "←", "Previous step"),
        this.scrubber,
        turn(1, "→", "Next step"),
        this.where,
      ),
      element("div", { class: "view" }, this.lanes.element, this.detail),
      element("p", { class: "aside" }, "Arrow keys move by one step, Home and End jump; the address of the page names the step. A dashed arrow goes through steps of other nodes that are not shown."),
    );
    this.lanes.window.addEventListener("keydown", (event) => this.key(event));
    this.story.disabled = !this.filter.story;
  }

  choice(label, all, values, key) {
    const options = ["", ...values].map((value) => element("option", { value }, value || all));
    const select = element("select", { onchange: () => this.change({ [key]: select.value }) }, ...options);
    return { select, label: element("label", {}, `${label} `, select) };
  }

  change(change) {
    Object.assign(this.filter, change);
    this.refresh();
    this.go(this.closest(this.at));
  }

  /** Applies the filter. */
  refresh() {
    this.story.checked = this.filter.story;
    this.entity.select.value = this.filter.entity;
    this.node.select.value = this.filter.node;
    this.shown = this.run.shown(this.filter);
    this.scrubber.max = Math.max(0, this.shown.length - 1);
    this.lanes.show(this.shown);
  }

  /** Returns the first step with a deviation, or the first one. */
  beginning() {
    return this.shown.find((at) => this.run.steps[at].fault) ?? this.shown[0];
  }

  /** Returns the shown step that is closest to this one. */
  closest(at) {
    const nearer = (best, other) => (Math.abs(other - at) < Math.abs(best - at) ? other : best);
    return this.shown.length > 0 ? this.shown.reduce(nearer) : undefined;
  }

  turn(by) {
    const line = Math.min(this.shown.length - 1, Math.max(0, this.shown.indexOf(this.at) + by));
    this.go(this.shown[line]);
  }

  /** Handles a key. */
  key(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key in TURNS) this.turn(TURNS[event.key]);
    else if (event.key === "Home") this.go(this.shown[0]);
    else if (event.key === "End") this.go(this.shown.at(-1));
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** Selects a step. */
  go(at) {
    if (at === undefined) {
      this.where.textContent = "no step matches these filters";
      this.detail.replaceChildren();
      return;
    }
    this.at = at;
    const [step, line] = [this.run.steps[at], this.shown.indexOf(at)];
    this.scrubber.value = line;
    const sentence = `${this.run.nodes[step.node]} ${step.what}`;
    this.scrubber.setAttribute("aria-valuetext", `step ${step.n}, ${step.at}: ${sentence}`);
    this.where.textContent = `${line + 1} of ${this.shown.length} · step ${step.n} of ${this.run.total} · ${step.at}`;
    this.lanes.mark(at);
    this.detail.replaceChildren(...this.describe(at));
    links.write(this.number, step.n);
  }

  /** Follows a link. If the filters hide the step, it resets them. */
  visit(n) {
    const at = this.run.nearest(n);
    if (!this.shown.includes(at)) {
      Object.assign(this.filter, { story: false, entity: "", node: "" });
      this.refresh();
    }
    this.go(at);
    this.article.querySelector(".explorer").scrollIntoView();
    this.lanes.window.focus({ preventScroll: true });
  }

  describe(at) {
    const step = this.run.steps[at];
    const item = (term, ...values) => [element("dt", {}, term), element("dd", {}, ...values)];
    const facts = [...item("entity", step.scope === "-" ? "none" : step.scope), ...item("kind", step.kind)];
    if (step.choice) {
      const { site, taken, alternatives, source } = step.choice;
      facts.push(...item("choice", element("code", {}, site)), ...item("alternative", taken, `, of ${alternatives.join(" | ")}`));
      if (source) facts.push(...item("made at", element("code", {}, source)));
    }
    if (step.causes.length > 0) facts.push(...item("follows from", ...step.causes.map((cause) => this.link(cause))));
    const leads = this.run.leads[at].slice(0, ROWS_MAX);
    if (leads.length > 0) facts.push(...item("leads to", ...leads.map((effect) => this.link(effect))));
    return [
      element("h3", {}, element("b", {}, this.run.nodes[step.node]), ` ${step.what}`),
      ...(step.why ? [element("p", { class: "because" }, step.why)] : []),
      element("dl", {}, ...facts),
      ...this.more(at, this),
      ...this.rows(at),
    ];
  }

  link(at) {
    const step = this.run.steps[at];
    const title = `${this.run.nodes[step.node]} ${step.what}`;
    return element("a", { href: links.to(this.number, step.n), title }, `step ${step.n}`);
  }

  rows(at) {
    const rows = this.run.rowsAt(at);
    if (rows.length === 0) return [];
    const more = rows.length > ROWS_MAX ? `, the ${ROWS_MAX} changed last of ${rows.length}` : "";
    return [element("h4", {}, `Rows at this step${more}`), ...rows.slice(0, ROWS_MAX).map(row)];
  }
}

/** Returns a row with the fields marked that this step changed. */
function row({ kind, node, value, before, isNow }) {
  const raw = (field) => (typeof field === "string" ? field : JSON.stringify(field));
  const fields = Object.entries(value ?? before ?? {}).map(([name, field]) => {
    const was = before?.[name] ?? null;
    const changed = isNow && value !== null && raw(was) !== raw(field);
    const [text, old] = [readable(name, field) ?? raw(field), readable(name, was) ?? raw(was)];
    const title = text === raw(field) ? false : raw(field);
    const shown = changed ? element("mark", {}, before ? `${old} → ${text}` : text) : text;
    return element("li", { class: changed ? "changed" : false, title }, element("span", {}, `${name} `), shown);
  });
  const news = !isNow ? "" : value === null ? "deleted" : before ? "changed" : "new";
  return element(
    "div",
    { class: isNow ? "row now" : "row" },
    element("p", {}, element("b", {}, kind), ` in ${node} `, element("em", {}, news)),
    element("ul", {}, ...fields),
  );
}

/** Links to steps: `#step=37`, and `#run=2&step=37` on a page of several runs. */
const links = {
  to: (run, step) => (run === 1 ? `#step=${step}` : `#run=${run}&step=${step}`),
  read() {
    const parts = new URLSearchParams(location.hash.slice(1));
    const [run, step] = [Number(parts.get("run") ?? 1), Number.parseInt(parts.get("step") ?? "", 10)];
    return Number.isNaN(step) ? undefined : { run, step };
  },
  /** Updates the address, not more often than browsers allow. */
  write(run, step) {
    if (!this.ready || this.written === this.to(run, step)) return;
    clearTimeout(this.due);
    this.due = setTimeout(() => {
      this.written = this.to(run, step);
      location.replace(this.written);
    }, LINK_DELAY_MS);
  },
};
