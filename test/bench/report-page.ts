/**
 * `npm run bench:report`: how fast Chromium opens the page of the report from the disk.
 *
 * Out: for some sizes, the size of the file, and medians of the time from asking for the page until it shows its first table, and of the time
 * until a search among all findings has its answer.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser } from 'playwright-core';
import { reportPage } from '../../src/cli/package.ts';
import { formatHtml } from '../../src/report/html/html.ts';
import { largeAudit } from '../support/audits.ts';
import { launch } from '../support/browser.ts';

const ROUNDS = 5;

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'gsio-bench-'));
const browser = await launch();
try {
  console.log('| findings | functions | MB | open, ms | search, ms |\n| ---: | ---: | ---: | ---: | ---: |');
  for (const [findings, functions] of [[100, 1000], [10_000, 10_000], [10_000, 100_000]] as const) {
    const { report, options } = largeAudit(findings, functions, reportPage());
    const file = path.join(folder, 'report.html');
    fs.writeFileSync(file, formatHtml(report, options));
    const times = [];
    for (let round = 0; round < ROUNDS; round++) times.push(await timed(browser, file));
    console.log(`| ${String(findings)} | ${String(functions)} | ${(fs.statSync(file).size / 1e6).toFixed(1)} | ${median(times.map(({ open }) => open))} | ${median(times.map(({ search }) => search))} |`);
  }
} finally {
  await browser.close();
  fs.rmSync(folder, { recursive: true, force: true });
}

async function timed(browser: Browser, file: string): Promise<{ open: number; search: number }> {
  const page = await browser.newPage();
  const started = performance.now();
  await page.goto(`${pathToFileURL(file).href}#findings`);
  await page.locator('.rows .row').first().waitFor();
  const opened = performance.now();
  await page.evaluate("location.hash = '#findings?q=readSector99'");
  await page.locator('.count', { hasText: ' of ' }).waitFor();
  const searched = performance.now();
  await page.close();
  return { open: opened - started, search: searched - opened };
}

function median(values: readonly number[]): string {
  return String(Math.round([...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0));
}
