// Charts: ECharts options for the tiles that are drawn. Colours come from the page's style, so that themes apply.

const MOST_SLICES = 9;
const MOST_BARS = 12;
const MOST_DAYS = 30;

const CHARTS = { revenue: revenueChart, categories: categoriesChart, share: shareChart, days: daysChart, hours: hoursChart, on_time: onTimeChart };

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/** Draw a tile's rows in `host`; a click on a bar or slice of a country or category chooses it. */
function draw(host, view, tile, rows) {
  const chart = (view.charts[tile] ??= echarts.init(host, null, { renderer: "svg" }));
  chart.resize();
  chart.setOption({ ...common(), ...CHARTS[tile](view, rows) }, { notMerge: true });
  chart.off("click");
  chart.on("click", ({ data }) => { if (data?.choose) view.choose(...data.choose); });
}

function common() {
  return {
    animation: !matchMedia("(prefers-reduced-motion: reduce)").matches,
    animationDuration: 250,
    textStyle: { fontFamily: getComputedStyle(document.body).fontFamily, color: colour("ink") },
    tooltip: {
      confine: true, borderWidth: 1, borderColor: colour("line"), backgroundColor: colour("paper"), padding: [6, 10],
      textStyle: { color: colour("ink"), fontSize: 13 },
      formatter: (point) => tip([point].flat()[0].data.tip),
    },
  };
}

/** Lines of text as an element: a name in the data can never become markup. */
function tip(lines) {
  return element("div", { className: "tip" }, ...lines.map((text) => element("div", {}, element("bdi", {}, text))));
}

/**
 * Revenue by days or months. A bin that lacks a part is hollow, with a dotted line to it: it is low because it is short.
 * The period before is drawn where it has something: a whole day or month of the shop, and never against a bin that lacks a part.
 */
function revenueChart(view, rows) {
  const { line, time } = view;
  const found = new Map(rows.map((row) => [row[0], row]));
  const dates = datesOf(time, line);
  const cut = partialBins(time, line);
  const first = line.bin === "day" ? line.from : line.first;
  const comparable = comparedBins(time, line);
  const bins = dates.map((date, at) => ({ row: found.get(date) || [date, 0, 0, 0, 0], partial: cut.has(first + at), compared: comparable[at] }));
  const target = monthlyTarget(view);
  const compared = (bin) => bin.compared;
  const values = (place, shown) => bins.map((bin, at) => ({ value: shown(bin, at) ? bin.row[place] : null, tip: [...revenueTip(line, bin, compared(bin)), ...(target ? [`${say("target")}: ${pretty(target, "integer")}`] : [])] }));
  const whole = ({ partial }) => !partial;
  const beside = (bin, at) => bin.partial || bins[at - 1]?.partial || bins[at + 1]?.partial;
  const alone = bins.filter(whole).length === 1;
  const step = { type: "line", symbol: "circle", symbolSize: 5, showSymbol: alone, emphasis: { disabled: true } };
  // Not the library's own hollow circle: that is white within, on dark paper too.
  const hollow = { ...step, symbolSize: 6, showSymbol: true, showAllSymbol: true, itemStyle: { color: colour("paper"), borderColor: colour("accent"), borderWidth: 2 } };
  return {
    // To the right there is place for half a label of the axis, wherever the last one shown stands.
    grid: { left: 8, right: 34, top: 40, bottom: 4, containLabel: true },
    legend: { top: 0, left: 0, itemWidth: 26, itemHeight: 7, selectedMode: false, textStyle: { color: colour("quiet"), fontSize: 13 } },
    tooltip: { ...common().tooltip, trigger: "axis", axisPointer: { lineStyle: { color: colour("line") } } },
    xAxis: { ...axis(), type: "category", data: dates.map((date) => (line.bin === "day" ? date.slice(5) : date.slice(0, 7))), boundaryGap: bins.length === 1,
      axisLabel: { ...axis().axisLabel, alignMinLabel: "left", alignMaxLabel: "right" } },
    yAxis: amounts(),
    series: [
      { ...step, name: say("now"), data: values(2, whole), color: colour("accent"), lineStyle: { width: 2.5 }, areaStyle: { opacity: 0.08 }, z: 3 },
      ...(bins.some(compared)
        ? [{ ...step, name: say("before"), data: values(4, compared), color: colour("past"), lineStyle: { width: 1.5, type: [5, 4] } }] : []),
      ...(cut.size ? [{ ...hollow, name: say("partial"), data: values(2, beside).map((point, at) => ({ ...point, symbol: bins[at].partial ? "circle" : "none" })),
        lineStyle: { width: 1.5, type: [2, 3], color: colour("accent") } }] : []),
      ...(target ? [{ ...step, name: say("target"), data: values(2, () => true).map((point) => ({ ...point, value: target })), showSymbol: false, color: colour("good"),
        lineStyle: { width: 1.5 } }] : []),
    ],
  };
}

/** What a month of the whole shop shall bring; nothing where days are drawn, or a part of the shop is chosen. */
function monthlyTarget({ shop, line, state }) {
  return line.bin === "month" && Object.keys(CHOICES).every((name) => state[name].size === 0) ? shop.monthlyTarget : 0;
}

/** Of each bin of the choice, whether it is whole and has something to be compared with. */
function comparedBins(time, line) {
  const [start, cut] = [firstCompared(time, line), partialBins(time, line)];
  return datesOf(time, line).map((date, at) => date >= start && !cut.has((line.bin === "day" ? line.from : line.first) + at));
}

/** The first bin that has something to be compared with: before it lies the time before the first order, or a part of its month. */
function firstCompared(time, { bin, shift: { unit, count } }) {
  if (unit === "month") return iso(time.monthStart(time.firstWholeMonth + count));
  return bin === "day" ? iso(time.dateOf(count)) : count > time.last ? "9999" : iso(time.monthStart(time.months[count] + 1));
}

function revenueTip({ bin }, { row: [date, orders, revenue, ordersBefore, revenueBefore], partial }, compared) {
  const line = (word, money, number) => `${say(word)}: ${pretty(money, "integer")} · ${columnName("orders")} ${pretty(number, "integer")}`;
  return [bin === "day" ? date : date.slice(0, 7), line(partial ? "partial" : "now", revenue, orders),
    ...(compared ? [line("before", revenueBefore, ordersBefore)] : [])];
}

/** The dates of every bin of the choice, also of those without orders. */
function datesOf(time, { bin, from, to }) {
  const numbers = (first, last, date) => Array.from({ length: Math.max(last - first + 1, 0) }, (_, at) => iso(date(first + at)));
  return bin === "day" ? numbers(from, to, time.dateOf) : numbers(time.months[from] ?? 0, time.months[to] ?? -1, time.monthStart);
}

function axis() {
  return {
    axisLine: { lineStyle: { color: colour("line") } }, axisTick: { show: false }, splitLine: { show: false },
    axisLabel: { color: colour("quiet"), fontSize: 12, hideOverlap: true },
  };
}

function amounts(more = {}) {
  return {
    ...axis(), type: "value", axisLine: { show: false }, splitNumber: 4, splitLine: { lineStyle: { color: colour("line"), opacity: 0.6 } },
    axisLabel: { color: colour("quiet"), fontSize: 12, formatter: short }, ...more,
  };
}

/** Bars from the top down, each with its name before and its number behind it; past MOST_BARS they unfold by a click. */
function lying(view, tile, rows, { name, value, text, tipOf, choose }) {
  const shown = view.unfolded.has(tile) ? rows : rows.slice(0, MOST_BARS);
  const longest = Math.max(...shown.map((row) => text(row).length));
  const height = Math.max(18, Math.min(40, Math.floor(345 / shown.length)));
  return {
    grid: { left: 0, right: 16 + 7.5 * longest, top: 0, height: height * shown.length, containLabel: true },
    xAxis: { type: "value", show: false, min: 0 },
    yAxis: { ...axis(), type: "category", inverse: true, axisLine: { show: false }, data: shown.map(name),
      axisLabel: { color: colour("ink"), fontSize: 13, width: 110, overflow: "truncate", interval: 0 } },
    series: [{
      type: "bar", barMaxWidth: 18, barCategoryGap: "34%", itemStyle: { color: colour("accent"), borderRadius: [0, 3, 3, 0] },
      label: { show: true, position: "right", color: colour("ink"), fontSize: 13, formatter: ({ data }) => data.text },
      data: shown.map((row) => ({ value: value(row), text: text(row), tip: tipOf(row), choose: choose(row) })),
    }],
  };
}

/** How high the host of a tile's bars must be. */
function barsHeight(view, tile, rows) {
  return view.unfolded.has(tile) && rows.length > MOST_BARS ? 18 * rows.length + 8 : 350;
}

function categoriesChart(view, rows) {
  const name = (row) => label(view.shop, row[0], "category");
  return lying(view, "categories", rows, {
    name, value: (row) => row[2], text: (row) => pretty(row[2], "integer"), choose: (row) => ["category", row[0]],
    tipOf: (row) => [name(row), `${columnName("revenue")} ${pretty(row[2], "integer")}`, `${columnName("orders")} ${pretty(row[1], "integer")}`],
  });
}

function onTimeChart(view, rows) {
  const name = (row) => label(view.shop, row[0], "country");
  return lying(view, "on_time", rows, {
    name, value: (row) => row[3] / 10, text: (row) => pretty(row[3], "percent"), choose: (row) => ["country", row[0]],
    tipOf: (row) => [name(row), `${columnName("on_time")} ${pretty(row[2], "integer")} / ${pretty(row[1], "integer")} (${pretty(row[3], "percent")})`],
  });
}

/** A ring. slices: [{ name, value, text, choose }], coloured from deep to light. */
function ring(chart, slices) {
  // Beside it there is place for a label of our own words.
  const radius = Math.max(34, Math.min(0.26 * chart.getHeight(), chart.getWidth() / 2 - 104));
  return {
    series: [{
      type: "pie", radius: [0.6 * radius, radius], center: ["50%", "50%"], startAngle: 90, padAngle: 0.6,
      itemStyle: { borderColor: colour("paper"), borderWidth: 1 }, emphasis: { scaleSize: 3 },
      label: { color: colour("ink"), fontSize: 12.5, lineHeight: 16, overflow: "truncate", bleedMargin: 2, formatter: ({ data }) => `${cut(data.name)}\n${data.text}` },
      labelLayout: { hideOverlap: true },
      minShowLabelAngle: 4,
      labelLine: { length: 12, length2: 6, lineStyle: { color: colour("line") } },
      data: slices.map((slice, place) => ({
        ...slice, tip: [slice.name, `${columnName("orders")} ${pretty(slice.value, "integer")} (${slice.text})`],
        itemStyle: { color: shade(place, slices.length) },
      })),
    }],
  };
}

/** A long name, cut for a place where it cannot wrap; the tip and the rows show it whole. */
function cut(name) {
  const letters = [...name];
  return letters.length > 18 ? `${letters.slice(0, 17).join("")}…` : name;
}

/** From the accent to its lightest, in equal steps. */
function shade(place, count) {
  const [deep, light] = [colour("deep"), colour("pale")].map((hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)));
  const part = count > 1 ? place / (count - 1) : 0;
  return `rgb(${deep.map((value, at) => Math.round(value + (light[at] - value) * part)).join(",")})`;
}

function shareChart({ shop, charts }, rows) {
  const total = rows.reduce((sum, row) => sum + row[1], 0);
  const slice = ([member, value, share]) => ({ name: label(shop, member, "country"), value, text: pretty(share, "percent"), choose: ["country", member] });
  if (rows.length <= MOST_SLICES + 1) return ring(charts.share, rows.map(slice));
  const rest = rows.slice(MOST_SLICES);
  const value = rest.reduce((sum, row) => sum + row[1], 0);
  const others = { name: say("others", { number: rest.length }), value, text: pretty(rounded(1000 * value, total), "percent") };
  return ring(charts.share, [...rows.slice(0, MOST_SLICES).map(slice), others]);
}

function hoursChart({ charts }, rows) {
  return ring(charts.hours, rows.map(([hours, value, share]) => ({ name: spanName(hours), value, text: pretty(share, "percent") })));
}

function spanName(hours) {
  if (hours === 9999) return say("beyond");
  return hours === 24 ? say("days24", { hours }) : say("span", { from: hours - 24, hours });
}

/** Each number of days has its place, also one that no order took; far ones are put together. */
function daysChart(_view, rows) {
  const [least, most] = [rows[0][0], rows[rows.length - 1][0]];
  const end = Math.min(most, Math.max(least, 0) + MOST_DAYS);
  const days = Array.from({ length: end - Math.max(least, -1) + 1 }, (_, at) => Math.max(least, -1) + at);
  const place = (taken) => Math.min(Math.max(taken, days[0]), end);
  const orders = new Map(days.map((day) => [day, 0]));
  for (const [taken, number] of rows) orders.set(place(taken), orders.get(place(taken)) + number);
  const named = (day) => say(day === end && most > end ? "daysMore" : day === days[0] && least < day ? "daysLess" : "dayUnit", { days: day });
  return {
    grid: { left: 0, right: 4, top: 24, bottom: 6, containLabel: true },
    xAxis: { ...axis(), type: "category", data: days.map(named) },
    yAxis: amounts(),
    series: [{
      type: "bar", barMaxWidth: 44, barCategoryGap: "30%", itemStyle: { color: colour("accent"), borderRadius: [3, 3, 0, 0] },
      labelLayout: { hideOverlap: true },
      label: { show: days.length <= 10, position: "top", color: colour("ink"), fontSize: 12, formatter: ({ data }) => pretty(data.value, "integer") },
      data: days.map((day) => ({ value: orders.get(day), tip: [named(day), `${columnName("orders")} ${pretty(orders.get(day), "integer")}`] })),
    }],
  };
}
