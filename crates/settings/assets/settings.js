// Copies, shows times as this browser writes them, asks whether the first request has come, and
// forgets a key when the page is left. The page works without it.
"use strict";

const language = document.documentElement.lang;

const CLOCK = new Intl.DateTimeFormat(language, { timeStyle: "short" });
const DATE = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });

for (const time of document.querySelectorAll("time[datetime]")) {
  const at = new Date(time.dateTime);
  if (Number.isNaN(at.getTime())) continue;
  time.title = time.textContent;
  time.textContent = (time.dataset.time === "clock" ? CLOCK : DATE).format(at);
}

for (const button of document.querySelectorAll("button[data-copy]")) {
  const source = document.getElementById(button.dataset.copy);
  if (!source || !navigator.clipboard) continue;
  const name = button.textContent;
  button.hidden = false;
  button.setAttribute("aria-live", "polite");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(source.textContent.trim());
    } catch {
      // The browser does not allow it: what is selected is copied with the keyboard.
      getSelection().selectAllChildren(source);
      return;
    }
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

// Nor show what was true when it was left: another session, or one that has ended.
addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  if (document.querySelector("[data-secret]")) location.replace("/settings/keys");
  else location.reload();
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
    const time = said.at ? CLOCK.format(new Date(said.at)) : "";
    const shown = said.class === "none" ? waiting.dataset.waiting : said.text.replace("{time}", time);
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
