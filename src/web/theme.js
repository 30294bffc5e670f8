// The chosen colours, before anything is painted: a page that is dark must not flash white first.
// The only script that is no module, because a module waits for the whole document.
"use strict";
try {
  const chosen = localStorage.getItem("maitred.theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch {
  // A browser that keeps nothing: the colours are the system's.
}
