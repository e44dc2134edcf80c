// A headless Chromium, driven over its debugging pipe: JSON messages that end with a zero byte.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--remote-debugging-pipe"];

export class Chromium {
  constructor() {
    this.profile = mkdtempSync(join(tmpdir(), "page-"));
    this.child = spawn("chromium", [...FLAGS, `--user-data-dir=${this.profile}`], { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
    this.calls = 0;
    this.open = new Map();
    let rest = "";
    this.child.stdio[4].on("data", (data) => {
      const parts = (rest + data).split("\0");
      rest = parts.pop();
      parts.forEach((part) => this.receive(JSON.parse(part)));
    });
  }

  receive({ id, result, error }) {
    const call = this.open.get(id);
    this.open.delete(id);
    if (error) call?.reject(new Error(error.message));
    else call?.resolve(result);
  }

  call(method, params = {}, sessionId = undefined) {
    const id = (this.calls += 1);
    const sent = new Promise((resolve, reject) => this.open.set(id, { resolve, reject }));
    this.child.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    return sent;
  }

  /** Opens a page of this width in pixels, in light or dark mode. */
  async page(width, dark) {
    const { targetId } = await this.call("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await this.call("Target.attachToTarget", { targetId, flatten: true });
    const call = (method, params) => this.call(method, params, sessionId);
    await call("Page.enable");
    await call("Emulation.setDeviceMetricsOverride", { width, height: 900, deviceScaleFactor: 1, mobile: width < 600 });
    await call("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: dark ? "dark" : "light" }] });
    const evaluate = async (expression) => {
      const { result, exceptionDetails } = await call("Runtime.evaluate", { expression, returnByValue: true, awaitPromise: true });
      if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
      return result.value;
    };
    const until = async (expression) => {
      for (let left = 600; left > 0; left -= 1) {
        if (await evaluate(`Boolean(${expression})`)) return;
        await new Promise((done) => setTimeout(done, 50));
      }
      throw new Error(`never true: ${expression}`);
    };
    return {
      evaluate,
      until,
      async visit(url, ready) {
        await call("Page.navigate", { url });
        await until(`document.readyState === "complete" && location.href !== "about:blank" && (${ready})`);
      },
      async screenshot(isWhole) {
        const { data } = await call("Page.captureScreenshot", { format: "png", captureBeyondViewport: isWhole });
        return Buffer.from(data, "base64");
      },
      close: () => this.call("Target.closeTarget", { targetId }),
    };
  }

  async close() {
    const ended = new Promise((done) => this.child.once("exit", done));
    this.child.kill();
    await ended;
    rmSync(this.profile, { recursive: true, force: true, maxRetries: 5 });
  }
}
