// A person at a browser: opens the page, acts on what can be seen, and notices what is wrong with
// it. Everything that the console says and every breach of the policy is a failure.

import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export const SIZES = { phone: { width: 390, height: 844 }, desktop: { width: 1280, height: 800 } };

export class Person {
  constructor(context, page, house) {
    Object.assign(this, { context, page, house, complaints: [], expected: [] });
  }

  static async enter(browser, house, options = {}) {
    const context = await browser.newContext({
      viewport: SIZES.desktop,
      permissions: ["clipboard-read", "clipboard-write"],
      locale: "en-GB",
      ...options,
    });
    const page = await context.newPage();
    page.setDefaultTimeout(10_000);
    const person = new Person(context, page, house);
    page.on("pageerror", (error) => person.complaints.push(`error: ${error.message}`));
    page.on("console", (message) => {
      const text = message.text();
      const isTrouble = ["error", "warning"].includes(message.type());
      if (isTrouble && !person.expected.some((words) => text.includes(words))) person.complaints.push(`console: ${text}`);
    });
    await page.addInitScript(() => {
      document.addEventListener("securitypolicyviolation", (breach) =>
        console.error(`policy: ${breach.violatedDirective} ${breach.blockedURI}`));
    });
    await page.goto(options.url ?? house.url);
    return person;
  }

  // What the browser itself says about an answer that is meant to be an error, or to be lost.
  expects(...words) {
    this.expected.push(...words);
  }

  async leave() {
    await this.context.close();
    assert.deepEqual(this.complaints, []);
  }

  $(selector) {
    return this.page.locator(selector);
  }

  async go(view) {
    await this.page.getByRole("navigation").getByRole("link", { name: view }).click();
    await this.$(`#${view.toLowerCase()}`).waitFor();
  }

  // Types a topic and sends it by keyboard.
  async ask(topic) {
    await this.$("#topic").fill(topic);
    await this.$("#topic").press("Control+Enter");
  }

  async state(words, id = "state") {
    await this.page.waitForFunction(
      ([id, words]) => document.getElementById(id).textContent.includes(words),
      [id, words],
      { polling: 20 },
    );
  }

  text() {
    return this.$("#text").textContent();
  }

  // Waits until so many letters are there, and says what is there then.
  async letters(many) {
    await this.page.waitForFunction((many) => document.getElementById("text").textContent.length >= many, many, { polling: 20 });
    return this.text();
  }

  // What stands in the store about a topic.
  async stored(topic) {
    const asked = new URLSearchParams({ topic, limit: 1 });
    const page = await (await fetch(`${this.house.url}contents?${asked}`)).json();
    return (await fetch(`${this.house.url}contents/${page.contents[0].id}`)).json();
  }

  // The rules of WCAG 2.2 A and AA, and best practices, as axe knows them.
  async isAccessible(what) {
    await this.page.evaluate(readFileSync(join(this.house.modules, "axe-core/axe.min.js"), "utf8"));
    const { violations } = await this.page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
    const found = violations.filter(({ impact }) => ["serious", "critical"].includes(impact));
    const words = found.map(({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.html} (${node.failureSummary})`).join("; ")}`);
    assert.deepEqual(words, [], `${what}: axe`);
    return violations.length;
  }

  async picture(name) {
    mkdirSync(this.house.screenshots, { recursive: true });
    await this.page.screenshot({ path: join(this.house.screenshots, `${name}.png`), animations: "disabled", caret: "hide" });
  }

  // Nothing may stick out to the side.
  async fits(what) {
    const over = await this.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(over <= 0, `${what} is ${over} pixels too wide`);
  }
}
