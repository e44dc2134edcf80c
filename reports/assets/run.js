// The data of a run: which steps a filter shows, the causes of a step, and the rows at a step.

const NS_PER_MS = 1e6;
const MS = { second: 1e3, minute: 6e4, hour: 36e5, day: 864e5 };
const TIME_NAME = /(^|_)(at|until|since|due|deadline|time|now|begins|began|ends|ended|expires|accepted|sent|made|found|learnt|asked|looked)$/;
/** Smaller numbers are counts and amounts, whatever their field is called. */
const TIME_NS_MIN = 1e6;

/** Returns the text of a field that holds a time or a duration of virtual time; nothing for any other field. */
function readable(name, field) {
  if (Number.isInteger(field) && field >= TIME_NS_MIN && TIME_NAME.test(name)) return clock(field / NS_PER_MS);
  if (field === null || typeof field !== "object") return undefined;
  const isDuration = Object.keys(field).sort().join() === "nanos,secs";
  return isDuration ? `${field.secs + field.nanos / 1e9} s` : undefined;
}

/** Writes a time in the form of the steps: minutes, with hours and days only where there are any. */
function clock(ms) {
  const two = (number) => String(Math.floor(number)).padStart(2, "0");
  const minutes = `${two((ms / MS.minute) % 60)}:${two((ms / MS.second) % 60)}.${String(Math.floor(ms % 1000)).padStart(3, "0")}`;
  if (ms < MS.hour) return minutes;
  const hours = `${two((ms / MS.hour) % 24)}:${minutes}`;
  return ms < MS.day ? hours : `${Math.floor(ms / MS.day)}d ${hours}`;
}

class Run {
  constructor(data) {
    Object.assign(this, data);
    this.position = new Map(this.steps.map((step, at) => [step.n, at]));
    this.leads = this.steps.map(() => []);
    this.versions = this.rows.map(() => []);
    this.steps.forEach((step, at) => {
      step.causes = step.after.map((n) => this.position.get(n)).filter((cause) => cause !== undefined);
      step.causes.forEach((cause) => this.leads[cause].push(at));
      (step.rows ?? []).forEach(([row, value]) => this.versions[row].push([at, value]));
    });
  }

  /** Returns the positions of the steps that match a filter. */
  shown({ story, entity, node }) {
    const passes = (step) =>
      (!story || step.story) &&
      (entity === "" || step.scope.split("/")[0] === entity) &&
      (node === "" || this.nodes[step.node] === node);
    return this.steps.flatMap((step, at) => (passes(step) ? [at] : []));
  }

  /**
   * Returns the nearest shown steps that a step follows from, through those that are not shown. A cause is direct if
   * no third node is between.
   */
  causes(at, isShown) {
    const found = new Map();
    const seen = new Set();
    const open = this.steps[at].causes.map((cause) => [cause, []]);
    while (open.length > 0) {
      const [cause, between] = open.pop();
      if (seen.has(cause)) continue;
      seen.add(cause);
      const { node, causes } = this.steps[cause];
      if (!isShown(cause)) open.push(...causes.map((other) => [other, [...between, node]]));
      else found.set(cause, between.every((other) => other === node || other === this.steps[at].node));
    }
    return [...found].map(([cause, direct]) => ({ cause, direct }));
  }

  /** Returns the position of the step numbered `n`; of the nearest one, if it was left out. */
  nearest(n) {
    const exact = this.position.get(n);
    if (exact !== undefined) return exact;
    const distance = (at) => Math.abs(this.steps[at].n - n);
    return this.steps.reduce((best, _, at) => (distance(at) < distance(best) ? at : best), 0);
  }

  /** Returns the rows at a step, the last changed first. */
  rowsAt(at) {
    const rows = this.versions.flatMap((versions, row) => {
      const until = versions.findLastIndex(([changed]) => changed <= at);
      if (until < 0) return [];
      const [changed, value] = versions[until];
      const before = until > 0 ? versions[until - 1][1] : null;
      const [kind, node] = this.rows[row];
      return [{ kind, node, changed, value, before, isNow: changed === at }];
    });
    return rows.filter((row) => row.value !== null || row.isNow).sort((a, b) => b.changed - a.changed);
  }
}
