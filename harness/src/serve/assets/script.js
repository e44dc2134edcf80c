// Scripts as text: the form that the command line and pinned regressions have, too.

const script = {
  /** Returns the text of a script. */
  write({ scenario, without = [], variant = [], deviations = [] }) {
    const lines = [`scenario ${scenario}`, ...without.map((name) => `without ${name}`)];
    if (variant.length > 0) lines.push(`variant ${variant.map((pair) => pair.join("=")).join(" ")}`);
    return `${[...lines, ...deviations].join("\n")}\n`;
  },
  deviation: (site, { scope, nth }, alternative) => `${site} @ ${scope} #${nth} = ${alternative}`,
  /** Returns the choice that a deviation names, without its alternative; any other line as it is. */
  choice: (line) => (line.includes(" = ") ? line.slice(0, line.lastIndexOf(" = ")) : line),
  /** Returns deviations in which the choice of one takes an alternative; the benign one is `undefined`. */
  change(deviations, choice, alternative) {
    const others = deviations.filter((deviation) => this.choice(deviation) !== choice);
    return alternative === undefined ? others : [...others, `${choice} = ${alternative}`];
  },
};
