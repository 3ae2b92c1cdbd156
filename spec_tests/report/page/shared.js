"use strict";
// What the report's page and the matrix' have in common: the language, and regions that scroll. Without it, everything
// is shown in English.

const page = document.documentElement;
page.classList.add("js");

// Language

function remembered() {
  try {
    return localStorage.getItem("language");
  } catch {
    return null; // the browser has no storage
  }
}

function remember(language) {
  try {
    localStorage.setItem("language", language);
  } catch {
    // then the choice is lost with the page
  }
}

function preferred() {
  const wanted = navigator.languages?.[0] ?? navigator.language ?? "en";
  return wanted.toLowerCase().startsWith("zh") ? "zh" : "en";
}

function speak(language) {
  page.classList.toggle("chinese", language === "zh");
  page.lang = language === "zh" ? "zh-Hans" : "en";
  document.title = page.getAttribute(`data-title-${language}`);
  for (const element of document.querySelectorAll("[data-label-en]")) {
    element.setAttribute("aria-label", element.getAttribute(`data-label-${language}`));
  }
  for (const element of document.querySelectorAll("[data-placeholder-en]")) {
    element.placeholder = element.getAttribute(`data-placeholder-${language}`);
  }
  for (const button of document.querySelectorAll("[data-language]")) {
    button.setAttribute("aria-pressed", String(button.dataset.language === language));
  }
}

const start = ["en", "zh"].includes(remembered()) ? remembered() : preferred();
page.classList.toggle("chinese", start === "zh"); // before anything is rendered

// Regions that scroll are tab stops; those that do not scroll are not

function letReach() {
  const wide = [...document.querySelectorAll(".scroll, .drawing, .math")].map((element) => [
    element,
    element.scrollWidth > element.clientWidth,
  ]);
  for (const [element, scrolls] of wide) {
    if (scrolls) element.tabIndex = 0;
    else element.removeAttribute("tabindex");
  }
}

// Once for many changes: each box that is open from the start says so
const letReachSoon = soon(() => letReach());

// Do the work before the page is drawn next, however often it is asked for until then
function soon(work) {
  let waiting = false;
  return () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      work();
    });
  };
}

function letSpeak() {
  speak(start);
  for (const button of document.querySelectorAll("[data-language]")) {
    button.addEventListener("click", () => {
      speak(button.dataset.language);
      letReach();
      remember(button.dataset.language);
    });
  }
}
