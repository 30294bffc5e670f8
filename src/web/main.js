// The page: which view is shown, the colours, and the keys.
//
//   main.js ──► generate.js ──► stream.js ──► sse.js      a text, growing
//      │             └────────► candidates.js             several, side by side
//      ├──► analyse.js, keywords.js, history.js           the other views
//      ├──► strip.js                                      what the server is doing
//      └ all of them: api.js (asking), dom.js (elements), scores.js and words.js (pictures, sentences)
//
// Views are addresses (`#/history/ID`), so that the browser's back button, bookmarks and middle
// clicks work by themselves.

import * as analyse from "./analyse.js";
import { byId, remember } from "./dom.js";
import * as generate from "./generate.js";
import * as history from "./history.js";
import * as keywords from "./keywords.js";
import * as strip from "./strip.js";

const VIEWS = ["generate", "analyse", "keywords", "history"];
const COLOURS = ["", "light", "dark"];
const COLOUR_WORDS = { "": "Colours: system", light: "Colours: light", dark: "Colours: dark" };

// Shows what the address names. `moved`: somebody went there, so that is where the focus goes.
function route(moved) {
  if (location.hash !== "" && !location.hash.startsWith("#/")) return; // the skip link
  const [, name = "", id = ""] = location.hash.split("/");
  const view = VIEWS.includes(name) ? name : VIEWS[0];
  for (const other of VIEWS) byId(other).hidden = other !== view;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash === `#/${view}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = view === VIEWS[0] ? "maitred" : `${view[0].toUpperCase()}${view.slice(1)} · maitred`;
  if (moved) {
    scrollTo(0, 0);
    byId(`${view}-title`).focus();
  }
  if (view === "history") history.enter(id);
}

function colours(step) {
  const at = (COLOURS.indexOf(document.documentElement.dataset.theme ?? "") + step) % COLOURS.length;
  const chosen = COLOURS[at];
  if (chosen) document.documentElement.dataset.theme = chosen;
  else delete document.documentElement.dataset.theme;
  remember("localStorage", "maitred.theme", chosen);
  byId("theme").textContent = COLOUR_WORDS[chosen];
}

// Ctrl+Enter (or Cmd+Enter) sends the form that one is in; Escape stops the text.
function key(event) {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.target.form?.requestSubmit();
  } else if (event.key === "Escape" && !byId("confirm").open && !byId("generate").hidden) {
    generate.stop();
  }
}

function openKeywords(content) {
  keywords.fill(content);
  location.hash = "#/keywords";
}

generate.start();
analyse.start(openKeywords);
keywords.start();
history.start(openKeywords);
strip.start();
byId("theme").addEventListener("click", () => colours(1));
addEventListener("hashchange", () => route(true));
addEventListener("keydown", key);
colours(0);
route(false);
