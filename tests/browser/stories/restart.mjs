// The server is killed in the middle of a text and started again. It has forgotten the text.

import assert from "node:assert/strict";

import { Person } from "../person.mjs";
import { OwnServer } from "../server.mjs";

// Until the page has heard from the new server that it does not know the text.
async function killedInTheMiddle(browser, house) {
  const server = await OwnServer.start(house);
  const person = await Person.enter(browser, house, { url: server.url });
  person.expects("net::ERR", "404", "502", "503");
  await person.page.clock.install();
  await person.ask("slow restart");
  await person.letters(60);
  await server.kill();
  await person.state("network lost, resuming…");
  await server.startAgain();
  await person.page.waitForResponse((response) => response.url().endsWith("/events") && response.status() === 404);
  return { server, person };
}

// What there was is still there, and the person can go on.
async function goesOn({ server, person }, house) {
  const shown = await person.text();
  assert.ok(shown.length >= 60 && shown.length < house.text.length && house.text.startsWith(shown), shown);
  assert.ok(await person.$("#stop").isDisabled());
  await person.ask("tea after all");
  await person.state("done and stored");
  assert.equal(await person.text(), house.text);
  await person.page.reload();
  await person.state("nothing asked yet");
  await person.leave();
  await server.close();
}

export async function a_text_that_a_killed_server_forgot_can_be_stopped(browser, house) {
  const scene = await killedInTheMiddle(browser, house);
  await scene.person.$("#stop").click();
  await scene.person.state("the server is not writing this text any more");
  await goesOn(scene, house);
}

export async function a_text_that_a_killed_server_forgot_is_not_waited_for_for_ever(browser, house) {
  const scene = await killedInTheMiddle(browser, house);
  await scene.person.state("network lost, resuming…");
  await scene.person.page.clock.fastForward(20_000);
  await scene.person.state("broken off; this is what there was");
  assert.match(await scene.person.page.getByRole("alert").textContent(), /does not know this text any more.*not_yet/s);
  await goesOn(scene, house);
}
