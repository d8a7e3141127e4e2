// Main: puts the parts together, and again whenever the choice changes.

async function main() {
  const [shop] = await Promise.all([unpacked(document.getElementById("data").textContent), loadLibrary()]);
  shop.firstPeriod = firstPeriods(shop);
  const time = calendar(shop);
  const view = { shop, time, tables: {}, charts: {}, unfolded: new Set(), change, choose };
  makeTiles(view);
  closeListsOutside();
  wireSwitches(view);
  addEventListener("hashchange", () => render(view));
  addEventListener("resize", () => Object.values(view.charts).forEach((chart) => chart.resize()));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => render(view));
  addEventListener("beforeprint", () => onPaper(view, true));
  addEventListener("afterprint", () => onPaper(view, false));
  render(view);
  window.dashboard = { shop, view, tile: (name) => exposed(view, name),
    orders: (tile, row, figure) => asText(shop, ordersBehind(view, tile, view.figures[tile][row], figure)) };

  /**
   * Put part of the state into the address and show it at once: the address alone would bring the page only later. The address
   * is replaced, so that the browser's Back leaves the page instead of taking back one filter after the other. typed: the date field that this comes from.
   */
  function change(part, typed = null) {
    view.typed = typed;
    history.replaceState(null, "", writeState(shop, time, { ...view.state, ...part }));
    render(view);
    view.typed = null;
  }

  function choose(name, member) {
    const members = new Set(view.state[name]);
    if (!members.delete(member)) members.add(member);
    change({ [name]: members });
  }
}

function makeTiles(view) {
  document.getElementById("tiles").replaceChildren(...Object.keys(TILES).map((tile) => {
    const button = element("button", { type: "button", className: "more" });
    button.onclick = () => showRows(view, tile);
    return element("section", { id: `tile-${tile}`, className: "tile", "aria-labelledby": `title-${tile}` },
      element("header", {}, element("div", {}, element("h2", { id: `title-${tile}` }), element("p", { className: "quiet" })), button),
      element("div", { className: "body" }), element("p", { className: "nothing", hidden: true }));
  }));
}

function wireSwitches(view) {
  document.getElementById("language").onclick = () => view.change({ lang: view.state.lang === "en" ? "ko" : "en" });
  // Its target is named in the address, where the filters are.
  document.querySelector(".skip").onclick = (event) => {
    event.preventDefault();
    document.getElementById("tiles").focus();
  };
  document.getElementById("theme").onclick = () => view.change({ theme: isDark(view.state) ? "light" : "dark" });
}

function isDark({ theme }) {
  return theme ? theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

function render(view) {
  view.state = readState(view.shop, view.time, location.hash);
  view.line = timeline(view.time, view.state);
  view.figures = figures(view.shop, view.time, view.state);
  document.documentElement.lang = view.state.lang;
  document.documentElement.dataset.theme = isDark(view.state) ? "dark" : "light";
  document.getElementById("rows").close();
  showWords(view);
  showTrust(view);
  showFilters(view);
  drawAll(view);
}

function showWords({ shop, time, state }) {
  for (const place of document.querySelectorAll("[data-word]")) place.textContent = say(place.dataset.word);
  document.title = say("title");
  document.getElementById("language").textContent = say("otherLanguage");
  document.getElementById("language").lang = state.lang === "en" ? "ko" : "en";
  document.getElementById("theme").textContent = say(isDark(state) ? "light" : "dark");
  const orders = shop.customers.orders.reduce((sum, number) => sum + number, 0);
  document.getElementById("covered").textContent = orders
    ? say("covered", { orders: pretty(orders, "integer"), from: time.written(0), to: time.written(time.last) })
    : say("coveredNone");
  document.getElementById("notice").textContent = state.ignored.length ? say("ignored", { what: state.ignored.join(", ") }) : "";
  showMeaning(shop, time);
  document.getElementById("notes").textContent = [say("notes", { zone: zoneOf(shop) }), ...(time.byDay ? [] : [say("grainMonth")]), ...(shop.unlisted ? [say("unlisted", unlistedFacts(shop))] : []), say("library")].join(" ");
}

/** The zone in which the order mart's days are counted, by the build that made it. */
function zoneOf({ build }) {
  return build?.time_zone ?? say("someZone");
}

/** What each figure means, below all of them. */
function showMeaning(shop, time) {
  const values = { days: shop.onTimeDays, before: time.dueBefore, zone: zoneOf(shop) };
  document.getElementById("meaning").replaceChildren(
    element("summary", {}, say("meaning")),
    element("dl", {}, ...MEANINGS.flatMap(([term, more]) => [
      element("dt", {}, columnName(term) ?? say(term)),
      element("dd", {}, [metric(term)?.description, more && say(more, values)].filter(Boolean).join(" "))])));
}

function onPaper(view, printed) {
  document.documentElement.classList.toggle("paper", printed);
  document.documentElement.dataset.theme = isDark(view.state) && !printed ? "dark" : "light";
  // What the figures mean is read on paper, too.
  const meaning = document.getElementById("meaning");
  if (printed) view.meaningWasOpen = meaning.open;
  meaning.open = printed || view.meaningWasOpen;
  drawAll(view);
}

function drawAll(view) {
  for (const tile of Object.keys(TILES)) showTile(view, tile);
}

function showTile(view, tile) {
  const place = document.getElementById(`tile-${tile}`);
  const rows = view.figures[tile];
  const empty = rows.length === 0;
  place.querySelector("h2").textContent = say(tile);
  place.querySelector("header p").textContent = TILES[tile].note(view);
  const more = place.querySelector(".more");
  more.textContent = say("rows");
  more.setAttribute("aria-label", say("rowsOf", { tile: say(tile) }));
  place.querySelector(".body").hidden = empty;
  place.querySelector(".nothing").hidden = !empty;
  place.querySelector(".nothing").textContent = say((view.figures.categories.length && TILES[tile].nothing) || "nothing");
  if (!empty) showBody(view, tile, place.querySelector(".body"), rows);
}

// The tiles of lying bars.
const BARS = ["categories", "on_time"];

function showBody(view, tile, host, rows) {
  const { columns, total } = TILES[tile];
  if (tile === "summary") showSummary(host, view, rows[0]);
  else if (tile === "retention") showRetention(host, view, rows, say(tile));
  else if (total) showTable(host, view, { key: tile, columns, rows, total: total(view.figures.summary[0], rows), size: 10, caption: say(tile) });
  else {
    host.classList.add("chart");
    host.setAttribute("role", "img");
    host.setAttribute("aria-label", inWords(view, tile, rows));
    host.style.height = BARS.includes(tile) ? `${barsHeight(view, tile, rows)}px` : "";
    draw(host, view, tile, rows);
  }
  if (BARS.includes(tile)) showFold(view, tile, host.parentElement, rows);
}

/** Bars that are not all drawn say so, and unfold. */
function showFold(view, tile, place, rows) {
  place.querySelector(".fold")?.remove();
  if (rows.length <= MOST_BARS) return;
  const open = view.unfolded.has(tile);
  const button = element("button", { type: "button", className: "fold", "aria-expanded": String(open) },
    say(open ? "fold" : "unfold", { all: pretty(rows.length, "integer"), rest: pretty(rows.length - MOST_BARS, "integer") }));
  button.onclick = () => {
    if (!view.unfolded.delete(tile)) view.unfolded.add(tile);
    showTile(view, tile);
    place.querySelector(".fold").focus();
  };
  place.append(button);
}

/** A chart for those who cannot see it: its first rows, read out; of dates the last ones. */
function inWords({ shop }, tile, rows) {
  const kinds = Object.entries(TILES[tile].columns);
  const read = (row) => kinds.map(([name, kind], at) => `${columnName(name)} ${label(shop, row[at], kind)}`).join(", ");
  return `${say(tile)}: ${(tile === "revenue" ? rows.slice(-12) : rows.slice(0, 12)).map(read).join("; ")}`;
}

function showSummary(host, view, [revenue, net, orders, average, customers, products, fees, fee, due, , onTime]) {
  const figure = (name, text, more = "") => element("div", {}, element("dt", {}, columnName(name)),
    element("dd", { className: text.length > 10 ? "long" : "" }, opened(name, text)), element("dd", { className: "quiet" }, more));
  const opened = (name, text) => {
    const button = element("button", { type: "button", className: "figure", title: say("list"), "aria-label": `${columnName(name)} ${text}: ${say("list")}` }, text);
    button.onclick = () => showOrders(view, "summary", view.figures.summary[0], name);
    return button;
  };
  host.replaceChildren(element("dl", {},
    figure("revenue", pretty(revenue, "integer"), changeInWords(view)),
    figure("net_revenue", pretty(net, "integer"), say("netNote")),
    figure("orders", pretty(orders, "integer")),
    figure("average_order", pretty(average, "cents"), say("perOrderNote")),
    figure("customers", pretty(customers, "integer")),
    figure("products", pretty(products, "integer")),
    figure("fee_sum", pretty(fees, "cents"), fee === null ? "" : say("perOrder", { average: pretty(fee, "cents") })),
    figure("on_time_percent", pretty(onTime, "percent"), say("ofDue", { due: pretty(due, "integer") }))));
}

/** Revenue against the period before, where both have all their days; else why not. */
function changeInWords({ figures: { revenue }, line, time }) {
  if (line.whole || time.last < 0) return "";
  if (!line.comparable) return uncompared(time, line);
  const sum = (place) => revenue.reduce((total, row) => total + row[place], 0);
  const [now, before] = [sum(2), sum(4)];
  if (before <= 0) return say("nothingBefore", { before: beforeInWords(line) });
  const tenths = now >= before ? rounded(1000 * (now - before), before) : -rounded(1000 * (before - now), before);
  return say("change", { percent: (tenths > 0 ? "+" : "") + pretty(tenths, "percent"), before: beforeInWords(line) });
}

/** A tile's SQL and rows as text, for tests and for a browser's console. */
function exposed(view, tile) {
  return asText(view.shop, { columns: TILES[tile].columns, rows: view.figures[tile], sql: tileSql(view.shop, view.time, view.state, tile) });
}

function asText(shop, { sql, columns, rows }) {
  const kinds = Object.values(columns);
  return { sql, columns: Object.keys(columns), rows: rows && rows.map((row) => kinds.map((kind, at) => cell(shop, row[at], kind))) };
}

main().catch((error) => {
  document.getElementById("notice").textContent = `This page could not be shown by this browser. ${error}`;
});
