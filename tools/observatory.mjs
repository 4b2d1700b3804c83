// The grade that MDN's HTTP Observatory would give: node observatory.mjs HOST HTTP_PORT HTTPS_PORT
// Its own `scan` takes no ports, so its retriever, tests and grader are called here one by one.
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

const home = path.dirname(
  createRequire(import.meta.url).resolve("@mdn/mdn-http-observatory/package.json"),
);
// Lists that the package fetches when it is installed; a machine of ours is in none of them.
for (const list of ["hsts-preload.json", "tld-list.json"]) {
  const file = path.join(home, "conf", list);
  if (!fs.existsSync(file)) fs.writeFileSync(file, list.startsWith("hsts") ? "{}" : "[]");
}
const part = (name) => import(path.join(home, "src", name));
const { retrieve } = await part("retriever/retriever.js");
const { ALL_TESTS } = await part("constants.js");
const { MINIMUM_SCORE_FOR_EXTRA_CREDIT } = await part("grader/charts.js");
const { getGradeForScore, getScoreModifier } = await part("grader/grader.js");

const [host, httpPort, httpsPort] = process.argv.slice(2);
const found = await retrieve(host, { httpPort: Number(httpPort), httpsPort: Number(httpsPort) });
if (!found.responses.auto) throw new Error("The site does not answer.");
let score = 100;
let uncurved = 100;
for (const test of ALL_TESTS) {
  const result = test(found);
  const points = result.result ? getScoreModifier(result.result) : 0;
  score += points;
  uncurved += Math.min(points, 0);
  console.log(`${result.pass ? "ok  " : "FAIL"} ${String(points).padStart(4)} ${result.constructor.name}: ${result.result}`);
}
const final = getGradeForScore(uncurved >= MINIMUM_SCORE_FOR_EXTRA_CREDIT ? score : uncurved);
console.log(`Observatory: ${final.grade}, ${final.score} points`);
process.exit(final.grade === "A+" ? 0 : 1);
