// Copies, shows times as this browser writes them, asks whether the first request has come, and
// forgets a key when the page is left. The page works without it.
"use strict";

const language = document.documentElement.lang;

const CLOCK = new Intl.DateTimeFormat(language, { timeStyle: "short" });
const DATE = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });

// Of today the time of day, else the date as well, each with its preposition.
const near = (at) => {
  const { at: atClock, on: onDate } = document.body.dataset;
  const isToday = at.toDateString() === new Date().toDateString();
  return isToday ? `${atClock} ${CLOCK.format(at)}` : `${onDate} ${DATE.format(at)}`;
};

for (const time of document.querySelectorAll("time[datetime]")) {
  const at = new Date(time.dateTime);
  if (Number.isNaN(at.getTime())) continue;
  time.title = time.textContent;
  const { time: kind } = time.dataset;
  time.textContent = kind === "near" ? near(at) : (kind === "clock" ? CLOCK : DATE).format(at);
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
  const list = document.querySelector("nav a[aria-current]");
  if (document.querySelector("[data-secret]")) location.replace(list ? list.href : "/settings");
  else location.reload();
});

const waiting = document.querySelector("[data-status]");
if (waiting) {
  const text = waiting.querySelector("[data-text]");
  const line = waiting.querySelector(".waiting");
  const done = waiting.querySelector("[data-done]");
  const stop = waiting.querySelector("[data-stop]");
  if (line.classList.contains("none")) text.textContent = waiting.dataset.waiting;
  const EVERY = 4000;
  const LONGEST = 60000;
  // A page that is left open is not asked about for ever.
  let left = 450;
  let pause = EVERY;
  let timer = 0;
  let isAsking = false;
  const end = (why) => {
    left = 0;
    stop.querySelector("span").textContent = why;
    stop.hidden = false;
    line.hidden = line.classList.contains("none");
  };
  const show = (said) => {
    line.className = `waiting ${said.class}`;
    const time = said.at ? near(new Date(said.at)) : "";
    const shown = said.class === "none" ? waiting.dataset.waiting : said.text.replace("{time}", time);
    if (text.textContent !== shown) text.textContent = shown;
    done.hidden = !said.connected;
    if (!said.connected) return;
    left = 0;
    waiting.closest("li").classList.add("done");
  };
  const ask = async () => {
    // Nobody looks: it goes on when somebody does.
    if (document.hidden || isAsking || left <= 0) return;
    left -= 1;
    isAsking = true;
    try {
      const answer = await fetch(waiting.dataset.status, { headers: { accept: "application/json" } });
      if (answer.ok) {
        pause = EVERY;
        show(await answer.json());
      } else if (answer.status === 429 || answer.status >= 500) {
        pause = Math.min(pause * 2, LONGEST);
      } else {
        end(waiting.dataset.ended);
      }
    } catch {
      // The network is gone for now.
      pause = Math.min(pause * 2, LONGEST);
    }
    isAsking = false;
    if (left > 0) timer = setTimeout(ask, pause);
    else if (done.hidden && stop.hidden) end(waiting.dataset.stopped);
  };
  if (done.hidden) {
    timer = setTimeout(ask, EVERY);
    document.addEventListener("visibilitychange", () => {
      clearTimeout(timer);
      if (!document.hidden) ask();
    });
  }
}
