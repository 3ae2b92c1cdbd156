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
  ["code", "#book .ladder > summary > code", (it) => it.closest(".ladder").id],
  ["story", "#book .silent > h4", (it) => it.closest("article").id],
  ["law", "#book .law > summary > .sentence", (it) => it.closest(".law").id],
  ["claim", ".claim .claim-text", (it) => it.closest(".claim").id],
  ["test", ".claim .test > summary > .sentence", (it) => it.closest(".claim").id],
  ["deviation", ".deviation > h3", (it) => it.closest(".deviation").id],
];
const MOST = 12; // entries that are shown
const SMALL_WORDS = new Set("a an and are be can do does for go goes has how i in is it of on the to what when where which who why".split(" "));
const PREFIX = /^(?:torch\.|nn\.|functional\.|optim\.|f\.)+/;
const SAME = [["padding", "填充"], ["stride", "步幅", "步长"], ["dilation", "膨胀"], ["kernel", "卷积核"], ["gradient", "梯度"], ["并列", "相等"]];
const PARTICLES = /[的是了吗呢么什为怎样]/;
let entries = null;

// Built when the search is first used: each entry with its words in both languages
function collectEntries() {
  return PLACES.flatMap(([kind, selector, id]) =>
    [...document.querySelectorAll(selector)].map((element) => {
      const en = spoken(element, "en");
      const zh = spoken(element, "zh");
      const more = [id(element), element.closest("details.law")?.querySelector(".where").textContent ?? ""];
      const text = withSame(plain([en, zh, ...more].join(" ")));
      const section = element.closest(".section");
      const number = section?.id.match(/[\d.]+$/)?.[0] ?? "";
      const around = kind === "question" ? withSame(plain(`${section.querySelector("h3").textContent} ${below(element)}`)) : "";
      return { kind, id: id(element), box: element.closest("details"), number, en, zh, text, below: around, names: namesOf(kind, element) };
    }),
  );
}

// A text in which each word of the trade stands with those that mean the same
function withSame(text) {
  return [text, ...SAME.filter((words) => words.some((word) => text.includes(word))).flat()].join(" ");
}

// The functions that an entry is about: a section's are those that it lets the reader write, and what it reads on about
function namesOf(kind, element) {
  if (kind === "code") return new Set(spellings(element.textContent));
  const section = kind === "section" && element.closest(".section");
  if (!section || section.querySelector(".ladder") === null) return new Set();
  const named = [...section.querySelectorAll(".ladder > summary > code, .read-on a")];
  return new Set(named.flatMap((it) => spellings(it.textContent.split(",")[0])));
}

// A function and its class have a spelling in common: "max_pool2d" and "nn.MaxPool2d", "cross_entropy" and "CrossEntropyLoss"
function spellings(name) {
  const whole = name.toLowerCase().split(".").at(-1).replace(/[_()\s]|loss$/g, "");
  return [whole, whole.replace(/\dd$/, "")];
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
  const words = pieces.flatMap((piece) => (/[\u4e00-\u9fff]/.test(piece) ? piece.split(PARTICLES).flatMap(pairs) : piece.replace(PREFIX, "")));
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

// First what is named; then those with all words, or, if there are none, those with the most, if that is a third of them
function find(asked) {
  const words = wordsOf(asked);
  if (words.length === 0) return [];
  entries ??= collectEntries();
  const named = ({ names }) => spellings(asked.trim()).filter((spelling) => names.has(spelling)).length;
  const has = (text, names, word) => text.includes(word) || names.has(spellings(word)[1]);
  const inHeading = ({ text, names }) => words.filter((word) => has(text, names, word)).length;
  const inAll = ({ text, names, below }) => words.filter((word) => has(text, names, word) || below.includes(word)).length;
  const hits = new Map(entries.map((entry) => [entry, inAll(entry)]));
  const most = Math.max(...hits.values());
  const enough = Math.max(most === words.length ? most : (2 * most) / 3, words.length / 3);
  const whole = plain(asked).trim();
  const place = (entry) =>
    KINDS[entry.kind].rank -
    10 * (plain(`${entry.en} ${entry.zh}`).includes(whole) + inHeading(entry)) -
    1000 * hits.get(entry) -
    100_000 * named(entry);
  const found = entries.filter((entry) => named(entry) > 0 || hits.get(entry) >= enough);
  const sorted = found.map((entry) => [place(entry), entry]).sort(([a], [b]) => a - b).map(([, entry]) => entry);
  return withoutTwins(sorted).slice(0, MOST);
}

// Of those that lead to the same place, or look the same, the first
function withoutTwins(sorted) {
  const seen = new Set();
  return sorted.filter(({ kind, id, number, en }) => {
    const keys = [id, [KINDS[kind].en, number, en].join(" ")];
    return !keys.some((key) => seen.has(key)) && keys.forEach((key) => seen.add(key)) === undefined;
  });
}

let found = []; // as they are listed

function showFound(list, input) {
  const language = page.classList.contains("chinese") ? "zh" : "en";
  found = find(input.value);
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
  item.append(what);
  if (entry.kind !== "section" && entry.number !== "") item.append(numberOf(entry), " ");
  item.append(entry[language] || entry.en);
  return item;
}

function numberOf(entry) {
  const number = document.createElement("span");
  number.className = "section-number";
  number.textContent = entry.number;
  return number;
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
    const item = event.target.closest("[data-target]");
    if (item === null) return;
    const target = item.dataset.target;
    found[[...list.children].indexOf(item)].box?.setAttribute("open", "");
    if (location.hash === `#${target}`) follow();
    else location.hash = target;
    close();
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest(".finder") === null) close();
  });
}
