// The table of a review by keyboard: one row is here, some may be picked, and a key judges them.
// Loaded before page.js, which lends it what it needs.
window.reviewTable ||= ({ panels, looking, look, send }) => {
  let here = ""; // key of the row
  let place = 0;
  const picked = new Set();
  const rows = () => [...panels.review.root.querySelectorAll(".item:has(> .look)")];
  const row = () => rows().find((one) => one.dataset.key === here);

  function painted() {
    const all = rows();
    const found = all.findIndex((one) => one.dataset.key === here);
    if (found >= 0) place = found;
    else here = all[(place = Math.max(0, Math.min(place, all.length - 1)))]?.dataset.key || "";
    const known = new Set(all.map((one) => one.dataset.key));
    [...picked].forEach((key) => known.has(key) || picked.delete(key));
    for (const box of panels.review.root.querySelectorAll("[data-look]"))
      if (box !== document.activeElement) box.value = looking()[box.dataset.look];
    mark();
  }

  function mark() {
    for (const one of rows()) {
      one.classList.toggle("here", one.dataset.key === here);
      one.classList.toggle("picked", picked.has(one.dataset.key));
    }
    bar().querySelector(".picks").textContent = picked.size ? `${picked.size} selected` : "";
  }

  function go(step) {
    const all = rows();
    let next = all.indexOf(row()) + step;
    while (all[next]?.classList.contains("done")) next += step;
    if (all[next]) to(all[next]);
  }

  function to(one) {
    here = one.dataset.key;
    place = rows().indexOf(one);
    mark();
    one.scrollIntoView({ block: "nearest" });
  }

  // The samples a key means: those picked, else the one that is here. They fade at once; the server takes them away.
  function judge(verb, more = {}) {
    const meant = picked.size ? rows().filter((one) => picked.has(one.dataset.key)) : [row()].filter(Boolean);
    const ids = meant.map((one) => one.dataset.key);
    if (!ids.length) return;
    meant.forEach((one) => one.classList.add("done"));
    setTimeout(() => meant.forEach((one) => one.classList.remove("done")), 4000);
    picked.clear();
    if (ids.includes(here)) {
      const all = rows();
      const next = all.slice(all.indexOf(row())).concat(all.slice(0, all.indexOf(row())).reverse()).find((one) => !ids.includes(one.dataset.key) && !one.classList.contains("done"));
      if (next) to(next);
    }
    send(panels.review, { do: "verb", verb, arguments: { samples: ids, ...more } });
    mark();
  }

  // Reason box and legend stand outside of what the server draws, so that typing is never disturbed.
  function bar() {
    const known = panels.review.root.parentElement.querySelector(".keys");
    if (known) return known;
    const made = document.createElement("footer");
    made.className = "keys";
    const keys = [["j", "next"], ["k", "back"], ["a", "approve"], ["r", "reject, with a reason"], ["e", "edit"], ["u", "undo"], ["x", "select"], ["X", "select all here"], ["Esc", "leave"]];
    made.innerHTML =
      '<form class="why" hidden><label>What is wrong? <input name="reason" list="reasons" autocomplete="off" placeholder="Enter rejects; a reason can become a rule for all"></label></form><p><span class="picks"></span></p>';
    const legend = made.querySelector("p");
    for (const [key, told] of keys) {
      const one = document.createElement("span");
      one.innerHTML = "<kbd></kbd> ";
      one.firstChild.textContent = key;
      one.append(told);
      legend.append(one);
    }
    made.querySelector("form").addEventListener("submit", (event) => {
      event.preventDefault();
      judge("reject_samples", { reason: event.target.reason.value });
      close();
    });
    panels.review.root.after(made);
    return made;
  }

  const why = () => bar().querySelector("form");
  function close() {
    why().hidden = true;
    why().reset();
    document.activeElement?.blur();
  }

  function edit() {
    const form = row()?.querySelector("details.change");
    if (!form) return;
    form.open = true;
    form.scrollIntoView({ block: "nearest" });
    (form.querySelector("[data-field]") || form.querySelector("[name=answer]"))?.focus();
  }

  const press = (button) => button && send(panels.review, JSON.parse(button.dataset.act), button);

  const keys = {
    j: () => go(1), ArrowDown: () => go(1), k: () => go(-1), ArrowUp: () => go(-1),
    a: () => judge("approve_samples"), e: edit,
    r: () => ((why().hidden = false), why().reason.focus()),
    u: () => press(panels.review.root.querySelector("[data-undo]")),
    x: () => {
      if (!here) return;
      picked.has(here) ? picked.delete(here) : picked.add(here);
      go(1);
      mark();
    },
    X: () => {
      const all = rows();
      const every = picked.size === all.length;
      all.forEach((one) => (every ? picked.delete(one.dataset.key) : picked.add(one.dataset.key)));
      mark();
    },
    Escape: () => (picked.size ? (picked.clear(), mark()) : look({ open: false })),
  };

  function pressedKey(event) {
    if (!looking().open || !event.isTrusted || event.ctrlKey || event.metaKey || event.altKey) return;
    const box = event.target.closest?.("input, textarea, select");
    if (box && event.key === "Escape") {
      box.closest("details.edit")?.removeAttribute("open");
      return close();
    }
    if (box || !keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  }
  addEventListener("keydown", pressedKey);

  return { painted, to };
};
