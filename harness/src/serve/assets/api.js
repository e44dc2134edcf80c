// Requests to the server, and what the address of the page says.

const api = {
  async get(path) {
    return this.result(await fetch(`api/${path}`));
  },
  async post(path, body) {
    const headers = { "content-type": "application/json" };
    return this.result(await fetch(`api/${path}`, { method: "POST", headers, body: JSON.stringify(body) }));
  },
  async result(response) {
    const text = await response.text();
    if (!response.ok) throw new Error(this.message(text) ?? `the server responds with ${response.status}`);
    return JSON.parse(text);
  },
  message(text) {
    try {
      return JSON.parse(text).error;
    } catch {
      return text || undefined;
    }
  },
};

/** The address: the script of the run, and that of the run to compare it with. */
const address = {
  read() {
    const query = new URLSearchParams(location.search);
    const text = (name) => query.get(name) ?? undefined;
    return {
      script: text("script"),
      against: text("against"),
      seed: text("seed"),
      scenario: text("scenario"),
      without: query.getAll("without"),
      isCampaign: query.get("view") === "campaign",
    };
  },
  of({ script, against, isCampaign }) {
    const query = new URLSearchParams();
    if (isCampaign) query.set("view", "campaign");
    if (script !== undefined) query.set("script", script);
    if (against !== undefined) query.set("against", against);
    return `?${query}`;
  },
};
