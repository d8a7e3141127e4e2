// Trust: which run the mart was built from, how old that is, whether raw is newer, how dbt's tests ended.

// A shop's day: data that is older is not called fresh.
const FRESH_HOURS = 26;

function showTrust({ shop }) {
  const { loads, build, tests } = shop;
  const doubts = trustDoubts(shop);
  document.getElementById("trust").className = `trust ${doubts.length ? "unsure" : "sound"}`;
  const facts = [...buildFacts(build), ...loadFacts(loads, build), testFact(tests)].map((text) => element("span", {}, text));
  facts[0].prepend(element("span", { className: "dot", "aria-hidden": "true" }));
  document.querySelector("#trust summary").replaceChildren(...facts);
  const details = document.querySelector("#trust div");
  details.setAttribute("aria-label", say("freshness"));
  details.replaceChildren(
    ...(loads.length ? [loadsTable(loads)] : []),
    element("p", {}, [...doubts, ...testDetails(tests), say("written", { time: moment(shop.written) })].join(" ")));
}

/** Why the dot is not green, in sentences. */
function trustDoubts({ loads, build, tests }) {
  const bad = loads.filter(({ verdict }) => /^(unverified|not compared)/.test(verdict));
  return [
    ...(build ? [] : [say("noBuild")]),
    ...(isNewer(loads, build) ? [say("newer", { run: Math.max(...loads.map(({ run }) => run)) })] : []),
    ...(build && hoursOld(build) > FRESH_HOURS ? [say("stale", { age: age(build) })] : []),
    ...(bad.length ? [say("unproved", { tables: bad.map(({ table }) => table).join(", ") })] : []),
    ...(tests ? [] : [say("noTests")]),
    ...(tests?.partial ? [say("partialBuild")] : []),
    ...(tests?.not_passed.length ? [say("failed", { number: tests.not_passed.length })] : []),
  ];
}

function isNewer(loads, build) {
  return Boolean(build) && loads.some(({ run }) => run > build.run);
}

function hoursOld({ snapshot_at }) {
  return (Date.now() - new Date(snapshot_at)) / 3600000;
}

function age(build) {
  const hours = Math.floor(hoursOld(build));
  if (hours < 1) return say("underAnHour");
  const [number, unit] = hours < 48 ? [hours, "hour"] : [Math.floor(hours / 24), "day"];
  return say(`${unit}sOld`, { number });
}

function buildFacts(build) {
  return build ? [say("asOf", { time: moment(build.snapshot_at), age: age(build) }), say("builtFrom", { run: build.run })] : [say("noBuild")];
}

function loadFacts(loads, build) {
  if (!loads.length) return [say("noLoads")];
  const distinct = [...new Set(loads.map((load) => verdictOf(load).split(/[:,;]/)[0]))].join(", ");
  return [...(isNewer(loads, build) ? [say("newer", { run: Math.max(...loads.map(({ run }) => run)) })] : []),
    say("verdicts", { tables: loads.length, verdict: distinct })];
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
      element("td", {}, verdictOf(load))))));
}

/** What the loaders said of a table, in the page's language. */
function verdictOf({ verdict, verdictKo = verdict }) {
  return document.documentElement.lang === "ko" ? verdictKo : verdict;
}

/** 2026-01-31 10:05 UTC */
function moment(text) {
  return `${new Date(text).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
