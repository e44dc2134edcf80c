// The script as text, with completion: what may stand in the line at hand, by any part of its words.

const COMPLETIONS_MAX = 10;

class Editor {
  constructor({ run }) {
    this.submit = run;
    this.lines = [];
    this.found = [];
    this.text = element("textarea", {
      id: "script",
      rows: "6",
      spellcheck: "false",
      autocomplete: "off",
      autocapitalize: "off",
      maxlength: "200000",
      "aria-label": "Script",
      "aria-autocomplete": "list",
      "aria-controls": "completions",
      "aria-describedby": "script-help",
      oninput: () => this.complete(),
      onblur: () => this.close(),
      onkeydown: (event) => this.key(event),
    });
    this.list = element("ul", { id: "completions", role: "listbox", "aria-label": "Completions", hidden: true });
    this.element = element(
      "div",
      { class: "editor" },
      this.text,
      this.list,
      element("p", { id: "script-help", class: "aside" }, "Ctrl+Enter runs it. Ctrl+Space completes a line: type any part of a site or an entity."),
    );
  }

  show(text, lines) {
    this.lines = lines;
    this.text.value = text;
    this.text.rows = Math.min(14, Math.max(4, text.split("\n").length + 1));
    this.close();
  }

  run() {
    this.close();
    this.submit(this.text.value);
  }

  /** Returns where the line with the cursor begins and ends. */
  line() {
    const { value, selectionStart } = this.text;
    const begin = value.lastIndexOf("\n", selectionStart - 1) + 1;
    const end = value.indexOf("\n", selectionStart);
    return [begin, end < 0 ? value.length : end];
  }

  complete(isAsked = false) {
    const line = this.text.value.slice(...this.line());
    const words = line.toLowerCase().split(/\s+/).filter(Boolean);
    const taken = new Set(this.text.value.split("\n").map((other) => script.choice(other)));
    const fits = (other) => !taken.has(script.choice(other)) && words.every((word) => other.toLowerCase().includes(word));
    this.found = words.length > 0 || isAsked ? this.lines.filter(fits).slice(0, COMPLETIONS_MAX) : [];
    this.choose(0);
  }

  choose(at) {
    this.at = at;
    const option = (text, place) =>
      element("li", {
        id: `completion-${place}`,
        role: "option",
        "aria-selected": String(place === at),
        onmousedown: (event) => {
          event.preventDefault();
          this.accept(place);
        },
      }, text);
    this.list.replaceChildren(...this.found.map(option));
    this.list.hidden = this.found.length === 0;
    if (this.list.hidden) this.text.removeAttribute("aria-activedescendant");
    else this.text.setAttribute("aria-activedescendant", `completion-${at}`);
  }

  accept(at) {
    const [begin, end] = this.line();
    this.text.setRangeText(this.found[at], begin, end, "end");
    this.close();
  }

  close() {
    this.found = [];
    this.choose(0);
  }

  key(event) {
    const isOpen = this.found.length > 0;
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.run();
    else if (event.key === " " && event.ctrlKey) this.complete(true);
    else if (isOpen && by) this.choose((this.at + by + this.found.length) % this.found.length);
    else if (isOpen && (event.key === "Enter" || event.key === "Tab")) this.accept(this.at);
    else if (isOpen && event.key === "Escape") this.close();
    else return;
    event.preventDefault();
  }
}
