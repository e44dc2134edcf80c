// What a run is made of: scenario, parameters, guardrails, deviations, and the seed that draws one.

class Bench {
  /** `change` receives the parts of another script, and what to focus when its run is shown. */
  constructor(place, scenarios, { change, draw, shrink, edit }) {
    Object.assign(this, { place, scenarios, change, draw, shrink });
    this.scenario = element(
      "select",
      { id: "scenario", onchange: () => this.change({ scenario: this.scenario.value }, { focus: "#scenario", fresh: true }) },
      ...scenarios.map(({ name }) => element("option", { value: name }, name)),
    );
    this.about = element("p", { class: "aside" });
    this.parameters = element("div", { class: "fields" });
    this.guardrails = element("div", { class: "guardrails" });
    this.guardrailsTitle = element("summary", {}, "Guardrails");
    this.seed = element("input", { id: "seed", inputmode: "numeric", autocomplete: "off", maxlength: "20", value: "1" });
    this.facts = element("div", { class: "facts-of-script" });
    this.editor = new Editor({ run: edit });
    this.shrinkButton = button("Shrink", () => this.shrink(), { id: "shrink", title: "Find the least script with this violation" });
    this.title = element("h2", { id: "bench-title" }, "Choose a run");
    place.replaceChildren(
      element(
        "section",
        { class: "card", "aria-labelledby": "bench-title" },
        this.title,
        element("div", { class: "fields" }, field("Scenario", this.scenario)),
        this.about,
        this.parameters,
        element("details", { class: "set-of-guardrails" }, this.guardrailsTitle, this.guardrails),
        element(
          "form",
          { class: "fields of-run", onsubmit: (event) => this.submit(event) },
          field("Seed", this.seed),
          element("button", { id: "draw" }, "Run the seed"),
          button("Happy path", () => this.change({ deviations: [] }, { focus: "#status" }), { id: "happy" }),
        ),
      ),
      element(
        "section",
        { class: "card of-run", "aria-labelledby": "script-title" },
        element("h2", { id: "script-title" }, "Script"),
        this.facts,
        this.editor.element,
        element(
          "div",
          { class: "fields" },
          button("Run the script", () => this.editor.run(), { id: "run-script" }),
          this.shrinkButton,
          button("Copy link", (event) => copyLink(event.currentTarget), { id: "copy" }),
        ),
      ),
    );
  }

  /** Names the choice that the view offers: a run, or a campaign. */
  choose(isCampaign) {
    this.title.textContent = isCampaign ? "Choose a campaign" : "Choose a run";
  }

  submit(event) {
    event.preventDefault();
    this.draw(this.seed.value);
  }

  /** Shows what the run was made of. */
  show(run) {
    this.run = run;
    const scenario = this.scenarios.find(({ name }) => name === run.scenario);
    this.scenario.value = run.scenario;
    this.about.textContent = scenario.about;
    this.parameters.replaceChildren(...scenario.parameters.map((parameter) => this.parameter(parameter)));
    this.guardrails.replaceChildren(...this.systems(scenario.guardrails));
    this.guardrailsTitle.textContent = `Guardrails: ${run.without.length === 0 ? "all in place" : `${run.without.length} taken out`}`;
    this.facts.replaceChildren(...this.missing(scenario.guardrails), ...this.deviations());
    this.shrinkButton.hidden = run.violations.length === 0 || run.deviations.length < 2;
    this.editor.show(run.script, this.completions(scenario));
  }

  parameter({ name, about, values }) {
    const chosen = this.run.variant.find(([known]) => known === name)?.[1];
    const id = `parameter-${name}`;
    const set = (value) => {
      const variant = this.run.variant.map(([known, old]) => [known, known === name ? value : old]);
      this.change({ variant }, { focus: `#${CSS.escape(id)}`, fresh: true });
    };
    const options = values.map((value) => element("option", { value, selected: value === chosen }, value));
    const select = element("select", { id, title: about, onchange: (event) => set(event.target.value) }, ...options);
    return field(name, select);
  }

  systems(guardrails) {
    const systems = [...new Set(guardrails.map(({ system }) => system))];
    return systems.map((system) =>
      element(
        "fieldset",
        {},
        element("legend", {}, system),
        ...guardrails.filter((guardrail) => guardrail.system === system).map((guardrail) => this.guardrail(guardrail)),
      ),
    );
  }

  guardrail({ name, about, forms }) {
    const missing = this.run.without.find((out) => forms.some((form) => form.name === out)) ?? "";
    const id = `guardrail-${name}`;
    const set = (form) => {
      const others = this.run.without.filter((out) => out !== missing);
      this.change({ without: form === "" ? others : [...others, form] }, { focus: `#${CSS.escape(id)}`, compare: true });
    };
    const option = (value, text) => element("option", { value, selected: value === missing }, text);
    const select = element(
      "select",
      { id, onchange: (event) => set(event.target.value) },
      option("", "in place"),
      ...forms.map((form) => option(form.name, `${form.name.includes(":") ? `${form.name.split(":")[1]}: ` : "without: "}${form.about}`)),
    );
    return element("div", { class: "guardrail" }, element("label", { for: id }, element("b", {}, name), ` ${about}`), select);
  }

  /** The guardrails that are taken out, each with a button that puts it back. */
  missing(guardrails) {
    return this.run.without.map((out) => {
      const form = guardrails.flatMap(({ forms }) => forms).find(({ name }) => name === out);
      const without = this.run.without.filter((other) => other !== out);
      const back = () => this.change({ without }, { focus: "#beside", compare: true });
      return element(
        "div",
        { class: "part" },
        element("p", {}, element("b", { class: "out" }, `without ${out}`), form ? ` ${form.about}` : ""),
        button("Put back", back, { "aria-label": `Put back ${out}` }),
      );
    });
  }

  deviations() {
    const { deviations } = this.run;
    if (deviations.length === 0) return [element("p", {}, "The happy path: nothing goes wrong.")];
    const texts = deviations.map(({ text }) => text);
    const item = ({ text, isOffered }, at) => {
      const remove = () =>
        this.change({ deviations: texts.filter((_, other) => other !== at) }, { focus: "#status", compare: true });
      return element(
        "li",
        { class: "part" },
        element("p", {}, element("code", {}, text), isOffered ? "" : element("em", {}, " not offered in this run")),
        button("Remove", remove, { "aria-label": `Remove ${text}` }),
      );
    };
    return [element("p", {}, "The happy path, except:"), element("ol", { class: "parts-of-script" }, ...deviations.map(item))];
  }

  /** Returns the lines that a script may have. */
  completions({ guardrails, parameters }) {
    const { sites, choices } = this.run.offers;
    const deviations = choices.flatMap((choice) => {
      const { name, alternatives } = sites[choice.site];
      return alternatives.slice(1).map((alternative) => script.deviation(name, choice, alternative));
    });
    return [
      ...this.scenarios.map(({ name }) => `scenario ${name}`),
      ...guardrails.flatMap(({ forms }) => forms.map(({ name }) => `without ${name}`)),
      ...parameters.flatMap(({ name, values }) => values.map((value) => `variant ${name}=${value}`)),
      ...deviations,
    ];
  }
}

function button(text, onclick, attributes = {}) {
  return element("button", { type: "button", onclick, ...attributes }, text);
}

function field(text, input) {
  return element("div", { class: "field" }, element("label", { for: input.id }, text), input);
}

async function copyLink(pressed) {
  await navigator.clipboard.writeText(location.href).then(
    () => (pressed.textContent = "Copied"),
    () => (pressed.textContent = "Copy it from the address bar"),
  );
  setTimeout(() => (pressed.textContent = "Copy link"), 2000);
}
