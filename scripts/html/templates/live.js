"use strict";
// The live page: changed parts arrive as HTML; between them the browser itself updates ages and freshness.

const LATE_MS = 10_000;
const BROKEN_MS = 2_000; // how long a lost connection is not reported, so that a server may be restarted
const AGAIN_MS = 5_000;
let ahead = 0; // how far the clock of the server is ahead of this one
let heardAt = Date.now();
let isBroken = false;

function lasting(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  const two = (count, name, rest, small) => `${count.toLocaleString("en")} ${name}${rest ? ` ${rest} ${small}` : ""}`;
  if (s < 60) return `${s} s`;
  if (s < 3600) return two(Math.floor(s / 60), "min", s % 60, "s");
  if (s < 86400) return two(Math.floor(s / 3600), "h", Math.floor((s % 3600) / 60), "min");
  return two(Math.floor(s / 86400), "d", Math.floor((s % 86400) / 3600), "h");
}

function tick() {
  const now = Date.now() + ahead;
  for (const each of document.querySelectorAll("time[data-since], time[data-ago]")) {
    const words = lasting(now - Date.parse(each.dateTime)) + ("ago" in each.dataset ? " ago" : "");
    each.title ||= each.textContent;
    if (each.textContent !== words) each.textContent = words;
  }
  const lost = document.getElementById("lost");
  if (lost) {
    lost.hidden = Date.now() - heardAt < (isBroken ? BROKEN_MS : LATE_MS);
    document.body.classList.toggle("stale", !lost.hidden);
    const since = document.getElementById("lost-since");
    const heard = `${new Date(heardAt + ahead).toISOString().slice(0, 19).replace("T", " ")} UTC`;
    if (!lost.hidden) document.title = "not known: no word from the server";
    if (!lost.hidden && since.textContent !== heard) since.textContent = heard; // a screen reader reads an alert whenever it changes
  }
}

function offerCopies(root) {
  if (!navigator.clipboard) return;
  for (const button of root.querySelectorAll("button.copy")) button.hidden = false;
}

function renew(id, html) {
  const part = document.getElementById(id);
  if (!part) return;
  const focused = part.contains(document.activeElement) ? document.activeElement : null;
  const kept = focused && [focused.tagName, focused.getAttribute("href"), focused.dataset.copy];
  part.innerHTML = html; // the server has escaped all texts of the ledger
  offerCopies(part);
  if (!kept) return;
  for (const each of part.querySelectorAll(kept[0]))
    if (each.getAttribute("href") === kept[1] && each.dataset.copy === kept[2]) return each.focus();
}

function told(message) {
  const { now, parts } = JSON.parse(message.data);
  heardAt = Date.now();
  isBroken = false;
  ahead = Date.parse(now) - heardAt;
  for (const [id, html] of Object.entries(parts)) renew(id, html);
  const title = document.querySelector("#status [data-title]");
  if (title) document.title = title.dataset.title;
  tick();
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button.copy");
  if (!button) return;
  await navigator.clipboard.writeText(button.dataset.copy);
  button.textContent = "copied";
  setTimeout(() => { button.textContent = "copy"; }, 2000);
});

const moment = document.getElementById("moment");
const slider = document.getElementById("slider");
let isLooking = false;
let isAskedAgain = false;

async function lookBack() {
  if (isLooking) {
    isAskedAgain = true; // only one request at a time; the newest wish is asked next
    return;
  }
  isLooking = true;
  const then = document.getElementById("then");
  then.classList.add("looking");
  do {
    isAskedAgain = false;
    const asked = new URLSearchParams(new FormData(moment));
    try {
      const answer = await fetch(`/positions/then?${asked}`);
      if (!answer.ok) throw new Error(`${answer.status}`);
      const html = await answer.text();
      if (!isAskedAgain) {
        renew("then", html);
        history.replaceState(null, "", `/positions?${asked}`);
      }
    } catch (wrong) {
      then.textContent = `Not known: the server did not answer (${wrong.message}).`;
    }
  } while (isAskedAgain);
  then.classList.remove("looking");
  isLooking = false;
}

if (slider) {
  slider.parentElement.hidden = false;
  slider.addEventListener("input", () => {
    moment.elements.at.value = new Date(slider.value * 1000).toISOString().replace(".000", "");
    lookBack();
  });
  moment.addEventListener("change", (event) => { if (event.target.name === "by") lookBack(); });
}

offerCopies(document);
function listen() {
  const events = new EventSource("/events");
  events.onmessage = told;
  events.onerror = () => {
    isBroken = true;
    if (events.readyState === EventSource.CLOSED) setTimeout(listen, AGAIN_MS); // the server answered with an error
  };
}

if (document.querySelector("[data-part]")) listen();
setInterval(tick, 1000);
tick();
