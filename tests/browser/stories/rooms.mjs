// The other views: scores, keywords, history.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

import { Person } from "../person.mjs";

const EASY = "The cat sat on the mat. The dog ran to the cat. They were happy and had a lot of fun!";

export async function a_text_of_ones_own_is_scored(browser, house) {
  const person = await Person.enter(browser, house);
  await person.go("Analyse");
  await person.$("#analyse-content").fill(EASY);
  assert.equal(await person.$("#analyse-count").textContent(), `${EASY.length} characters`);
  await person.$("#analyse-content").press("Control+Enter");
  await person.state("done and stored", "analyse-state");
  assert.match(await person.$("#analyse .summary").textContent(), /^Very easy: it reads like a comic.*positive\.$/);
  const picture = person.page.getByRole("img", { name: /Reading ease .* very easy/ });
  const [bar, pin] = [await picture.boundingBox(), await picture.locator(".pin").boundingBox()];
  assert.ok(pin.x > bar.x + 0.9 * bar.width && pin.x + pin.width <= bar.x + bar.width, "the pin is at the easy end");
  const swing = await person.$("#analyse .mood > i").boundingBox();
  const mood = await person.$("#analyse .mood").boundingBox();
  assert.ok(swing.x >= mood.x + mood.width / 2 - 1, "the mood swings to the right");
  await person.$("#analyse summary").click();
  assert.equal(await person.$("#analyse tbody tr").count(), 14);
  await person.leave();
}

export async function keywords_are_chips_with_weights(browser, house) {
  const person = await Person.enter(browser, house);
  await person.go("Analyse");
  await person.$("#analyse-content").fill(house.text);
  await person.page.getByRole("button", { name: "Keywords of this" }).click();
  await person.$("#keywords").waitFor();
  assert.equal(await person.$("#keywords-content").inputValue(), house.text);
  for (const [method, words] of [["local", "this server"], ["provider", "the provider"]]) {
    await person.$("#keywords-method").selectOption(method);
    await person.page.getByRole("button", { name: "Find keywords" }).click();
    await person.state(`found by ${words}`, "keywords-state");
    const widths = await person.$(".chips i").evaluateAll((all) => all.map((bar) => bar.offsetWidth / bar.parentElement.clientWidth));
    assert.ok(widths.length >= 2 && widths[0] >= widths[widths.length - 1], `${widths}`);
  }
  await person.leave();
}

async function stock(house, many) {
  for (let n = 0; n < many; n += 1) {
    const body = JSON.stringify({ topic: `stock ${n}`, provider: "offline", max_tokens: 30 });
    const answer = await fetch(`${house.url}generate/`, { method: "POST", body, headers: { "Content-Type": "application/json" } });
    assert.equal(answer.status, 200);
  }
}

export async function history_is_paged_searched_opened_deleted_and_exported(browser, house) {
  await stock(house, 23);
  const person = await Person.enter(browser, house);
  await person.go("History");
  await person.state("20 texts, page 1", "history-state");
  assert.ok(await person.$("#newer").isDisabled());
  assert.equal(await person.$(".rows .topic").first().textContent(), "stock 22");
  await person.page.getByRole("button", { name: "Older" }).click();
  await person.state("page 2", "history-state");
  assert.equal(await person.$(".rows .topic").first().textContent(), "stock 2");
  await person.page.getByRole("button", { name: "Newer" }).click();
  await person.state("20 texts, page 1", "history-state");

  await person.$("#query").pressSequentially("stock 17");
  await person.state("for “stock 17”", "history-state");
  assert.equal(await person.$(".rows .topic").first().textContent(), "stock 17");

  await person.$(".rows a").first().click();
  await person.$("#one .scores").waitFor();
  assert.equal(await person.$("#one h2").textContent(), "stock 17");
  await person.page.getByRole("button", { name: "Delete" }).click();
  await person.page.keyboard.press("Escape");
  assert.ok(await person.$("#one").isVisible(), "Escape keeps it");
  await person.page.getByRole("button", { name: "Delete" }).click();
  await person.$("#confirm").getByRole("button", { name: "Delete" }).click();
  await person.$("#rows").waitFor();
  await person.$("#query").fill("");
  await person.state("20 texts, page 1", "history-state");
  const topics = await person.$(".rows .topic").allTextContents();
  assert.ok(topics.includes("stock 16") && !topics.includes("stock 17"));

  const [download] = await Promise.all([person.page.waitForEvent("download"), person.$("#export").click()]);
  const lines = readFileSync(await download.path(), "utf8").trimEnd().split("\n").map((line) => JSON.parse(line));
  assert.ok(lines.length >= 22 && lines.some(({ topic }) => topic === "stock 16"));
  await person.leave();
}

export async function a_search_says_that_older_texts_are_still_being_indexed(browser, house) {
  const person = await Person.enter(browser, house);
  await person.page.route("**/contents?*q=*", async (route) => {
    const answer = await route.fetch();
    await route.fulfill({ response: answer, json: { ...(await answer.json()), indexing: true } });
  });
  await person.go("History");
  await person.$("#query").fill("zzyzx");
  await person.state("Nothing was found for “zzyzx”; older texts are still being indexed", "history-state");
  await person.leave();
}

export async function an_address_of_a_text_that_is_gone_says_so(browser, house) {
  const person = await Person.enter(browser, house);
  person.expects("404");
  await person.page.goto(`${house.url}#/history/01890a5d-ac96-774b-bcce-b302099a8057`);
  assert.match(await person.page.getByRole("alert").textContent(), /Nothing is stored under this id/);
  await person.page.goBack();
  await person.leave();
}

export async function the_strip_shows_what_is_going_on(browser, house) {
  const person = await Person.enter(browser, house);
  await person.state("the server is up", "pulse");
  await person.ask("slow strip");
  await person.page.waitForFunction(() => document.querySelector("#figures dd").textContent !== "0");
  await person.state("done and stored");
  await person.page.waitForFunction(() => document.querySelector("#figures dd").textContent === "0");
  await person.leave();
}
