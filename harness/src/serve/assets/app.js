// The page: a run of the script in its address, changed step by step.

/** The detail of a step lists at most this many choices. */
const CHOICES_MAX = 60;

class App {
  constructor(scenarios) {
    const find = (id) => document.getElementById(id);
    this.parts = { status: find("status"), problem: find("problem"), run: find("run"), beside: find("beside") };
    this.scenarios = scenarios;
    this.bench = new Bench(find("bench"), scenarios, {
      change: (parts, options) => this.change(parts, options),
      draw: (seed) => this.draw(seed),
      shrink: () => this.shrink(),
      edit: (text) => this.go({ script: text }, { focus: "#script" }),
    });
    this.campaign = new CampaignView(find("campaign"), {
      design: () => ({ scenario: this.run.scenario, without: this.run.without }),
      complain: (text) => this.complain(text),
    });
    this.taskOrder = element("input", { type: "checkbox", id: "task-order", onchange: () => this.go({ script: this.run.script }, { focus: "#task-order", keep: true }) });
    this.ofTaskOrder = element("label", { class: "switch" }, this.taskOrder, "also list choices of task order");
    addEventListener("popstate", () => this.visit());
    addEventListener("hashchange", () => this.follow());
    addEventListener("click", (event) => this.open(event));
  }

  /** Shows what the address says. */
  async visit() {
    const { script: text, against, seed, scenario, without, isCampaign } = address.read();
    this.choose(isCampaign);
    if (this.run && text === this.run.script && against === this.run.against) return;
    const first = scenario ?? this.scenarios[0].name;
    if (text !== undefined) await this.go({ script: text, against }, { keep: true });
    else if (seed !== undefined) await this.go({ seeded: { scenario: first, without, seed } }, { keep: true });
    else await this.go({ script: script.write({ scenario: first, without }) }, { keep: true });
    this.choose(isCampaign);
  }

  /** Chooses between the view of a run and that of a campaign. */
  choose(isCampaign) {
    this.isCampaign = isCampaign;
    document.body.dataset.view = isCampaign ? "campaign" : "run";
    this.bench.choose(isCampaign);
    for (const [id, isShown] of [["run", !isCampaign], ["campaign", isCampaign]]) {
      document.getElementById(id).hidden = !isShown;
      const link = document.getElementById(`to-${id}`);
      if (isShown) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
      link.href = address.of({ script: this.run?.script, isCampaign: id === "campaign" });
    }
    this.parts.beside.hidden = isCampaign || !this.run?.beside;
    if (isCampaign && this.run) this.campaign.follow();
  }

  /** Follows a link within the page without loading it again. */
  open(event) {
    const link = event.target.closest("a[href^='?']");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    history.pushState(null, "", link.getAttribute("href"));
    this.visit().then(() => this.isCampaign || this.parts.status.focus());
  }

  /** Runs the script at hand with some parts changed. */
  change(parts, { focus, compare = false, fresh = false }) {
    const { scenario, without, variant, deviations } = this.run;
    const now = { scenario, without, variant, deviations: deviations.map(({ text }) => text) };
    const next = parts.scenario ? { scenario: parts.scenario } : { ...now, ...(fresh ? { deviations: [] } : {}), ...parts };
    return this.go({ script: script.write(next), against: compare ? this.run.script : undefined }, { focus });
  }

  draw(seed) {
    const { scenario, without } = this.run;
    return this.go({ seeded: { scenario, without, seed } }, { focus: "#status" });
  }

  async shrink() {
    try {
      this.parts.status.textContent = "Shrinking.";
      const shrunk = await api.post("shrink", { script: this.run.script });
      await this.go({ script: shrunk.script }, { focus: "#status" });
    } catch (error) {
      this.complain(error.message);
    }
  }

  complain(text) {
    this.parts.problem.textContent = text;
  }

  /** Makes a run and shows it. A later request wins over an earlier one. */
  async go({ script: text, seeded, against }, { focus, keep = false }) {
    const turn = (this.turn = (this.turn ?? 0) + 1);
    const began = performance.now();
    this.complain("");
    try {
      const run = await api.post("run", { script: text, seeded, against, taskOrder: this.taskOrder.checked });
      if (turn !== this.turn) return;
      run.against = against;
      this.show(run, performance.now() - began);
      const target = address.of({ ...run, isCampaign: this.isCampaign }) + location.hash;
      if (keep) history.replaceState(null, "", target);
      else history.pushState(null, "", target);
      this.choose(this.isCampaign);
      if (focus) document.querySelector(focus)?.focus();
    } catch (error) {
      if (turn === this.turn) this.complain(error.message);
    }
  }

  show(run, took) {
    const step = links.read()?.step;
    const story = this.explorer?.filter.story;
    this.run = run;
    this.bench.show(run);
    this.byStep = Map.groupBy(run.offers.choices, (choice) => choice.step);
    // The markup comes from the renderer of reports, which escapes every text.
    this.parts.run.innerHTML = run.article;
    this.parts.run.dataset.digest = run.digest;
    links.ready = false;
    const article = this.parts.run.querySelector("article");
    // Steps are what is changed here: they come before what a reader of a report wants to know first.
    article.querySelector("header").after(article.querySelector(".explorer"));
    this.explorer = new Explorer(article, (at, explorer) => this.whatIf(at, explorer));
    if (story === false) this.explorer.change({ story });
    if (step !== undefined) this.explorer.go(this.explorer.closest(this.explorer.run.nearest(step)));
    links.ready = true;
    this.showBeside(run.beside);
    const verdict = run.violations.length === 0 ? "Held" : `Violated: ${[...new Set(run.violations.map(({ invariant }) => invariant))].join(", ")}`;
    const count = run.deviations.length;
    this.parts.status.textContent = `${verdict}. ${count === 0 ? "The happy path" : count === 1 ? "1 deviation" : `${count} deviations`}, ${run.steps} steps, shown in ${Math.round(took)} ms.`;
    this.parts.status.className = `status ${run.violations.length === 0 ? "good" : "bad"}`;
    document.title = `${run.scenario}: ${run.violations[0]?.message ?? "held"} · Shakedown`;
  }

  showBeside(beside) {
    this.parts.beside.hidden = !beside;
    if (!beside) return this.parts.beside.replaceChildren();
    this.parts.beside.innerHTML = beside;
    this.parts.beside.tabIndex = -1;
    const close = () => this.go({ script: this.run.script }, { focus: "#status" });
    this.parts.beside.prepend(
      element("div", { class: "part" }, element("h2", { id: "beside-title" }, "Beside the run before the change"), button("Close", close, { "aria-label": "Close the comparison" })),
    );
  }

  /** Follows a link to a step. */
  follow() {
    const link = links.read();
    if (link && location.hash !== links.written) this.explorer?.visit(link.step);
  }

  /** What a step offers: those choices that are met during it, and until the next step that is shown. */
  whatIf(at, explorer) {
    const { steps } = explorer.run;
    const next = explorer.shown[explorer.shown.indexOf(at) + 1];
    const [first, end] = [steps[at].n, next === undefined ? Infinity : steps[next].n];
    const choices = [...this.byStep].filter(([step]) => step >= first && step < end).flatMap(([, some]) => some);
    const here = choices.filter((choice) => choice.step === first);
    const later = choices.filter((choice) => choice.step !== first);
    const list = (title, some) =>
      some.length === 0 ? [] : [element("h4", {}, title), element("ul", { class: "choices" }, ...some.slice(0, CHOICES_MAX).map((choice) => this.choice(choice)))];
    const more = [here, later].map((some) => Math.max(0, some.length - CHOICES_MAX)).reduce((a, b) => a + b);
    return [
      ...list("What if: choices at this step", here),
      ...list("Choices until the next step that is shown", later),
      ...(choices.length === 0 ? [element("p", { class: "aside" }, "No choice is offered at this step.")] : []),
      ...(more > 0 ? [element("p", { class: "aside" }, `${more} further choices: the script completes them.`)] : []),
      this.ofTaskOrder,
    ];
  }

  choice(choice) {
    const { name, alternatives } = this.run.offers.sites[choice.site];
    const id = `${name} @ ${choice.scope} #${choice.nth}`;
    const taken = choice.taken ?? alternatives[0];
    const shown = alternatives.includes(taken) ? alternatives : [...alternatives, taken];
    const take = (alternative) => {
      const texts = this.run.deviations.map(({ text }) => text);
      const deviations = script.change(texts, id, alternative === alternatives[0] ? undefined : alternative);
      return this.change({ deviations }, { focus: "#run [role='listbox']", compare: true });
    };
    const one = (alternative) =>
      button(alternative, () => take(alternative), { "aria-pressed": String(alternative === taken), "aria-label": `${id} = ${alternative}` });
    return element("li", {}, element("code", {}, id), element("span", { class: "alternatives" }, ...shown.map(one)));
  }
}

const app = new App(await api.get("catalogue"));
addEventListener("keydown", (event) => {
  const isTaken = event.target.closest("input, select, textarea, button, [role='listbox'], .detail, pre");
  if (!isTaken && !app.isCampaign && (event.key === "ArrowLeft" || event.key === "ArrowRight")) app.explorer?.key(event);
});
await app.visit();
document.body.dataset.ready = "true";
