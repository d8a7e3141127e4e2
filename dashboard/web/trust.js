// Trust: when the data was extracted, by which run, what its comparison with the source said, how dbt's tests ended.

function showTrust(shop) {
  const { loads, tests } = shop;
  const sound = loads.length > 0 && tests && tests.not_passed.length === 0;
  document.getElementById("trust").className = `trust ${sound ? "sound" : "unsure"}`;
  document.querySelector("#trust summary").replaceChildren(
    element("span", { className: "dot", "aria-hidden": "true" }),
    ...[...loadFacts(loads), testFact(tests)].map((text) => element("span", {}, text)));
  const details = document.querySelector("#trust div");
  details.setAttribute("aria-label", say("freshness"));
  details.replaceChildren(
    ...(loads.length ? [loadsTable(loads)] : []),
    element("p", {}, [...testDetails(tests), say("written", { time: moment(shop.written) })].join(" ")));
}

function loadFacts(loads) {
  if (!loads.length) return [say("noLoads")];
  const oldest = loads.map((load) => load.snapshot_at).sort()[0];
  const days = Math.floor((Date.now() - new Date(oldest)) / DAY);
  const distinct = (values) => [...new Set(values)].join(", ");
  return [
    say("asOf", { time: moment(oldest) }) + (days > 1 ? ` (${say("old", { days })})` : ""),
    say("runs", { runs: distinct(loads.map((load) => load.run)) }),
    say("verdicts", { tables: loads.length, verdict: distinct(loads.map((load) => load.verdict.split(":")[0])) }),
  ];
}

function testFact(tests) {
  return tests ? say("tests", tests) : say("noTests");
}

function testDetails(tests) {
  if (!tests) return [];
  const failing = tests.not_passed.map(({ test, status }) => `${test} (${status})`).join(", ");
  return [say("builtAt", { time: moment(tests.at) }), ...(tests.warned ? [say("warned", tests)] : []),
    ...(failing ? [say("notPassed", { tests: failing })] : [])];
}

function loadsTable(loads) {
  const heads = [["table"], ["run", "number"], ["rowCount", "number"], ["extracted"], ["verdict"]];
  return element("table", {},
    element("thead", {}, element("tr", {}, ...heads.map(([word, name = ""]) => element("th", { scope: "col", className: name }, say(word))))),
    element("tbody", {}, ...loads.map((load) => element("tr", {},
      element("th", { scope: "row" }, load.table),
      element("td", { className: "number" }, load.run),
      element("td", { className: "number" }, pretty(load.rows, "integer")),
      element("td", {}, moment(load.snapshot_at)),
      element("td", {}, load.verdict)))));
}

/** 2026-01-31 10:05 UTC */
function moment(text) {
  return `${new Date(text).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
