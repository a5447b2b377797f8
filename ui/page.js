// The page's own behaviour: panels take keyed pieces of HTML, buttons send what they carry, forms send what was typed.
// Runs once a panel; the shared part is made by whichever panel comes first.
window.retort ||= (() => {
  const panels = {};

  const project = () => new URLSearchParams(location.search).get("project") || "";

  // What this window shows: the server answers with what differs from it, and only for this project.
  const asking = () =>
    JSON.stringify({ project: project(), seen: Object.fromEntries(Object.entries(panels).map(([k, p]) => [k, p.mark])) });

  function address(id, push) {
    const url = new URL(location.href);
    id ? url.searchParams.set("project", id) : url.searchParams.delete("project");
    push ? history.pushState({}, "", url) : history.replaceState({}, "", url);
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
    if (view.project !== view.asked) address(view.project, false);
    const elsewhere = panel.project !== view.project;
    const box = scroller(panel);
    const near = panel.name === "chat" && box.scrollHeight - box.scrollTop - box.clientHeight < 160;
    Object.assign(panel, { serial: view.serial, mark: view.mark, project: view.project });
    panel.root.querySelectorAll(".passing").forEach((node) => node.remove());
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
      had.delete(key);
      if (panel.root.children[place] !== node) panel.root.insertBefore(node, panel.root.children[place] || null);
      last = node;
    });
    had.forEach((node) => node.remove());
    if (panel.name === "chat") settle(panel, first, last, near, elsewhere);
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
    if (act.do === "say") passing(act.text);
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
    const source = event.target.closest("button[data-act]");
    if (source && event.isTrusted && !source.classList.contains("sent")) send(panel, JSON.parse(source.dataset.act), source);
  }

  function submitted(panel, event) {
    const form = event.target.closest("form[data-act]");
    if (!form) return;
    event.preventDefault();
    const act = JSON.parse(form.dataset.act);
    const lines = (text) => text.split("\n").map((line) => line.trim()).filter(Boolean);
    for (const box of form.elements)
      if (box.name && box.value !== box.defaultValue) act.arguments[box.name] = "lines" in box.dataset ? lines(box.value) : box.value;
    form.closest("details")?.removeAttribute("open");
    send(panel, act);
  }

  function switched(event) {
    const chosen = event.target.dataset?.list;
    if (!chosen) return;
    const box = event.target.closest("details");
    box.querySelectorAll("[data-rows]").forEach((rows) => (rows.hidden = rows.dataset.rows !== chosen));
  }

  function panel(name, element, trigger, props, watch) {
    const root = element.querySelector(".items");
    const mine = (panels[name] = { name, root, trigger, serial: 0, mark: "", project: null, outer: document.getElementById(name) });
    element.addEventListener("click", (event) => pressed(mine, event));
    element.addEventListener("submit", (event) => submitted(mine, event));
    element.addEventListener("change", switched);
    watch("value", () => paint(mine, props.value));
    paint(mine, props.value);
  }

  addEventListener("popstate", () => panels.projects?.trigger("click", { act: { do: "open", project: project() }, asking: asking() }));

  return { asking, panel, passing };
})();
