// Search over sections, questions, functions, tests, claims and deviations, in both languages.

const KINDS = {
  section: { en: "section", zh: "章节", rank: 0 },
  question: { en: "question", zh: "问题", rank: 1 },
  code: { en: "function", zh: "函数", rank: 2 },
  story: { en: "wrong result", zh: "错误结果", rank: 3 },
  law: { en: "test", zh: "测试", rank: 4 },
  claim: { en: "claim", zh: "说法", rank: 5 },
  test: { en: "test", zh: "测试", rank: 6 },
  deviation: { en: "deviation", zh: "偏差", rank: 7 },
};
const PLACES = [
  ["section", "#book .section > h3", (it) => it.closest(".section").id],
  ["question", "#book h4[id]", (it) => it.id],
  ["code", "#book .code > summary > code", (it) => it.closest(".code").id],
  ["code", "#book .ladder > summary > code", (it) => it.closest(".section").id.replace("book-", "try-")],
  ["story", "#book .silent > h4", (it) => it.closest("article").id],
  ["law", "#book .law > summary > .sentence", (it) => it.closest(".law").id],
  ["claim", ".claim .claim-text", (it) => it.closest(".claim").id],
  ["test", ".claim .test > summary > .sentence", (it) => it.closest(".claim").id],
  ["deviation", ".deviation > h3", (it) => it.closest(".deviation").id],
];
const MOST = 12; // entries that are shown
const SMALL_WORDS = new Set("a an and are be can do does for go goes has how i in is it of on the to what when where which who why".split(" "));
const PARTICLES = /[的是了吗呢么什为怎样]/;
let entries = null;

// Built when the search is first used: each entry with its words in both languages
function collectEntries() {
  return PLACES.flatMap(([kind, selector, id]) =>
    [...document.querySelectorAll(selector)].map((element) => {
      const en = spoken(element, "en");
      const zh = spoken(element, "zh");
      const more = [id(element), element.closest("details.law")?.querySelector(".where").textContent ?? ""];
      const text = plain([en, zh, ...more].join(" "));
      return { kind, id: id(element), en, zh, text, below: kind === "question" ? plain(below(element)) : "" };
    }),
  );
}

// What stands below a question, up to the next one
function below(heading) {
  let text = "";
  for (let it = heading.nextElementSibling; it !== null && it.tagName !== "H4"; it = it.nextElementSibling) text += ` ${it.textContent}`;
  return text;
}

function spoken(element, language) {
  const copy = element.cloneNode(true);
  for (const other of copy.querySelectorAll(language === "en" ? ".zh" : ".en")) other.remove();
  return copy.textContent.replace(/\s+/g, " ").trim();
}

// What is asked, in words: a question may be typed as it is spoken
function wordsOf(asked) {
  const pieces = plain(asked).match(/[\u4e00-\u9fff]+|[^\s\u4e00-\u9fff]+/g) ?? [];
  const words = pieces.flatMap((piece) => (/[\u4e00-\u9fff]/.test(piece) ? piece.split(PARTICLES).flatMap(pairs) : piece));
  const telling = words.filter((word) => word !== "" && !SMALL_WORDS.has(word));
  return telling.length > 0 ? telling : words.filter(Boolean);
}

// Chinese is written without spaces: each two neighbours are a word
function pairs(text) {
  return text.length < 3 ? [text] : [...text.slice(1)].map((next, place) => text[place] + next);
}

function plain(text) {
  return text.toLowerCase().replace(/[_"'“”‘’=?!,;:()？！，；：（）。、]+/g, " ");
}

// Those with all words; if there are none, those with the most, if that is a third of them
function find(asked) {
  const words = wordsOf(asked);
  if (words.length === 0) return [];
  entries ??= collectEntries();
  const inHeading = ({ text }) => words.filter((word) => text.includes(word)).length;
  const inAll = ({ text, below }) => words.filter((word) => text.includes(word) || below.includes(word)).length;
  const hits = new Map(entries.map((entry) => [entry, inAll(entry)]));
  const most = Math.max(...hits.values());
  if (most < words.length / 3) return [];
  const seen = new Set();
  const found = entries.filter((entry) => hits.get(entry) === most && !seen.has(entry.id) && seen.add(entry.id));
  const whole = plain(asked).trim();
  const place = (entry) => KINDS[entry.kind].rank - 10 * (plain(`${entry.en} ${entry.zh}`).includes(whole) + inHeading(entry));
  return found.map((entry) => [place(entry), entry]).sort(([a], [b]) => a - b).map(([, entry]) => entry).slice(0, MOST);
}

function showFound(list, input) {
  const language = page.classList.contains("chinese") ? "zh" : "en";
  const found = find(input.value);
  list.replaceChildren(...found.map((entry, place) => option(entry, place, language)));
  if (found.length === 0) list.append(nothing(language));
  list.hidden = input.value.trim() === "";
  input.setAttribute("aria-expanded", String(!list.hidden));
  choose(list, input, 0);
}

function option(entry, place, language) {
  const item = document.createElement("li");
  const what = document.createElement("span");
  item.id = `found-${place}`;
  item.role = "option";
  item.dataset.target = entry.id;
  what.className = "what";
  what.textContent = KINDS[entry.kind][language];
  item.append(what, entry[language] || entry.en);
  return item;
}

function nothing(language) {
  const item = document.createElement("li");
  item.className = "none";
  item.role = "option";
  item.textContent = language === "zh" ? "没有找到" : "Nothing found";
  return item;
}

function choose(list, input, wanted) {
  const options = [...list.children].filter((item) => item.id !== "");
  const at = options.length === 0 ? -1 : (wanted + options.length) % options.length;
  for (const [place, item] of options.entries()) item.setAttribute("aria-selected", String(place === at));
  if (at < 0) input.removeAttribute("aria-activedescendant");
  else {
    input.setAttribute("aria-activedescendant", options[at].id);
    if (!list.hidden) options[at].scrollIntoView({ block: "nearest" });
  }
}

function letFind() {
  const input = document.getElementById("find");
  const list = document.getElementById("found");
  const chosen = () => [...list.children].findIndex((item) => item.getAttribute("aria-selected") === "true");
  const close = () => {
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
  };
  input.addEventListener("input", () => showFound(list, input));
  input.addEventListener("focus", () => input.value !== "" && showFound(list, input));
  input.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined) {
      choose(list, input, chosen() + step);
      event.preventDefault();
    } else if (event.key === "Enter") {
      list.querySelector('[aria-selected="true"]')?.click();
    } else if (event.key === "Escape") close();
  });
  list.addEventListener("click", (event) => {
    const target = event.target.closest("[data-target]")?.dataset.target;
    if (target === undefined) return;
    if (location.hash === `#${target}`) follow();
    else location.hash = target;
    close();
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest(".finder") === null) close();
  });
}
