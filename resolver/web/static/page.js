// The page is whole without this. With it: live panels, forms without a new page, the live log.
// The token stays in this tab (sessionStorage) and goes out in a header, never in a cookie or a URL.
"use strict";
(() => {
  const KEY = "resolver-token", MOST = 200;
  const at = (id) => document.getElementById(id);
  let token = sessionStorage.getItem(KEY) || "";
  const given = /^#token=(.+)$/.exec(location.hash);
  if (given) {
    token = decodeURIComponent(given[1]);
    history.replaceState(null, "", location.pathname);
  }
  const heads = (more) => ({ "X-Script": "1", ...(token && { Authorization: "Bearer " + token }), ...more });
  const say = (text) => { const said = at("said"); if (said) said.textContent = text; };
  const state = (text, name) => { const live = at("live"); if (live && live.textContent !== text) { live.textContent = text; live.className = name; } };

  // --- server-sent events, by fetch: EventSource cannot show a token ------------------------------
  async function events(path, signal, hear) {
    const reply = await fetch(path, { headers: heads(), signal, cache: "no-store" });
    if (!reply.ok) throw new Error((await reply.json().catch(() => ({}))).error || reply.statusText);
    const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let rest = ""; ;) {
      const { value, done } = await reader.read();
      if (done) return;
      const parts = (rest + value).split("\n\n");
      rest = parts.pop();
      for (const part of parts) {
        const found = /^event: (\w+)\ndata: (.*)$/s.exec(part);
        if (found) hear(found[1], JSON.parse(found[2]));
      }
    }
  }
  function follow(path, hear, lost) {
    const ending = new AbortController();
    (async () => {
      for (let wait = 1000; !ending.signal.aborted; wait = Math.min(2 * wait, 15000)) {
        try {
          await events(path, ending.signal, (kind, what) => { wait = 1000; hear(kind, what); });
          lost("");
        } catch (error) {
          if (ending.signal.aborted) return;
          lost(error instanceof TypeError ? "" : error.message);
        }
        await new Promise((go) => setTimeout(go, wait));
      }
    })();
    return () => ending.abort();
  }

  // --- panels -------------------------------------------------------------------------------------
  function draw(panels) {
    for (const [id, html] of Object.entries(panels)) {
      const place = at(id);
      if (!place) continue;
      const open = [...place.querySelectorAll("details[open]")].map((one) => one.id);
      place.innerHTML = html;
      for (const one of open) if (at(one)) at(one).open = true;
      const panel = place.closest("section");
      if (panel) panel.hidden = !html;
    }
  }
  let leave = null;
  function live() {
    if (leave) leave();
    leave = null;
    if (document.hidden || !at("glance")) return;
    leave = follow("/live", (kind, what) => {
      if (kind === "panels") { draw(what); state("live", "on"); } else state(String(what), "off");
    }, (why) => state(why || "not live; trying again", "off"));
  }
  document.addEventListener("visibilitychange", () => { live(); log(); });

  // --- the log ------------------------------------------------------------------------------------
  let unfollow = null;
  function log() {
    if (unfollow) unfollow();
    unfollow = null;
    const box = at("log");
    if (!box || !box.open || document.hidden) return;
    unfollow = follow("/log", (kind, what) => {
      if (kind !== "lines") { at("log-said").textContent = String(what); return; }
      const lines = at("lines");
      lines.insertAdjacentHTML("afterbegin", what.lines.reverse().join(""));
      while (lines.rows.length > MOST) lines.deleteRow(-1);
      const more = what.more ? what.more + " more in this second are not shown." : "It runs while this is open; nothing of it is kept.";
      at("log-said").textContent = [...what.silent, more].join(" \u00b7 ");
    }, (why) => { at("log-said").textContent = why || "The log has stopped; trying again."; });
  }
  document.addEventListener("toggle", (event) => { if (event.target.id === "log") log(); }, true);

  // --- forms --------------------------------------------------------------------------------------
  async function send(fields) {
    const body = new URLSearchParams(fields);
    return fetch("/", { method: "POST", headers: heads(), body, cache: "no-store" });
  }
  async function enter(shown) {
    token = shown;
    const reply = await send({});
    if (!reply.ok) {
      token = "";
      sessionStorage.removeItem(KEY);
      say((await reply.json().catch(() => ({}))).error || "The token is another one.");
      live();
      return;
    }
    sessionStorage.setItem(KEY, token);
    const fresh = new DOMParser().parseFromString(await reply.text(), "text/html");
    document.body.replaceChildren(...fresh.body.children);
    live();
  }
  document.addEventListener("submit", async (event) => {
    const form = event.target, fields = Object.fromEntries(new FormData(form));
    const button = form.querySelector("button");
    event.preventDefault();
    say("");
    button.disabled = true;
    try {
      if (form.id === "enter") { await enter(String(fields.token)); return; }
      delete fields.token;
      const told = await (await send(fields)).json();
      say(told.said || told.error || "");
      const result = at(told.place || "result");
      if (told.html && result) { result.innerHTML = told.html; result.focus({ preventScroll: fields.do === "why" }); }
    } catch {
      say("The page's process does not answer; try again.");
    } finally {
      button.disabled = false;
    }
  });
  if (token) enter(token); else live();
})();
