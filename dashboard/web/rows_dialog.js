// The dialog behind every tile: its SQL, its rows, the orders behind a row, and each as a CSV file.

// As `make export` has it: what a spreadsheet would run at the beginning of a cell, wherever it lets one begin.
const FORMULA = /(^|[,;|\t\r\n])(["']*[=+\-@＝＋－＠])/g;

function showRows(view, tile, from = null) {
  const { columns } = TILES[tile];
  showDialog(view, { title: say("rowsOf", { tile: say(tile) }), file: fileName(view, tile), columns, rows: view.figures[tile],
    sql: tileSql(view.shop, view.time, view.state, tile), open: (row) => showOrders(view, tile, row) });
  if (from) document.querySelector(`#rows [data-place="${CSS.escape(from)}"]`)?.focus();
}

/** The orders behind a tile's row; figure: behind one of the summary's figures. */
function showOrders(view, tile, row, figure = null) {
  const { shop } = view;
  const name = figure ? columnName(figure) : rowName(shop, tile, row);
  const what = [say(tile), ...(name ? [name] : [])].join(": ");
  const back = figure ? null : () => showRows(view, tile, `orders ${row.join(" ")}`);
  showDialog(view, { title: say("ordersOf", { what }), file: fileName(view, "orders", tile, name), back, ...ordersBehind(view, tile, row, figure) });
}

/** What a row is of: the day, the country, the first month and the months since. */
function rowName(shop, tile, row) {
  if (tile === "summary") return "";
  const [first, ...others] = Object.entries(TILES[tile].columns);
  if (tile === "retention") return `${row[0].slice(0, 7)} +${row[2]}`;
  return tile === "products" ? row[1] : label(shop, row[0], first[1]);
}

/** A dialog with SQL and its rows; rows: null where this page does not hold them. */
function showDialog(view, { title, file, sql, columns, rows, open, back }) {
  const dialog = document.getElementById("rows");
  const host = element("div");
  const action = (word, run) => {
    const button = element("button", { type: "button" }, say(word));
    button.onclick = () => run(button);
    return button;
  };
  dialog.replaceChildren(
    element("h2", { id: "rows-title", tabIndex: -1 }, title),
    element("pre", { tabIndex: 0 }, element("code", {}, sql)),
    element("p", { className: "quiet" }, say(view.shop.engine === "duckdb" ? "runIt" : "runThere")),
    rows ? host : element("p", { className: "notice" }, say("unlisted", unlistedFacts(view.shop))),
    element("div", { className: "actions" },
      action("copy", async (button) => {
        await copyText(sql);
        button.textContent = say("copied");
      }),
      ...(rows ? [action("csv", () => download(file, csv(view.shop, columns, rows)))] : []),
      ...(back ? [action("back", back)] : []),
      action("close", () => dialog.close())));
  delete view.tables.dialog;
  if (rows) showTable(host, view, { key: "dialog", columns, rows, size: 12, caption: title, open });
  if (!dialog.open) dialog.showModal();
  dialog.querySelector("h2").focus();
  dialog.scrollTop = 0;
}

function unlistedFacts({ unlisted, mostOrders }) {
  return { orders: pretty(unlisted, "integer"), most: pretty(mostOrders, "integer") };
}

/** orders-countries-Korea-2025-01-01-2025-03-31-Gold.csv: what is in a file stands in its name. */
function fileName({ shop, time, state, line }, ...parts) {
  const range = line.whole || time.last < 0 ? [] : [time.written(line.from), time.written(line.to)];
  const members = Object.keys(CHOICES).flatMap((name) => [...state[name]].map((member) => memberLabel(shop, name, member)));
  const text = [...new Set([...parts, ...range, ...members])].filter(Boolean).join("-").replace(/[^\p{L}\p{M}\p{N}.-]+/gu, "_");
  return `${[...text].slice(0, 80).join("")}.csv`;
}

/** Comma-separated, as `make export ARGS=--bom` writes it. What a spreadsheet would run as a formula gets a ' before it. */
function csv(shop, columns, rows) {
  const kinds = Object.values(columns);
  const lines = rows.map((row) => kinds.map((kind, at) => csvCell(cell(shop, row[at], kind), kind)).join(","));
  return [Object.keys(columns).join(","), ...lines, ""].join("\n");
}

function csvCell(text, kind) {
  if (text === null) return "";
  const safe = kind in DECIMALS ? text : text.replace(FORMULA, "$1'$2");
  return safe === "" || /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

function download(name, text) {
  const address = URL.createObjectURL(new Blob(["\ufeff", text], { type: "text/csv" }));
  element("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}

/** A page opened from the disk may not reach the clipboard; selecting the text does it there. */
async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    getSelection().selectAllChildren(document.querySelector("#rows pre"));
    document.execCommand("copy");
  }
}
