// Keyboard, colours, motion, and text that would like to be markup.

import assert from "node:assert/strict";

import { Person } from "../person.mjs";

export async function everything_is_reached_by_keyboard_and_seen_there(browser, house) {
  const person = await Person.enter(browser, house);
  const reached = [];
  for (let step = 0; step < 20; step += 1) {
    await person.page.keyboard.press("Tab");
    const at = await person.page.evaluate(() => {
      const focused = document.activeElement;
      const { outlineStyle, outlineWidth } = getComputedStyle(focused);
      const name = focused === document.body ? "" : focused.id || focused.textContent.trim();
      return { name, seen: outlineStyle !== "none" && outlineWidth !== "0px" };
    });
    if (at.name === "") break; // through the whole page
    assert.ok(at.seen, `${at.name} has no outline`);
    reached.push(at.name);
  }
  const order = ["Skip to the content", "maitred", "Generate", "Analyse", "Keywords", "History", "theme", "topic",
    "provider", "model", "max-tokens", "temperature", "candidates", "send"];
  assert.deepEqual(reached.slice(0, order.length), order);
  await person.leave();
}

export async function the_focus_goes_from_generate_to_stop_and_back(browser, house) {
  const person = await Person.enter(browser, house);
  const focus = () => person.page.evaluate(() => document.activeElement.id);
  await person.$("#topic").fill("slow focus");
  await person.$("#send").focus();
  await person.page.keyboard.press("Enter");
  await person.letters(20);
  assert.equal(await focus(), "stop");
  await person.page.keyboard.press("Enter");
  await person.state("stopped by you");
  assert.equal(await focus(), "send");
  await person.leave();
}

export async function a_browser_that_keeps_nothing_is_served_too(browser, house) {
  const person = await Person.enter(browser, house);
  await person.page.addInitScript(() => {
    for (const store of ["localStorage", "sessionStorage"]) {
      Object.defineProperty(globalThis, store, { get: () => { throw new DOMException("no", "SecurityError"); } });
    }
  });
  await person.page.reload();
  await person.ask("tea without memory");
  await person.state("done and stored");
  await person.$("#theme").click();
  assert.equal(await person.$("#theme").textContent(), "Colours: light");
  await person.leave();
}

export async function the_skip_link_leads_past_the_navigation(browser, house) {
  const person = await Person.enter(browser, house);
  await person.page.keyboard.press("Tab");
  await person.page.keyboard.press("Enter");
  await person.page.keyboard.press("Tab");
  assert.equal(await person.page.evaluate(() => document.activeElement.id), "topic");
  await person.leave();
}

export async function colours_follow_the_system_until_somebody_chooses(browser, house) {
  const person = await Person.enter(browser, house, { colorScheme: "dark" });
  const paper = () => person.page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const dark = await paper();
  await person.page.emulateMedia({ colorScheme: "light" });
  const light = await paper();
  assert.notEqual(dark, light);
  const theme = person.$("#theme");
  await theme.click();
  await theme.click();
  assert.equal(await theme.textContent(), "Colours: dark");
  assert.equal(await paper(), dark);
  await person.page.reload();
  assert.equal(await paper(), dark, "it is remembered");
  await theme.click();
  assert.equal(await paper(), light);
  await person.leave();
}

export async function nothing_moves_for_who_does_not_want_it(browser, house) {
  const person = await Person.enter(browser, house, { reducedMotion: "reduce" });
  await person.ask("slow motion");
  await person.state("writing…");
  const names = await person.page.evaluate(() => document.getAnimations().length);
  assert.equal(names, 0);
  await person.$("#stop").click();
  await person.state("stopped by you");
  await person.leave();
}

export async function nothing_jumps_while_the_page_is_made(browser, house) {
  const person = await Person.enter(browser, house);
  await person.$("#provider option").first().waitFor({ state: "attached" });
  await person.state("the server is up", "pulse");
  const shift = await person.page.evaluate(
    () =>
      new Promise((resolve) => {
        let sum = 0;
        new PerformanceObserver((list) => list.getEntries().forEach(({ value }) => (sum += value))).observe({ type: "layout-shift", buffered: true });
        setTimeout(() => resolve(sum), 300);
      }),
  );
  assert.ok(shift < 0.02, `the layout shifted by ${shift}`);
  await person.leave();
}

export async function what_a_provider_says_never_becomes_markup(browser, house) {
  const person = await Person.enter(browser, house);
  await person.ask("<img src=x onerror=alert(1)> markup");
  await person.state("done and stored");
  assert.match(await person.text(), /<script>alert/);
  assert.equal(await person.$("#text *").count(), 1, "only the caret");
  assert.match(await person.$("#sheet-title").textContent(), /<img src=x/);
  await person.leave();
}

export async function a_script_that_got_in_could_neither_run_nor_call_home(browser, house) {
  const person = await Person.enter(browser, house);
  const outcome = await person.page.evaluate(async () => {
    const script = document.createElement("script");
    script.textContent = "globalThis.ran = true";
    document.body.append(script);
    const home = await fetch("http://127.0.0.2:9/").then(() => "reached", () => "refused");
    return [globalThis.ran ?? "did not run", home];
  });
  assert.deepEqual(outcome, ["did not run", "refused"]);
  await person.page.waitForTimeout(200); // breaches are told in a task of their own
  const breaches = person.complaints.splice(0).filter((complaint) => complaint.includes("policy: "));
  assert.equal(breaches.length, 2, "both were breaches of the policy");
  await person.leave();
}
