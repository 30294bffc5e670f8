// What a text survives: broken connections, no network, a slow one, a reload.

import assert from "node:assert/strict";

import { Person } from "../person.mjs";

export async function a_text_goes_on_after_its_connection_broke(browser, house) {
  const wire = await house.wire();
  const person = await Person.enter(browser, house, { url: wire.url });
  person.expects("net::ERR");
  await person.ask("slow wire");
  for (const letters of [60, 160]) {
    await person.letters(letters);
    wire.cut();
    await person.state("network lost, resuming…");
    await person.page.waitForTimeout(400);
    wire.mend();
    await person.state("writing…");
  }
  await person.state("done and stored");
  assert.equal(await person.text(), house.text);
  await person.leave();
  await wire.close();
}

export async function a_text_goes_on_when_the_browser_is_online_again(browser, house) {
  const person = await Person.enter(browser, house);
  person.expects("net::ERR");
  await person.ask("slow offline");
  await person.letters(60);
  await person.context.setOffline(true);
  await person.state("network lost, resuming…");
  const there = await person.text();
  await person.page.waitForTimeout(500);
  assert.equal(await person.text(), there);
  await person.context.setOffline(false);
  await person.state("done and stored");
  assert.equal(await person.text(), house.text);
  await person.leave();
}

export async function a_slow_network_loses_nothing(browser, house) {
  const person = await Person.enter(browser, house);
  const devtools = await person.context.newCDPSession(person.page);
  await devtools.send("Network.emulateNetworkConditions", {
    offline: false, latency: 150, downloadThroughput: 6_000, uploadThroughput: 6_000,
  });
  await person.ask("slow network");
  await person.state("done and stored");
  assert.equal(await person.text(), house.text);
  await person.leave();
}

export async function a_reload_in_the_middle_goes_on_where_the_text_is(browser, house) {
  const person = await Person.enter(browser, house);
  await person.ask("slow reload");
  await person.letters(80);
  await person.page.reload();
  assert.equal(await person.$("#topic").inputValue(), "slow reload");
  await person.state("writing…");
  await person.state("done and stored");
  assert.equal(await person.text(), house.text);
  // What has ended is not taken up again.
  await person.page.reload();
  await person.state("nothing asked yet");
  await person.leave();
}
