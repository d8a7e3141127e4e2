// Charts: ECharts options for the tiles that are drawn. Colours come from the page's style, so that themes apply.

const MOST_SLICES = 9;
const MOST_BARS = 12;

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

function revenueChart(view, rows) {
  const { line, time } = view;
  const found = new Map(rows.map((row) => [row[0], row]));
  const bins = datesOf(time, line).map((date) => found.get(date) || [date, 0, 0, 0, 0]);
  const start = firstCompared(time, line);
  const values = (place, from = "") => bins.map((row) => ({ value: row[0] < from ? null : row[place], tip: revenueTip(line, row, start) }));
  const step = { type: "line", symbol: "circle", symbolSize: 5, showSymbol: bins.length === 1, emphasis: { disabled: true } };
  return {
    grid: { left: 8, right: 16, top: 40, bottom: 4, containLabel: true },
    legend: { top: 0, left: 0, itemWidth: 18, itemHeight: 2, icon: "rect", selectedMode: false, textStyle: { color: colour("quiet"), fontSize: 13 } },
    tooltip: { ...common().tooltip, trigger: "axis", axisPointer: { lineStyle: { color: colour("line") } } },
    xAxis: { ...axis(), type: "category", data: bins.map(([date]) => (line.bin === "day" ? date.slice(5) : date.slice(0, 7))), boundaryGap: bins.length === 1 },
    yAxis: amounts(),
    series: [
      { ...step, name: say("now"), data: values(2), color: colour("accent"), lineStyle: { width: 2.5 }, areaStyle: { opacity: 0.08 }, z: 3 },
      { ...step, name: say("before"), data: values(4, start), color: colour("past"), lineStyle: { width: 1.5, type: [5, 4] } },
    ],
  };
}

/** The first bin that has something to be compared with: before it lies the time before the first order. */
function firstCompared(time, { bin, shift: { unit, count } }) {
  if (unit === "month") return iso(time.monthStart(count));
  return bin === "day" ? iso(time.dateOf(count)) : count > time.last ? "9999" : iso(time.monthStart(time.months[count]));
}

function revenueTip({ bin }, [date, orders, revenue, ordersBefore, revenueBefore], start) {
  const line = (word, money, number) => `${say(word)}: ${pretty(money, "integer")} · ${columnName("orders")} ${pretty(number, "integer")}`;
  const past = date < start ? [] : [line("before", revenueBefore, ordersBefore)];
  return [bin === "day" ? date : date.slice(0, 7), line("now", revenue, orders), ...past];
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

/** Bars from the top down, each with its name before and its number behind it. */
function lying(rows, { name, value, text, tipOf, choose }) {
  const most = rows.slice(0, MOST_BARS);
  return {
    grid: { left: 0, right: 64, top: 0, height: Math.min(40, Math.floor(345 / most.length)) * most.length, containLabel: true },
    xAxis: { type: "value", show: false, min: 0 },
    yAxis: { ...axis(), type: "category", inverse: true, axisLine: { show: false }, data: most.map(name),
      axisLabel: { color: colour("ink"), fontSize: 13, width: 110, overflow: "truncate" } },
    series: [{
      type: "bar", barMaxWidth: 18, barCategoryGap: "34%", itemStyle: { color: colour("accent"), borderRadius: [0, 3, 3, 0] },
      label: { show: true, position: "right", color: colour("ink"), fontSize: 13, formatter: ({ data }) => data.text },
      data: most.map((row) => ({ value: value(row), text: text(row), tip: tipOf(row), choose: choose(row) })),
    }],
  };
}

function categoriesChart({ shop }, rows) {
  const name = (row) => label(shop, row[0], "category");
  return lying(rows, {
    name, value: (row) => row[2], text: (row) => pretty(row[2], "integer"), choose: (row) => ["category", row[0]],
    tipOf: (row) => [name(row), `${columnName("revenue")} ${pretty(row[2], "integer")}`, `${columnName("orders")} ${pretty(row[1], "integer")}`],
  });
}

function onTimeChart({ shop }, rows) {
  const name = (row) => label(shop, row[0], "country");
  return lying(rows, {
    name, value: (row) => row[3] / 10, text: (row) => pretty(row[3], "percent"), choose: (row) => ["country", row[0]],
    tipOf: (row) => [name(row), `${columnName("on_time")} ${pretty(row[2], "integer")} / ${pretty(row[1], "integer")} (${pretty(row[3], "percent")})`],
  });
}

/** A ring. slices: [{ name, value, text, choose }], coloured from deep to light. */
function ring(slices) {
  return {
    series: [{
      type: "pie", radius: ["32%", "52%"], center: ["50%", "50%"], startAngle: 90, padAngle: 0.6,
      itemStyle: { borderColor: colour("paper"), borderWidth: 1 }, emphasis: { scaleSize: 3 },
      label: { color: colour("ink"), fontSize: 12.5, lineHeight: 16, overflow: "none", formatter: ({ data }) => `${cut(data.name)}\n${data.text}` },
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

function shareChart({ shop }, rows) {
  const total = rows.reduce((sum, row) => sum + row[1], 0);
  const slice = ([member, value, share]) => ({ name: label(shop, member, "country"), value, text: pretty(share, "percent"), choose: ["country", member] });
  if (rows.length <= MOST_SLICES + 1) return ring(rows.map(slice));
  const rest = rows.slice(MOST_SLICES);
  const value = rest.reduce((sum, row) => sum + row[1], 0);
  const others = { name: say("others", { number: rest.length }), value, text: pretty(rounded(1000 * value, total), "percent") };
  return ring([...rows.slice(0, MOST_SLICES).map(slice), others]);
}

function hoursChart(_view, rows) {
  return ring(rows.map(([hours, value, share]) => ({ name: spanName(hours), value, text: pretty(share, "percent") })));
}

function spanName(hours) {
  if (hours === 9999) return say("beyond");
  return hours === 24 ? say("days24", { hours }) : say("span", { from: hours - 24, hours });
}

function daysChart(_view, rows) {
  return {
    grid: { left: 0, right: 4, top: 24, bottom: 6, containLabel: true },
    xAxis: { ...axis(), type: "category", data: rows.map(([days]) => say("dayUnit", { days })) },
    yAxis: amounts(),
    series: [{
      type: "bar", barMaxWidth: 44, barCategoryGap: "30%", itemStyle: { color: colour("accent"), borderRadius: [3, 3, 0, 0] },
      label: { show: rows.length <= 10, position: "top", color: colour("ink"), fontSize: 12, formatter: ({ data }) => pretty(data.value, "integer") },
      data: rows.map(([days, value]) => ({ value, tip: [say("dayUnit", { days }), `${columnName("orders")} ${pretty(value, "integer")}`] })),
    }],
  };
}
