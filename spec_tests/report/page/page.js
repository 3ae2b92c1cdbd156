// The report's controls: book and record, contents, filter, search, links.

// Book and record: one of them is shown, the one in which the address' target lies

const OF_THE_BOOK = /^#(book|main|law|code|laws|try|ladder|figure|stor|silent|hand)/;
show_view(location.hash !== "" && !OF_THE_BOOK.test(location.hash)); // before anything is rendered

function show_view(record) {
  page.classList.toggle("in-record", record);
}

// Filter and search

const wanted = new Set(); // results; none means all
let claims = [];

function collectClaims() {
  claims = [...document.querySelectorAll(".claim")].map((element) => ({
    element,
    results: element.dataset.results.split(" "),
    text: [element.id.slice("claim-".length), ...textsOf(element)].join(" ").toLowerCase(),
  }));
}

function textsOf(claim) {
  return [...claim.querySelectorAll(".text, .sentence")].map((element) => element.textContent);
}

function show() {
  const words = document.getElementById("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = ({ results, text }) =>
    (wanted.size === 0 || results.some((result) => wanted.has(result))) && words.every((word) => text.includes(word));
  const filtered = wanted.size > 0 || words.length > 0;
  for (const claim of claims) claim.element.hidden = !fits(claim);
  for (const section of document.querySelectorAll(".section")) {
    section.hidden = filtered && section.querySelector(".claim:not([hidden])") === null;
  }
  page.classList.toggle("filtered", filtered);
  document.getElementById("reset").hidden = !filtered;
  count();
}

function count() {
  const shown = claims.filter((claim) => !claim.element.hidden).length;
  for (const element of document.querySelectorAll("[data-shown]")) element.textContent = String(shown);
  document.getElementById("nothing").hidden = shown > 0;
}

function toggle(button) {
  const pressed = button.getAttribute("aria-pressed") !== "true";
  button.setAttribute("aria-pressed", String(pressed));
  wanted[pressed ? "add" : "delete"](button.dataset.result);
  show();
}

function reset() {
  wanted.clear();
  for (const button of document.querySelectorAll(".filter")) button.setAttribute("aria-pressed", "false");
  document.getElementById("search").value = "";
  show();
}

// A chip that counts claims of one result leads to these claims alone
function showOnly(result) {
  reset();
  toggle(document.querySelector(`.filter[data-result="${result}"]`));
}

// Links: their targets are shown and unfolded, even if they are filtered out

function follow() {
  openMenu(false);
  let id = location.hash.slice(1);
  try {
    id = decodeURIComponent(id);
  } catch {
    // not an anchor of this page
  }
  const target = document.getElementById(id);
  if (target === null) return;
  if (target.closest("#record, #book") !== null) show_view(target.closest("#record") !== null);
  for (let element = target; element !== null; element = element.parentElement) {
    element.hidden = false;
    if (element.tagName === "DETAILS") element.open = true;
  }
  count();
  letReach();
  if (target.classList.contains("claim")) target.querySelector(".evidence")?.setAttribute("open", "");
  target.scrollIntoView();
  if (target.tagName === "BUTTON") target.focus();
  markPlace();
}

// Runs: hovering over a letter shows the full name

function nameRuns() {
  const names = [...document.querySelectorAll("[data-run]")].map((element) => [element.dataset.run, element.textContent]);
  const known = Object.fromEntries(names);
  for (const element of document.querySelectorAll(".run")) element.title = known[element.textContent] ?? "";
}

// Helpers in the tests' sources: hovering over one says what it means

function nameHelper(event) {
  const helper = event.target.closest?.("[data-word]");
  const meaning = helper && document.getElementById(`word-${helper.dataset.word}`);
  if (meaning) helper.title = meaning.querySelector(page.classList.contains("chinese") ? ".zh" : ".en").textContent;
}

// Contents, on narrow screens: while they are open, the page behind them is out of reach

function openMenu(open) {
  page.classList.toggle("menu-open", open);
  document.getElementById("menu").setAttribute("aria-expanded", String(open));
  document.getElementById("main").inert = open;
  markPlace();
}

// The entry of the contents that is in view: that of the last heading that has come up to the window's upper edge

const UPPER_EDGE = 120; // in pixels: the page's header, and a few lines
const markPlaceSoon = soon(markPlace);

function markPlace() {
  const entries = [...document.querySelectorAll('#contents a[href^="#"]')].filter((link) => link.checkVisibility());
  const above = entries.filter((link) => topOf(link) < UPPER_EDGE);
  const current = above.sort((a, b) => topOf(a) - topOf(b)).at(-1);
  for (const link of document.querySelectorAll("#contents [aria-current]")) {
    if (link !== current) link.removeAttribute("aria-current");
  }
  if (current === undefined || current.hasAttribute("aria-current")) return;
  current.setAttribute("aria-current", "location");
  bringIntoView(current, document.getElementById("contents"));
}

function topOf(link) {
  const target = document.getElementById(link.hash.slice(1));
  return target.checkVisibility() ? target.getBoundingClientRect().top : Infinity;
}

// Without moving the page
function bringIntoView(link, list) {
  const [{ top, bottom }, box] = [link.getBoundingClientRect(), list.getBoundingClientRect()];
  if (top < box.top || bottom > box.bottom) list.scrollTop += (top + bottom - box.top - box.bottom) / 2;
}

document.addEventListener("DOMContentLoaded", () => {
  letSpeak();
  collectClaims();
  nameRuns();
  for (const button of document.querySelectorAll(".filter")) button.addEventListener("click", () => toggle(button));
  document.getElementById("search").addEventListener("input", show);
  document.getElementById("reset").addEventListener("click", () => {
    reset();
    document.getElementById("search").focus();
  });
  const menu = document.getElementById("menu");
  menu.addEventListener("click", () => openMenu(menu.getAttribute("aria-expanded") !== "true"));
  matchMedia("(max-width: 60rem)").addEventListener("change", () => openMenu(false));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && page.classList.contains("menu-open")) {
      openMenu(false);
      menu.focus();
    }
  });
  for (const chip of document.querySelectorAll("[data-show]")) {
    chip.addEventListener("click", () => showOnly(chip.dataset.show));
  }
  document.addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#"]'); // a second click on the same link does not change the address
    if (link !== null && link.hash === location.hash) follow();
  });
  document.addEventListener("mouseover", nameHelper);
  letFind();
  window.addEventListener("hashchange", follow);
  window.addEventListener("resize", letReachSoon);
  document.addEventListener("scroll", markPlaceSoon, { passive: true });
  document.addEventListener("toggle", letReachSoon, true);
  letReach();
  follow();
  markPlace();
});
