// The HTML report in Chromium, as an auditor opens it: node report.js FOLDER, where FOLDER has quiet.html, month.html, hostile.html,
// crowd.html and review.html (./runtests browser makes them).  Prints TAP.  CHROMIUM names another browser than /usr/bin/chromium.
"use strict";
const fs = require("fs");
const os = require("os");
const path = require("path");
const assert = require("assert").strict;
const { execFileSync } = require("child_process");
const { pathToFileURL } = require("url");
const { chromium } = require("playwright-core");
const axe = fs.readFileSync(require.resolve("axe-core"), "utf8");

const folder = path.resolve(process.argv[2]);
const pages = ["quiet", "month", "hostile", "crowd", "review"];
const desktop = { width: 1280, height: 900 }, phone = { width: 390, height: 844 };
const tests = [];
let browser;

function test(name, run) {
  tests.push({ name, run });
}

// Opens a page; what it asks the network for, and what it complains of, is collected.
async function open(name, options = {}) {
  const context = await browser.newContext({ viewport: desktop, offline: false, ...options });
  const page = await context.newPage();
  const url = pathToFileURL(path.join(folder, `${name}.html`)).href;
  const heard = { requests: [], complaints: [] };
  page.on("request", (request) => { if (request.url() !== url) heard.requests.push(request.url()); });
  page.on("console", (message) => { if (message.type() !== "log") heard.complaints.push(message.text()); });
  page.on("pageerror", (error) => heard.complaints.push(String(error)));
  await page.goto(url, { waitUntil: "load" });
  return { page, heard, url, close: () => context.close() };
}

async function opened(name, options, use) {
  const it = await open(name, options);
  try {
    await use(it);
  } finally {
    await it.close();
  }
}

function column(page, table, index) {
  return page.$$eval(`#table-${table} tbody tr`, (rows, i) => rows.filter((r) => !r.hidden).map((r) => r.cells[i].textContent), index);
}

// What axe has to say; a page is one of many elements, so each is looked at in the sizes and colours that differ for it.
async function axeFinds(page) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  assert.ok(found.passes.length > 10, "axe looked at something");
  return found.violations.map((v) => `${v.id}: ${v.help}: ${v.nodes[0].html.slice(0, 120)}: ${v.nodes[0].failureSummary}`);
}

for (const name of pages)
  test(`${name}: axe finds nothing`, () =>
    opened(name, { bypassCSP: true }, async ({ page }) => assert.deepEqual(await axeFinds(page), [])));
for (const name of ["month", "review"])
  test(`${name}: axe finds nothing in the dark and on a phone`, () =>
    opened(name, { colorScheme: "dark", viewport: phone, bypassCSP: true }, async ({ page }) => assert.deepEqual(await axeFinds(page), [])));

for (const name of pages) {
  test(`${name}: asks for nothing, complains of nothing, fits a phone`, () =>
    opened(name, { viewport: phone }, async ({ page, heard }) => {
      await page.mouse.wheel(0, 20000);
      assert.deepEqual(heard.requests, []);
      assert.deepEqual(heard.complaints, []);
      assert.ok(await page.evaluate(() => document.scrollingElement.scrollWidth <= window.innerWidth), "the page scrolls sideways");
    }));
  test(`${name}: the contents lead to sections, headings go down one level at a time`, () =>
    opened(name, {}, async ({ page }) => {
      const lost = await page.$$eval("nav a", (links) => links.map((l) => l.getAttribute("href")).filter((h) => !document.querySelector(h)));
      assert.deepEqual(lost, []);
      const levels = await page.$$eval("h1, h2, h3, h4", (all) => all.map((h) => Number(h.tagName[1])));
      assert.equal(levels.filter((l) => l === 1).length, 1);
      levels.reduce((before, level) => { assert.ok(level <= before + 1); return level; }, 0);
    }));
}

test("charts are drawn: a column for each day, a bar for each endpoint, the busiest sources", () =>
  opened("month", {}, async ({ page }) => {
    const days = await column(page, "days", 1);
    assert.equal(await page.locator("#chart-allowed rect.f-allowed").count(), days.filter((n) => n !== "0").length);
    assert.equal(await page.locator("#chart-coverage .bars li").count(), 4);
    assert.ok(await page.locator("#chart-coverage rect.f-bad").count() >= 3);
    assert.equal(await page.locator("#chart-denied-sources .bars li").count(), 10);
    assert.ok(await page.locator("#chart-denied g rect.f-aggregated").count() === 1);
    for (const chart of await page.locator("figure.chart svg:not([aria-hidden])").all()) {
      const box = await chart.boundingBox();
      assert.ok(box.width > 100 && box.height > 10, "a chart has no size");
      assert.ok((await chart.getAttribute("aria-label")).length > 5);
    }
    const widths = await page.$$eval("#chart-denied-sources .bars rect", (all) => all.map((r) => r.getBoundingClientRect().width));
    assert.ok(widths.every((w, i) => w > 0 && (i === 0 || w <= widths[i - 1] + 0.5)), "bars do not follow their values");
  }));

test("columns of the timeline are as high as their numbers say", () =>
  opened("month", {}, async ({ page }) => {
    const days = (await column(page, "days", 1)).map(Number);
    const heights = await page.$$eval("#chart-allowed rect.f-allowed", (all) => all.map((r) => r.getBoundingClientRect().height));
    const scale = heights[0] / days[0];
    heights.forEach((h, i) => assert.ok(Math.abs(h - days[i] * scale) < 1, `day ${i}: ${h} for ${days[i]}`));
  }));

test("a quiet report has no empty chart, and says so in words", () =>
  opened("quiet", {}, async ({ page }) => {
    assert.equal(await page.locator("#chart-allowed").count(), 0);
    assert.match(await page.locator("#connections").innerText(), /No source was allowed\./);
    assert.match(await page.locator(".verdict").innerText(), /without a gap/);
  }));

test("a table sorts by number and by name, with the mouse and with the keyboard", () =>
  opened("crowd", {}, async ({ page }) => {
    const numbers = async () => (await column(page, "endpoints", 3)).map(Number);
    const heading = page.locator("#table-endpoints thead th").nth(3);
    await heading.locator("button").click();
    assert.equal(await heading.getAttribute("aria-sort"), "ascending");
    let got = await numbers();
    assert.equal(got.length, 500);
    assert.deepEqual(got, [...got].sort((a, b) => a - b));
    await heading.locator("button").focus();
    await page.keyboard.press("Enter");
    assert.equal(await heading.getAttribute("aria-sort"), "descending");
    got = await numbers();
    assert.deepEqual(got, [...got].sort((a, b) => b - a));
    assert.ok(got[0] > got[499]);
    await page.locator("#table-endpoints thead th button").first().click();
    assert.equal((await column(page, "endpoints", 0))[6], "service-007");
    assert.equal(await heading.getAttribute("aria-sort"), null);
  }));

test("a table is filtered by words, and says how many rows are left", () =>
  opened("crowd", {}, async ({ page }) => {
    await page.fill("#filter-endpoints", "service-03 database");
    const names = await column(page, "endpoints", 0);
    assert.deepEqual(names, ["service-030", "service-033", "service-036", "service-039"]);
    assert.equal(await page.locator("#table-endpoints .tools [role=status]").innerText(), "4 of 500 rows");
    await page.fill("#filter-endpoints", "");
    assert.equal((await column(page, "endpoints", 0)).length, 500);
  }));

test("what is left out is said, with the place that has it", () =>
  opened("crowd", {}, async ({ page }) => {
    assert.match(await page.locator("#denied").first().innerText(), /and \d+ more sources with \d+ denied attempts: see sources\.csv/);
  }));

test("without script all can be read, and nothing is there that would need it", () =>
  opened("month", { javaScriptEnabled: false }, async ({ page, heard }) => {
    assert.equal(await page.locator("thead button, .tools, input").count(), 0);
    assert.equal(await page.locator("#table-endpoints tbody tr").count(), 4);
    assert.ok(await page.locator("#chart-allowed svg").isVisible());
    for (const section of await page.locator("main section").all()) assert.ok((await section.innerText()).length > 20);
    assert.deepEqual(heard.requests, []);
  }));

test("hostile names, reasons and details stay text", () =>
  opened("hostile", {}, async ({ page, heard }) => {
    for (const cell of await page.locator("#table-rules td, #table-grants td").all()) await cell.hover({ timeout: 5000 });
    assert.match(await page.title(), /^Access to protected endpoints on host/);
    assert.equal(await page.locator("script").count(), 1);
    assert.equal(await page.locator("img, iframe, object, embed, form, link, base, a[href^='javascript'], a[href^='http']").count(), 0);
    const attributes = await page.evaluate(() => [...document.querySelectorAll("*")].flatMap((e) => e.getAttributeNames()).filter((n) => n.startsWith("on") || n === "style" || n === "src"));
    assert.deepEqual(attributes, []);
    assert.match(await page.locator("#table-rules").innerText(), /<img src=x onerror=/);
    assert.deepEqual(heard.requests, []);
    assert.deepEqual(heard.complaints, []);
  }));

test("the policy lets no other script, style or image in", () =>
  opened("month", {}, async ({ page }) => {
    const done = await page.evaluate(() => {
      const script = document.createElement("script"), style = document.createElement("style");
      script.textContent = "document.title = 'broken'";
      style.textContent = "body { display: none }";
      document.head.append(script, style);
      return { title: document.title, display: getComputedStyle(document.body).display };
    });
    assert.notEqual(done.title, "broken");
    assert.equal(done.display, "block");
    const blocked = await page.evaluate(() => new Promise((resolve) => {
      document.addEventListener("securitypolicyviolation", (e) => resolve(e.effectiveDirective));
      document.body.append(Object.assign(new Image(), { src: "data:image/gif;base64,R0lGODlhAQABAAAAACw=" }));
    }));
    assert.equal(blocked, "img-src");
  }));

test("the keyboard comes to the skip link first, then to all controls", () =>
  opened("month", {}, async ({ page }) => {
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement.className), "skip");
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement.closest("nav") !== null), true);
  }));

test("light and dark are both chosen by the reader's system", async () => {
  const colours = [];
  for (const colorScheme of ["light", "dark"])
    await opened("month", { colorScheme }, async ({ page }) => colours.push(await page.evaluate(() => getComputedStyle(document.body).backgroundColor)));
  assert.notEqual(colours[0], colours[1]);
});

function pdf(name, format) {
  return opened(name, { colorScheme: "dark" }, async ({ page }) => {
    const file = path.join(os.tmpdir(), `hallowd-report-${process.pid}.pdf`);
    try {
      await page.pdf({ path: file, format, printBackground: true });
      const texts = execFileSync("pdftotext", ["-layout", file, "-"]).toString().split("\f").slice(0, -1);
      assert.ok(texts.length > 0);
      texts.forEach((text, i) => {
        assert.match(text, new RegExp(`Page ${i + 1} of ${texts.length}\\s*$`));
        assert.ok(text.trim().split("\n").length > 2, `page ${i + 1} is empty`);
      });
      assert.match(execFileSync("pdfinfo", [file]).toString(), format === "A4" ? /Page size: +59\d.*84\d/ : /Page size: +612 x 792/);
      assert.match(texts[0], name === "review" ? /Review of the rules/ : /Access to protected\s+endpoints/);
    } finally {
      fs.rmSync(file, { force: true });
    }
  });
}

for (const name of ["month", "review"])
  for (const format of ["A4", "Letter"])
    test(`${name} prints as ${format}, with a number on each page`, () => pdf(name, format));

test("print is light, and shows all rows of long tables", () =>
  opened("crowd", { colorScheme: "dark" }, async ({ page }) => {
    await page.emulateMedia({ media: "print" });
    assert.equal(await page.evaluate(() => getComputedStyle(document.documentElement).getPropertyValue("--paper").trim()), "#ffffff");
    assert.ok(await page.evaluate(() => [...document.querySelectorAll(".scroll")].every((e) => e.scrollHeight <= e.clientHeight + 1)), "a table is cut off");
    assert.equal(await page.locator(".tools").first().isVisible(), false);
  }));

test("the review has a blank to decide for each rule, and to sign", () =>
  opened("review", {}, async ({ page }) => {
    assert.equal(await page.locator("#table-review .blank").count(), await page.locator("#table-review tbody tr").count());
    assert.equal(await page.locator("#table-signature .blank").count(), 4);
  }));

(async () => {
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync"],
  });
  let failed = 0, number = 0;
  for (const { name, run } of tests) {
    number++;
    try {
      await run();
      console.log(`ok ${number} - ${name}`);
    } catch (error) {
      failed++;
      console.log(`not ok ${number} - ${name}`);
      console.log(String(error.message || error).split("\n").slice(0, 12).map((line) => `# ${line}`).join("\n"));
    }
  }
  console.log(`1..${number}`);
  await browser.close();
  process.exitCode = failed > 0 ? 1 : 0;
})().catch((error) => {
  console.log(`Bail out! ${error.message}`);
  process.exitCode = 1;
});
