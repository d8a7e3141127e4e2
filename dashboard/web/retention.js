// Retention: the heat map, as a table that every reader (and printer) understands: a shade behind each share.

const MOST_COHORTS = 24;
const MOST_MONTHS = 12;

function showRetention(host, rows, caption) {
  const cohorts = [...byCohort(rows)].slice(-MOST_COHORTS);
  const last = Math.min(MOST_MONTHS, Math.max(...rows.map((row) => row[2])));
  const months = Array.from({ length: last + 1 }, (_, month) => month);
  host.replaceChildren(element("div", { className: "scroll", tabIndex: 0, role: "region", "aria-label": caption },
    element("table", { className: "heat" },
      element("caption", { className: "unseen" }, caption),
      element("thead", {}, element("tr", {},
        element("th", { scope: "col" }, columnName("cohort")),
        element("th", { scope: "col", className: "number" }, columnName("customers")),
        ...months.map((month) => element("th", { scope: "col", className: "number", title: say("monthsLater", { months: month }) },
          element("span", { "aria-hidden": "true" }, `+${month}`), element("span", { className: "unseen" }, say("monthsLater", { months: month })))))),
      element("tbody", {}, ...cohorts.map(([cohort, cells]) => cohortLine(cohort, cells, months))))));
}

function byCohort(rows) {
  const cells = new Map();
  for (const row of rows) cells.set(row[0], [...(cells.get(row[0]) || []), row]);
  return cells;
}

function cohortLine(cohort, cells, months) {
  const found = new Map(cells.map((row) => [row[2], row]));
  return element("tr", {},
    element("th", { scope: "row" }, cohort.slice(0, 7)),
    element("td", { className: "number" }, pretty(cells[0][1], "integer")),
    ...months.map((month) => heatCell(found.get(month))));
}

function heatCell(row) {
  if (!row) return element("td", { className: "number" });
  const [, customers, , ordered, share] = row;
  const shown = element("td", { className: "number warm", title: `${ordered} / ${customers}` }, pretty(share, "percent"));
  shown.style.setProperty("--share", share / 1000);
  return shown;
}
