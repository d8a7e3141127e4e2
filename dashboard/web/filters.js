// Filters: the bar with period, country, category, loyalty level and status.

// A longer list can be searched.
const MOST_UNSEARCHED = 12;

function showFilters(view) {
  const form = document.getElementById("filters");
  const focused = document.activeElement?.dataset?.place;
  const open = form.querySelector("details[open]")?.dataset.name;
  form.setAttribute("aria-label", say("filters"));
  const reset = element("button", { type: "button", className: "reset", "data-place": "reset" }, say("reset"));
  reset.onclick = () => view.change({ range: null, from: null, to: null, ...Object.fromEntries(Object.keys(CHOICES).map((name) => [name, new Set()])) });
  const parts = [rangeChooser(view), bound(view, "from"), bound(view, "to"),
    ...Object.keys(CHOICES).map((name) => checklist(view, name, open === name)), reset];
  if (!view.typed) {
    form.replaceChildren(...parts);
    if (focused) form.querySelector(`[data-place="${CSS.escape(focused)}"]`)?.focus();
    return;
  }
  // A date that is being typed stays the element that it is, with the cursor in it.
  const typed = view.typed.closest("label");
  const at = parts.findIndex((part) => part.firstElementChild?.dataset.place === view.typed.dataset.place);
  for (const other of [...form.children]) if (other !== typed) other.remove();
  typed.before(...parts.slice(0, at));
  typed.after(...parts.slice(at + 1));
}

function rangeChooser(view) {
  const { time, state } = view;
  const ranges = presets(time);
  const chosen = state.range ?? (state.from === null && state.to === null ? "all" : null);
  const select = element("select", { "data-place": "range" },
    ...Object.entries(ranges).map(([name, [, to]]) => element("option", { value: name, selected: name === chosen },
      to === null ? say(name) : say("rangeTo", { range: say(name), to: time.written(Math.min(to, time.last)) }))),
    ...(chosen ? [] : [element("option", { value: "custom", selected: true }, say("custom"))]));
  select.onchange = () => {
    const [from, to] = ranges[select.value] || [];
    if (from !== undefined) view.change({ range: select.value, from, to });
  };
  return element("label", {}, say("range"), select);
}

/** A date field; where periods are months, a list of them (not every browser has a field for months). */
function bound(view, end) {
  const { time } = view;
  const shown = () => (time.last < 0 ? "" : time.written(view.state[end] ?? (end === "from" ? 0 : time.last)));
  const field = time.byDay
    ? element("input", { type: "date", value: shown(), min: time.last < 0 ? "" : time.written(0), max: time.last < 0 ? "" : time.written(time.last) })
    : element("select", {}, ...Array.from({ length: time.last + 1 }, (_, period) =>
      element("option", { value: time.written(period), selected: time.written(period) === shown() }, time.written(period))));
  field.dataset.place = end;
  field.disabled = time.last < 0;
  // A date that is being typed passes through years long ago: they choose nothing, and go when the field is left.
  field.onchange = () => {
    const period = time.periodOf(field.value);
    const range = { range: null, from: view.state.from ?? 0, to: view.state.to ?? time.last, [end]: period };
    if (period !== null && period >= 0 && period <= time.last && range.from <= range.to) view.change(range, field);
  };
  field.onblur = () => { field.value = shown(); };
  return element("label", {}, say(end), field);
}

function checklist(view, name, open) {
  const members = view.shop[CHOICES[name]];
  const chosen = view.state[name];
  const boxes = members.map((_, member) => {
    const box = element("input", { type: "checkbox", checked: chosen.has(member), "data-place": `${name} ${member}` });
    box.onchange = () => view.choose(name, member);
    return element("label", {}, box, element("bdi", {}, memberLabel(view.shop, name, member)));
  });
  const search = element("input", { type: "search", "aria-label": say("search"), placeholder: say("search"), "data-place": `${name} search` });
  search.oninput = () => boxes.forEach((box) => { box.hidden = !box.textContent.toLowerCase().includes(search.value.trim().toLowerCase()); });
  search.onkeydown = (event) => { if (event.key === "Enter") event.preventDefault(); };
  const made = element("details", { open, className: chosen.size ? "list active" : "list", "data-name": name },
    element("summary", { "data-place": name }, element("span", {}, say(name)), element("b", {}, chosenLabel(view.shop, name, chosen))),
    element("div", { className: "options", role: "group", "aria-label": say(name) }, ...(members.length > MOST_UNSEARCHED ? [search] : []), ...boxes));
  made.onkeydown = (event) => {
    if (event.key !== "Escape") return;
    made.open = false;
    made.querySelector("summary").focus();
  };
  return made;
}

function memberLabel(shop, name, member) {
  const text = shop[CHOICES[name]][member];
  return text === null ? say("none") : text === "" ? say("blank") : text;
}

function chosenLabel(shop, name, chosen) {
  if (!chosen.size) return say("every");
  const [first] = chosen;
  const text = memberLabel(shop, name, first);
  return chosen.size === 1 ? text : say("chosen", { first: text, more: chosen.size - 1 });
}

/** A list closes when one clicks or moves elsewhere. */
function closeListsOutside() {
  const close = ({ target }) => {
    for (const list of document.querySelectorAll("#filters details[open]")) if (!list.contains(target)) list.open = false;
  };
  document.addEventListener("pointerdown", close);
  document.addEventListener("focusin", close);
}
