// The dialog behind every tile: its SQL, its rows, and its rows as a CSV file.

// As `make export` has it: what a spreadsheet would run at the beginning of a cell, wherever it lets one begin.
const FORMULA = /(^|[,;|\t\r\n])(["']*[=+\-@＝＋－＠])/g;

function showRows(view, tile) {
  const dialog = document.getElementById("rows");
  const sql = tileSql(view.shop, view.time, view.state, tile);
  const { columns } = TILES[tile];
  const rows = view.figures[tile];
  const host = element("div");
  const action = (word, run) => {
    const button = element("button", { type: "button" }, say(word));
    button.onclick = () => run(button);
    return button;
  };
  dialog.replaceChildren(
    element("h2", { id: "rows-title" }, say("rowsOf", { tile: say(tile) })),
    element("pre", { tabIndex: 0 }, element("code", {}, sql)),
    element("p", { className: "quiet" }, say(view.shop.engine === "duckdb" ? "runIt" : "runThere")),
    host,
    element("div", { className: "actions" },
      action("copy", async (button) => {
        await copyText(sql);
        button.textContent = say("copied");
      }),
      action("csv", () => download(`${tile}.csv`, csv(view.shop, columns, rows))),
      action("close", () => dialog.close())));
  delete view.tables.dialog;
  showTable(host, view, { key: "dialog", columns, rows, size: 12, caption: say(tile) });
  dialog.showModal();
}

/** Comma-separated, as `make export` writes it. What a spreadsheet would run as a formula gets a ' before it. */
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
  const address = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
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
