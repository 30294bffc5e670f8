// Asking for texts: they grow, they can be stopped, they come several at a time, they fail.

import assert from "node:assert/strict";

import { Person } from "../person.mjs";

export async function a_text_grows_before_ones_eyes_and_is_stored(browser, house) {
  const person = await Person.enter(browser, house);
  await person.ask("slow tea");
  await person.state("writing…");
  assert.ok(await person.$("#caret").isVisible());
  assert.ok(await person.$("#stop").isEnabled());
  let before = 0;
  for (let look = 0; look < 4; look += 1) {
    const text = await person.letters(before + 1);
    assert.ok(house.text.startsWith(text), text);
    before = text.length;
  }
  await person.state("done and stored");
  assert.equal(await person.text(), house.text);
  assert.ok(await person.$("#caret").isHidden());
  await person.$("#card .scores").waitFor();
  assert.match(await person.$("#card .hint").first().textContent(), /fake · model-1/);
  assert.equal((await person.stored("slow tea")).text, house.text);
  await person.$("#tools").getByRole("button", { name: "Copy" }).click();
  assert.equal(await person.page.evaluate(() => navigator.clipboard.readText()), house.text);
  await person.leave();
}

export async function a_screen_reader_hears_portions_and_not_tokens(browser, house) {
  const person = await Person.enter(browser, house);
  await person.page.evaluate(() => {
    globalThis.heard = [];
    const said = document.getElementById("said");
    new MutationObserver(() => said.textContent && globalThis.heard.push(said.textContent)).observe(said, { childList: true });
  });
  await person.ask("slow portions");
  await person.state("done and stored");
  const heard = await person.page.evaluate(() => globalThis.heard);
  assert.equal(heard.join(""), house.text);
  assert.ok(heard.length >= 2 && heard.length < 10, `${heard.length} portions`);
  for (const portion of heard.slice(0, -1)) assert.match(portion, /[.!?]$/);
  await person.leave();
}

export async function stopping_keeps_what_there_was(browser, house) {
  for (const [topic, stop] of [
    ["slow stop by button", (person) => person.$("#stop").click()],
    ["slow stop by key", (person) => person.page.keyboard.press("Escape")],
  ]) {
    const person = await Person.enter(browser, house);
    await person.ask(topic);
    await person.letters(40);
    await stop(person);
    await person.state("stopped by you; what there was is stored");
    const shown = await person.text();
    assert.ok(shown.length >= 40 && shown.length < house.text.length);
    assert.ok(await person.$("#stop").isDisabled());
    await person.page.waitForTimeout(300); // the row is written after the last event
    const row = await person.stored(topic);
    assert.deepEqual([row.topic, row.state, row.text], [topic, "truncated", shown]);
    await person.leave();
  }
}

export async function stopping_before_the_first_word_hangs_up(browser, house) {
  const person = await Person.enter(browser, house);
  await person.ask("silent tea");
  await person.state("asking…");
  await person.$("#stop").click();
  await person.state("stopped before the first word");
  assert.ok(await person.page.getByRole("button", { name: "Generate" }).isEnabled());
  await person.leave();
}

export async function a_provider_that_is_down_is_said_in_words(browser, house) {
  const person = await Person.enter(browser, house);
  person.expects("502", "503", "504");
  await person.$("#provider").selectOption("broken");
  assert.equal(await person.$("#model").getAttribute("placeholder"), "model-2");
  await person.ask("tea");
  const alert = person.page.getByRole("alert");
  await alert.waitFor();
  assert.match(await alert.textContent(), /provider refuses connections.*another provider.*upstream_connect/s);
  await person.$("#provider").selectOption("fake");
  await alert.getByRole("button", { name: "Try again" }).click();
  await person.state("done and stored");
  assert.equal(await alert.count(), 0);
  await person.leave();
}

export async function a_text_that_breaks_off_is_shown_as_far_as_it_came(browser, house) {
  const person = await Person.enter(browser, house);
  await person.ask("torn tea");
  await person.state("broken off");
  assert.ok((await person.text()).length > 10);
  assert.match(await person.page.getByRole("alert").textContent(), /upstream_/);
  await person.leave();
}

export async function a_text_that_a_filter_stopped_says_so(browser, house) {
  const person = await Person.enter(browser, house);
  await person.ask("filtered tea");
  await person.state("done and stored");
  assert.match(await person.$("#card .hint").first().textContent(), /the provider’s filter stopped it$/);
  await person.leave();
}

export async function a_server_that_is_gone_is_said_in_words(browser, house) {
  const wire = await house.wire();
  const person = await Person.enter(browser, house, { url: wire.url });
  person.expects("net::ERR");
  await person.$("#provider option").first().waitFor({ state: "attached" });
  wire.cut();
  await person.ask("tea");
  await person.state("failed");
  assert.match(await person.page.getByRole("alert").textContent(), /cannot be reached/);
  wire.mend();
  await person.page.getByRole("button", { name: "Try again" }).click();
  await person.state("done and stored");
  await person.leave();
  await wire.close();
}

export async function candidates_stand_side_by_side_and_one_is_chosen(browser, house) {
  const person = await Person.enter(browser, house);
  await person.$("#candidates").selectOption("3");
  await person.$("#prefer-grade").fill("3");
  await person.$("#prefer-mood").selectOption("positive");
  await person.ask("several teas");
  await person.state("done and stored");
  assert.equal(await person.$(".choice").count(), 3);
  assert.equal(await person.$(".choice.chosen").count(), 1);
  const texts = await person.$(".choice .prose").allTextContents();
  assert.equal(new Set(texts).size, 3);
  const tops = await person.$(".choice").evaluateAll((all) => all.map((one) => one.getBoundingClientRect().top));
  assert.ok(tops[0] === tops[1], "side by side");
  await person.leave();
}
