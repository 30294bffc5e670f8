// Making elements. Text goes in as text and never as markup: what a provider or a stored row says
// cannot become an element, whatever it says.

// element("p", { class: "hint", hidden: true }, "words", child): attributes by name, listeners as
// functions (`onclick`), true and false for those without a value, and children at the end.
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`there is no #${id}`);
  return found;
}

// Where something lies on a scale, for the style sheet: `--at` and the like. The policy forbids
// style attributes in markup; setting a property from a script is allowed.
export function place(made, properties) {
  for (const [name, value] of Object.entries(properties)) made.style.setProperty(name, value);
  return made;
}

const COPIED_MS = 2000;

// A button that copies what `text` returns, and says whether it could.
export function copyButton(text) {
  const button = element("button", { type: "button", class: "quiet" }, "Copy");
  button.addEventListener("click", async () => {
    button.textContent = (await copied(text())) ? "Copied" : "Press Ctrl+C";
    setTimeout(() => (button.textContent = "Copy"), COPIED_MS);
  });
  return button;
}

// Over plain HTTP from another machine there is no clipboard; then the text is selected instead.
async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const shown = [...document.querySelectorAll(".prose")].find((p) => p.textContent.trim() === text);
    if (shown) getSelection().selectAllChildren(shown);
    return false;
  }
}

const number = new Intl.NumberFormat("en", { maximumFractionDigits: 2 });

// 1234.567 as 1,234.57, and nothing as a dash.
export function figure(value) {
  return value === null || value === undefined ? "–" : number.format(value);
}

// "1 word", "2 words".
export function count(n, one, many = `${one}s`) {
  return `${figure(n)} ${n === 1 ? one : many}`;
}

// What is remembered in this tab (`sessionStorage`) or this browser (`localStorage`). Where the
// browser is told to keep nothing, both throw; then the page forgets, and works.
export function recall(storage, key) {
  try {
    return globalThis[storage].getItem(key);
  } catch {
    return null;
  }
}

export function remember(storage, key, value) {
  try {
    if (value === null) globalThis[storage].removeItem(key);
    else globalThis[storage].setItem(key, value);
  } catch {
    // Forgotten, then.
  }
}
