// Copies, shows times as this browser writes them, asks whether the first request has come, and
// forgets a key when the page is left. The page works without it.
"use strict";

const language = document.documentElement.lang;

for (const time of document.querySelectorAll("time[datetime]")) {
  const at = new Date(time.dateTime);
  if (Number.isNaN(at.getTime())) continue;
  const only = time.dataset.time === "clock";
  const options = only ? { timeStyle: "short" } : { dateStyle: "medium", timeStyle: "short" };
  time.title = time.textContent;
  time.textContent = new Intl.DateTimeFormat(language, options).format(at);
}

for (const button of document.querySelectorAll("button[data-copy]")) {
  const source = document.getElementById(button.dataset.copy);
  if (!source || !navigator.clipboard) continue;
  const name = button.textContent;
  button.hidden = false;
  button.setAttribute("aria-live", "polite");
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(source.textContent.trim());
    button.textContent = button.dataset.done;
    setTimeout(() => { button.textContent = name; }, 3000);
  });
}

for (const code of document.querySelectorAll("code")) {
  code.addEventListener("dblclick", () => getSelection().selectAllChildren(code));
}

// A page that the browser keeps must not keep the key.
addEventListener("pagehide", () => {
  for (const secret of document.querySelectorAll("[data-secret]")) secret.textContent = "";
});

const waiting = document.querySelector("[data-status]");
if (waiting) {
  const text = waiting.querySelector("[data-text]");
  const line = waiting.querySelector(".waiting");
  const done = waiting.querySelector("[data-done]");
  if (line.classList.contains("none")) text.textContent = waiting.dataset.waiting;
  const EVERY = 4000;
  // A page that is left open is not asked about for ever.
  let left = 450;
  const ask = async () => {
    if (document.hidden) return true;
    const answer = await fetch(waiting.dataset.status, { headers: { accept: "application/json" } });
    if (!answer.ok) return false;
    const said = await answer.json();
    line.className = `waiting ${said.class}`;
    const shown = said.class === "none" ? waiting.dataset.waiting : said.text;
    if (text.textContent !== shown) text.textContent = shown;
    done.hidden = !said.connected;
    return !said.connected;
  };
  const next = async () => {
    left -= 1;
    let again = true;
    try {
      again = await ask();
    } catch {
      again = true;
    }
    if (again && left > 0) setTimeout(next, EVERY);
  };
  if (done.hidden) setTimeout(next, EVERY);
}
