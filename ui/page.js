// The page's own behaviour: panels take keyed pieces of HTML, buttons send what they carry, forms send what was typed.
// Runs once a panel; the shared part is made by whichever panel comes first.
window.retort ||= (() => {
  const panels = {};

  const project = () => new URLSearchParams(location.search).get("project") || "";

  // What the table of a review shows. The address holds it, so that a reload and the way back show the same.
  function looking() {
    const said = new URLSearchParams(location.search);
    const text = (name, otherwise = "") => said.get(name) || otherwise;
    return {
      open: said.has("review"), state: text("state", "to judge"), source: text("source"), cell: text("cell"),
      text: text("text"), page: Math.max(1, parseInt(text("page", "1")) || 1),
    };
  }

  function look(changes) {
    const url = new URL(location.href);
    const next = { ...looking(), page: 1, ...changes, open: changes.open ?? true };
    for (const [name, value] of Object.entries({ ...next, review: next.open ? 1 : "" }))
      name === "open" || !next.open || !value || (name === "page" && value === 1) ? url.searchParams.delete(name) : url.searchParams.set(name, value);
    if (next.open) url.searchParams.set("review", 1);
    history.pushState({}, "", url);
    panels.review.trigger("click", { act: { do: "look" }, asking: asking() });
  }

  // What this window shows: the server answers with what differs from it, and only for this project.
  const asking = () =>
    JSON.stringify({
      project: project(),
      seen: Object.fromEntries(Object.entries(panels).map(([k, p]) => [k, p.mark])),
      look: looking(),
    });

  function address(id, push) {
    const url = new URL(location.href);
    if (id !== project()) url.search = ""; // another project is opened at its conversation
    id ? url.searchParams.set("project", id) : url.searchParams.delete("project");
    const moved = id !== project();
    push ? history.pushState({}, "", url) : history.replaceState({}, "", url);
    if (moved) waiting?.abort(); // what was waited for is news of another project
  }

  // The server tells when something changed, and the window then asks for what. Hidden windows do not wait: a browser
  // holds few connections to a server. While nobody answers, asking now and then takes its place.
  let waiting = null;
  const pause = (ms) => new Promise((done) => setTimeout(done, ms));
  const shown = () => new Promise((done) => (document.hidden ? document.addEventListener("visibilitychange", done, { once: true }) : done()));
  async function listen() {
    let known = { project: null, mark: "" };
    for (;;) {
      await shown();
      const mine = (waiting = new AbortController());
      const asked = project();
      try {
        const query = new URLSearchParams({ project: asked, known: known.project === asked ? known.mark : "" });
        const answer = await fetch(`retort/news?${query}`, { signal: mine.signal, cache: "no-store" });
        const { mark } = await answer.json();
        if (!mark) return; // this server cannot tell: its page has a quick timer
        if (known.project === asked && known.mark === mark) continue;
        known = { project: asked, mark };
      } catch {
        if (mine.signal.aborted) continue;
        await pause(1500);
      }
      panels.chat?.trigger("click", { act: { do: "news" }, asking: asking() });
      await pause(500); // much news in a row are asked for together
    }
  }

  // Change only what differs, so that a button under the pointer, an open form and typed text stay as they are.
  function morph(now, next) {
    if (now.isEqualNode(next)) return;
    if (now.nodeType !== next.nodeType || now.nodeName !== next.nodeName) return now.replaceWith(next);
    if (now.nodeType === Node.TEXT_NODE) return void (now.textContent = next.textContent);
    const kept = now.nodeName === "DETAILS" ? ["open"] : [];
    for (const { name } of [...now.attributes]) if (!next.hasAttribute(name) && !kept.includes(name)) now.removeAttribute(name);
    for (const { name, value } of [...next.attributes]) if (now.getAttribute(name) !== value) now.setAttribute(name, value);
    const [old, fresh] = [[...now.childNodes], [...next.childNodes]];
    fresh.forEach((child, i) => (old[i] ? morph(old[i], child) : now.append(child)));
    old.slice(fresh.length).forEach((child) => child.remove());
  }

  // Narrow windows scroll the page, wide ones the conversation.
  const scroller = (panel) => (getComputedStyle(panel.outer).overflowY === "auto" ? panel.outer : document.scrollingElement);

  function toEnd(panel) {
    if (scroller(panel) === panel.outer) panel.outer.scrollTop = panel.outer.scrollHeight;
    else document.getElementById("middle").scrollIntoView({ block: "end" }); // the live panel lies below
  }

  function paint(panel, view) {
    if (!view || !view.items || view.serial <= panel.serial || view.asked !== project()) return;
    if (panel.name === "review" && view.look !== JSON.stringify(looking())) return;
    if (view.project !== view.asked) address(view.project, false);
    const elsewhere = panel.project !== view.project;
    const box = scroller(panel);
    const near = panel.name === "chat" && box.scrollHeight - box.scrollTop - box.clientHeight < 160;
    Object.assign(panel, { serial: view.serial, mark: view.mark, project: view.project });
    panel.root.querySelectorAll(".passing").forEach((node) => node.remove());
    const wanted = new Set(view.items.map(({ key }) => key));
    // First what goes: then what stays need not move, and a moved box would lose its focus.
    for (const node of [...panel.root.children]) if (!wanted.has(node.dataset.key)) node.remove();
    const had = new Map([...panel.root.children].map((node) => [node.dataset.key, node]));
    let last = null;
    let first = null; // the first newcomer that is not the user's own
    view.items.forEach(({ key, html }, place) => {
      let node = had.get(key);
      if (!node || node.source !== html) {
        const fresh = document.createElement("div");
        fresh.className = "item";
        fresh.dataset.key = key;
        fresh.innerHTML = html;
        if (node) morph(node, fresh.cloneNode(true));
        else first = (node = fresh).querySelector(".entry.user, .busy") ? first : first || node;
        node.source = html;
      }
      if (panel.root.children[place] !== node) panel.root.insertBefore(node, panel.root.children[place] || null);
      last = node;
    });
    if (panel.name === "chat") settle(panel, first, last, near, elsewhere);
    if (panel.name === "review") review.painted();
  }

  // Follow the conversation unless the reader has scrolled up; news too tall for the window is shown from its top.
  function settle(panel, first, last, near, elsewhere) {
    if (!elsewhere && (!first || !near)) return;
    requestAnimationFrame(() => {
      const tall = first && last.offsetTop + last.offsetHeight - first.offsetTop > scroller(panel).clientHeight - 40;
      if (tall && !elsewhere) first.scrollIntoView({ block: "start" });
      else toEnd(panel);
    });
  }

  // The user's own words appear at once; the server's answer replaces them.
  function passing(text) {
    const panel = panels.chat;
    panel.root.querySelector(".welcome")?.parentElement.remove();
    const node = document.createElement("div");
    node.className = "item passing";
    node.innerHTML = '<article class="entry user"><div class="said"></div></article><div class="entry assistant busy"><i></i><i></i><i></i></div>';
    node.querySelector(".said").textContent = text;
    panel.root.append(node);
    toEnd(panel);
  }

  function send(panel, act, source) {
    if (act.do === "open") address(act.project || "", true);
    if (act.do === "say") {
      if (looking().open) look({ open: false }); // what is said is answered in the conversation
      passing(act.text);
    }
    source?.classList.add("sent"); // one click, one action; the next view brings a fresh button
    setTimeout(() => source?.classList.remove("sent"), 4000);
    panel.trigger("click", { act, asking: asking() });
  }

  function pressed(panel, event) {
    const copy = event.target.closest("[data-copy]");
    if (copy) {
      navigator.clipboard.writeText(copy.parentElement.querySelector("pre").textContent);
      copy.textContent = "Copied";
      return;
    }
    const show = event.target.closest("[data-show]");
    if (show) return look(JSON.parse(show.dataset.show));
    const one = panel.name === "review" && event.target.closest(".item:has(> .look)");
    if (one) review.to(one);
    const source = event.target.closest("button[data-act]");
    if (source && event.isTrusted && !source.classList.contains("sent")) {
      send(panel, JSON.parse(source.dataset.act), source);
      if (source.dataset.then) look(JSON.parse(source.dataset.then));
    }
  }

  function submitted(panel, event) {
    const form = event.target.closest("form[data-act]");
    if (!form) return;
    event.preventDefault();
    const act = JSON.parse(form.dataset.act);
    act.arguments ||= {};
    const lines = (text) => text.split("\n").map((line) => line.trim()).filter(Boolean);
    for (const box of form.elements)
      if (box.name && (box.nodeName === "SELECT" ? changed(box) : box.value !== box.defaultValue)) act.arguments[box.name] = "lines" in box.dataset ? lines(box.value) : box.value;
    for (const set of form.querySelectorAll("fieldset[data-json]")) {
      const boxes = [...set.querySelectorAll("[data-field]")];
      const broken = boxes.find((box) => !readable(box));
      if (broken) return void (broken.setCustomValidity("This is not valid JSON."), broken.reportValidity());
      if (boxes.some(changed)) act.arguments[set.dataset.json] = JSON.stringify(Object.fromEntries(boxes.map((box) => [box.dataset.field, value(box)])));
    }
    form.closest("details")?.removeAttribute("open");
    send(panel, act);
  }

  // A box of a JSON answer: its value by its type; what is left empty is not there.
  const changed = (box) => (box.nodeName === "SELECT" ? ![...box.options].find((one) => one.defaultSelected)?.selected : box.value !== box.defaultValue);
  function value(box) {
    const said = box.value.trim();
    if (!said) return null;
    if (box.dataset.kind === "string") return said;
    if (box.dataset.kind === "boolean") return said === "true";
    return box.dataset.kind === "list" || box.dataset.kind === "object" ? JSON.parse(said) : Number(said);
  }
  function readable(box) {
    box.setCustomValidity("");
    try {
      return value(box) !== undefined;
    } catch {
      return false;
    }
  }

  function switched(event) {
    const filter = event.target.dataset?.look;
    if (filter) {
      event.target.blur(); // so that keys judge again
      return look({ [filter]: event.target.value });
    }
    const chosen = event.target.dataset?.list;
    if (!chosen) return;
    const box = event.target.closest("details");
    box.querySelectorAll("[data-rows]").forEach((rows) => (rows.hidden = rows.dataset.rows !== chosen));
  }

  const review = window.reviewTable({ panels, looking, look, send });

  function panel(name, element, trigger, props, watch) {
    const root = element.querySelector(".items");
    const mine = (panels[name] = { name, root, trigger, serial: 0, mark: "", project: null, outer: document.getElementById(name) });
    element.addEventListener("click", (event) => pressed(mine, event));
    element.addEventListener("submit", (event) => submitted(mine, event));
    element.addEventListener("change", switched);
    watch("value", () => paint(mine, props.value));
    paint(mine, props.value);
  }

  // A key presses the newest button that bears it, unless somebody is typing.
  function typed(event) {
    const busy = event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.("textarea, input, select");
    if (busy || !event.isTrusted || !/^[a-z]$/i.test(event.key)) return;
    const source = [...document.querySelectorAll(`#chat button[data-key="${event.key.toLowerCase()}"]`)].at(-1);
    if (source && !source.classList.contains("sent")) send(panels.chat, JSON.parse(source.dataset.act), source);
  }

  addEventListener("keydown", typed);
  document.addEventListener("visibilitychange", () => document.hidden && waiting?.abort());
  addEventListener("popstate", () => waiting?.abort());
  listen();
  addEventListener("popstate", () => panels.projects?.trigger("click", { act: { do: "open", project: project() }, asking: asking() }));

  return { asking, panel, passing };
})();
