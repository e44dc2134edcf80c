// A campaign: many seeds in the background, with what it has reached so far.

const WORDS = {
  none: "No campaign has run yet.",
  running: "Running.",
  shrinking: "The runs are made; failures are being shrunk.",
  done: "Ended.",
  failed: "Ended by an internal error.",
};
const PLOT = { width: 640, height: 220, left: 44, bottom: 34, top: 12, right: 12 };

class CampaignView {
  /** `design` returns the scenario and the guardrails that are taken out. */
  constructor(place, { design, complain }) {
    Object.assign(this, { place, design, complain });
    this.seeds = element("input", { id: "seeds", inputmode: "numeric", autocomplete: "off", maxlength: "12", value: "10000" });
    this.what = element("p");
    this.state = element("p", { class: "status", role: "status" });
    this.bar = element("progress", { "aria-label": "Runs", max: "1", value: "0" });
    this.goals = element("div");
    this.plot = element("div", { class: "plot" });
    this.groups = element("div");
    this.findings = element("div");
    place.replaceChildren(
      element(
        "section",
        { "aria-labelledby": "campaign-title" },
        element("h1", { id: "campaign-title" }, "Campaign"),
        this.what,
        element(
          "form",
          { class: "fields", onsubmit: (event) => this.start(event) },
          field("Seeds", this.seeds),
          element("button", { id: "start" }, "Start"),
          button("Stop", () => api.post("campaign/stop", {}), { id: "stop" }),
        ),
        this.state,
        this.bar,
        this.groups,
        this.findings,
        this.plot,
        this.goals,
      ),
    );
  }

  /** Follows the campaign of the server; once. */
  follow() {
    const { scenario, without } = this.design();
    this.what.replaceChildren(element("b", {}, scenario), ...without.map((out) => element("span", { class: "out" }, ` without ${out}`)));
    if (this.events) return;
    this.events = new EventSource("api/campaign/events");
    this.events.addEventListener("message", (event) => this.show(JSON.parse(event.data)));
  }

  async start(event) {
    event.preventDefault();
    this.complain("");
    const seeds = Number(this.seeds.value);
    if (!Number.isSafeInteger(seeds) || seeds < 1) return this.complain(`\`${this.seeds.value}\` is no number of seeds: expected a whole number from 1`);
    try {
      await api.post("campaign", { ...this.design(), seeds });
    } catch (error) {
      this.complain(error.message);
    }
  }

  show(progress) {
    const { state, scenario, without, runs, total, failing, goals } = progress;
    const reached = goals.filter((goal) => goal.reached > 0).length;
    const name = [scenario, ...without.map((out) => `without ${out}`)].join(" ");
    const many = (count) => count.toLocaleString("en");
    const of = state === "none" ? "" : ` ${name}: ${many(runs)} of ${many(total)} runs, ${many(failing)} failing, ${reached} of ${goals.length} goals reached.`;
    this.place.dataset.state = state;
    this.state.textContent = `${WORDS[state]}${of}`;
    if (progress.error) this.complain(progress.error);
    this.bar.max = Math.max(1, total);
    this.bar.value = runs;
    this.groups.replaceChildren(...this.failing(progress));
    // The markup comes from the renderer of reports, which escapes every text.
    if (this.shownFindings !== progress.findings) this.findings.innerHTML = progress.findings ?? "";
    this.shownFindings = progress.findings;
    this.plot.replaceChildren(...plot(progress.points, goals.length));
    this.goals.replaceChildren(...goalsTable(goals));
  }

  failing({ groups, findings }) {
    if (groups.length === 0 || findings) return [];
    const item = ({ invariant, runs }) => element("li", {}, element("code", {}, invariant), ` in ${runs === 1 ? "1 run" : `${runs} runs`}`);
    return [element("h2", {}, "Violated so far"), element("ul", {}, ...groups.map(item))];
  }
}

function goalsTable(goals) {
  if (goals.length === 0) return [];
  const row = ({ name, reached }) =>
    element("tr", {}, element("td", {}, name), element("td", { class: "number" }, reached === 0 ? "not yet" : reached.toLocaleString("en")));
  return [
    element("h2", {}, "Goals"),
    element(
      "div",
      { class: "scroll", tabindex: "0", role: "region", "aria-label": "Goals" },
      element(
        "table",
        {},
        element("thead", {}, element("tr", {}, element("th", { scope: "col" }, "Rare state"), element("th", { scope: "col", class: "number" }, "Runs that reached it"))),
        element("tbody", {}, ...goals.map(row)),
      ),
    ),
  ];
}

/** Returns the plot of goals and coverage over runs, in percent. */
function plot(points, goals) {
  if (points.length === 0) return [];
  const last = points.at(-1);
  const { width, height, left, bottom, top, right } = PLOT;
  const x = (runs) => left + (runs / Math.max(1, last.runs)) * (width - left - right);
  const y = (share) => top + (1 - share) * (height - top - bottom);
  const most = Math.max(1, last.offered);
  const path = (share) => [{ runs: 0, goals: 0, taken: 0 }, ...points].map((point) => `${x(point.runs).toFixed(1)},${y(share(point)).toFixed(1)}`).join(" ");
  const line = (share, name) => shape("polyline", { points: path(share), class: name });
  const label = (text, at) => {
    const made = shape("text", at);
    made.textContent = text;
    return made;
  };
  const percent = (part, whole) => `${part} of ${whole}`;
  const summary = `Goals reached: ${percent(last.goals, goals)}. Deviations taken at least once: ${percent(last.taken, last.offered)}.`;
  const drawing = shape("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `Over ${last.runs} runs. ${summary}` });
  for (const share of [0, 0.5, 1]) {
    drawing.append(shape("line", { class: "grid", x1: left, x2: width - right, y1: y(share), y2: y(share) }));
    drawing.append(label(`${share * 100} %`, { x: left - 6, y: y(share) + 4, "text-anchor": "end" }));
  }
  drawing.append(label("0", { x: left, y: height - 12, "text-anchor": "middle" }));
  drawing.append(label(`${last.runs.toLocaleString("en")} runs`, { x: width - right, y: height - 12, "text-anchor": "end" }));
  drawing.append(line(({ taken }) => taken / most, "coverage"), line((point) => point.goals / Math.max(1, goals), "goals"));
  const key = (name, text) => element("li", { class: name }, text);
  return [
    element("h2", {}, "Goals and coverage over runs"),
    drawing,
    element(
      "ul",
      { class: "legend" },
      key("goals", `goals reached: ${percent(last.goals, goals)}`),
      key("coverage", `deviations taken at least once: ${percent(last.taken, last.offered)}`),
    ),
  ];
}
