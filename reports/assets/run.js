// A run as the page holds it: which steps a filter shows, what a step follows from, what rows are at a step.

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

  /** The positions of the steps that a filter lets through. */
  shown({ story, entity, node }) {
    const passes = (step) =>
      (!story || step.story) &&
      (entity === "" || step.scope.split("/")[0] === entity) &&
      (node === "" || this.nodes[step.node] === node);
    return this.steps.flatMap((step, at) => (passes(step) ? [at] : []));
  }

  /**
   * The nearest steps that a step follows from and that are shown, through those that are not. A cause is
   * direct if no third node stands between.
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

  /** Where the step numbered `n` is; if it was left out, where the nearest one is. */
  nearest(n) {
    const exact = this.position.get(n);
    if (exact !== undefined) return exact;
    const distance = (at) => Math.abs(this.steps[at].n - n);
    return this.steps.reduce((best, _, at) => (distance(at) < distance(best) ? at : best), 0);
  }

  /** The rows that there are at a step, those changed last first. */
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
