// State: what is chosen, in the page's address, so that a view can be sent and bookmarked.

const CHOICES = { country: "countries", category: "categories", level: "levels", status: "statuses" };
// Stands for NULL in the address, where '' is a value of its own; a text that begins with it is written with one more.
const NULL_MARK = "\0";

/** { range: a preset's name or null; from, to: periods or null; country, category, level, status: sets of member numbers, empty = all; lang, theme; ignored } */
function readState(shop, time, hash) {
  const given = new URLSearchParams(hash.replace(/^#/, ""));
  const state = { range: null, from: null, to: null, lang: systemLanguage(), theme: null, ignored: [] };
  for (const name of Object.keys(CHOICES)) state[name] = new Set();
  for (const [name, value] of given) {
    if (!accept(shop, time, state, name, value)) state.ignored.push(`${name}=${value}`);
  }
  if (state.from !== null && state.to !== null && state.from > state.to) {
    [state.from, state.to] = [state.to, state.from];
  }
  return state;
}

function accept(shop, time, state, name, value) {
  if (name === "range") {
    const range = presets(time)[value];
    if (range) Object.assign(state, { range: value, from: range[0], to: range[1] });
    return Boolean(range);
  }
  if (name === "from" || name === "to") {
    if (state.range) Object.assign(state, { range: null, from: null, to: null });
    state[name] = name === "to" ? time.lastPeriodOf(value) : time.periodOf(value);
    return state[name] !== null;
  }
  if (name in CHOICES) {
    const member = shop[CHOICES[name]].indexOf(memberOf(value));
    if (member >= 0) state[name].add(member);
    return member >= 0;
  }
  const known = { lang: Object.keys(WORDS), theme: ["light", "dark"] }[name];
  if (!known?.includes(value)) return false;
  state[name] = value;
  return true;
}

function memberOf(value) {
  if (value === NULL_MARK) return null;
  return value.startsWith(NULL_MARK) ? value.slice(1) : value;
}

function addressOf(member) {
  if (member === null) return NULL_MARK;
  return member.startsWith(NULL_MARK) ? NULL_MARK + member : member;
}

function systemLanguage() {
  return navigator.language.startsWith("ko") ? "ko" : "en";
}

function writeState(shop, time, state) {
  const parts = new URLSearchParams();
  if (state.range && state.range !== "all") parts.append("range", state.range);
  else for (const name of ["from", "to"]) if (state[name] !== null) parts.append(name, time.written(state[name]));
  for (const [name, members] of Object.entries(CHOICES)) {
    for (const member of state[name]) parts.append(name, addressOf(shop[members][member]));
  }
  if (state.lang !== systemLanguage()) parts.append("lang", state.lang);
  if (state.theme) parts.append("theme", state.theme);
  return `#${parts}`;
}
