// The matrix' controls: a link unfolds what it leads to.

function unfold() {
  let id = location.hash.slice(1);
  try {
    id = decodeURIComponent(id);
  } catch {
    // not an anchor of this page
  }
  const target = document.getElementById(id);
  if (target === null) return;
  for (let element = target; element !== null; element = element.parentElement) {
    if (element.tagName === "DETAILS") element.open = true;
  }
  target.scrollIntoView();
}

document.addEventListener("DOMContentLoaded", () => {
  letSpeak();
  document.addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#"]'); // a second click on the same link does not change the address
    if (link !== null && link.hash === location.hash) unfold();
  });
  window.addEventListener("hashchange", unfold);
  window.addEventListener("resize", letReachSoon);
  document.addEventListener("toggle", letReachSoon, true);
  letReach();
  unfold();
});
