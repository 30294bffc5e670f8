// How it looks: each view on a phone and on a desk, by day and by night, as pictures for people to
// look at; and by the rules of accessibility each time.

import { Person, SIZES } from "../person.mjs";

const TEXT = `The committee nevertheless considered the administrative implications of the proposal. Its members
found the report disappointing, and they were afraid of the consequences. Then somebody made tea.`;

// The views one after the other, in one window; `look` is called on each.
async function visit(person, look) {
  await look("generate-empty");
  await person.ask("slow looks");
  await person.letters(120);
  await look("generate-writing");
  await person.state("done and stored");
  await look("generate-done");
  await person.$("#card .scores").scrollIntoViewIfNeeded();
  await look("generate-scores");
  await person.$("#candidates").selectOption("3");
  await person.ask("several looks");
  await person.state("done and stored");
  await person.$("#choices").waitFor();
  await look("generate-candidates");
  await person.$("#candidates").selectOption("1");
  await person.$("#provider").selectOption("broken");
  await person.ask("tea");
  await person.page.getByRole("alert").waitFor();
  await look("generate-error");

  await person.go("Analyse");
  await person.$("#analyse-content").fill(TEXT);
  await person.$("#analyse-content").press("Control+Enter");
  await person.state("done and stored", "analyse-state");
  await look("analyse");

  await person.go("Keywords");
  await person.$("#keywords-method").selectOption("local");
  await person.$("#keywords-content").fill(TEXT);
  await person.$("#keywords-content").press("Control+Enter");
  await person.state("found by", "keywords-state");
  await look("keywords");

  await person.go("History");
  await person.state("page 1", "history-state");
  await look("history");
  await person.$(".rows a").filter({ hasText: "slow looks" }).first().click();
  await person.$("#one .scores").waitFor();
  await look("history-one");
  await person.page.getByRole("button", { name: "Delete" }).click();
  await look("history-delete");
}

async function tour(browser, house, size, colorScheme) {
  const person = await Person.enter(browser, house, { viewport: SIZES[size], colorScheme });
  person.expects("502", "503", "504");
  await person.state("the server is up", "pulse");
  await visit(person, async (view) => {
    const what = `${view}-${size}-${colorScheme}`;
    await person.fits(what);
    await person.picture(what);
    await person.isAccessible(what);
  });
  await person.leave();
}

export async function looks_on_a_desk_by_day(browser, house) {
  await tour(browser, house, "desktop", "light");
}

export async function looks_on_a_desk_by_night(browser, house) {
  await tour(browser, house, "desktop", "dark");
}

export async function looks_on_a_phone_by_day(browser, house) {
  await tour(browser, house, "phone", "light");
}

export async function looks_on_a_phone_by_night(browser, house) {
  await tour(browser, house, "phone", "dark");
}

export async function looks_on_the_smallest_phone_and_in_forced_colours(browser, house) {
  const person = await Person.enter(browser, house, { viewport: { width: 360, height: 640 }, forcedColors: "active" });
  for (const view of ["Generate", "Analyse", "Keywords", "History"]) {
    await person.go(view);
    await person.fits(view);
    await person.picture(`forced-${view.toLowerCase()}`);
  }
  await person.leave();
}
