/** The page of the report, in a real browser, from the disk, without a network. */
import fs from 'node:fs';
import path from 'node:path';
import axe from 'axe-core';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { reportPage } from '../../src/cli/package.ts';
import { formatHtml } from '../../src/report/html/html.ts';
import { hostileAudit, largeAudit } from '../support/audits.ts';
import { chromiumPath, launch, open, type Opened } from '../support/browser.ts';
import { gsio } from '../support/command.ts';
import { FIXTURES } from '../support/fixture-programs.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const POSTED = path.join(FIXTURES, 'projects/fuse-export/posted');

interface AuditJson {
  readonly findings: readonly { readonly rule: string; readonly file: string; readonly line: number; readonly fingerprint: string; readonly message: string; readonly path: readonly { readonly function: string }[] }[];
  readonly functions: readonly { readonly function: string; readonly listed: boolean; readonly class: string | null; readonly hasBody: boolean; readonly assertion: string | null }[];
  readonly coverage: { readonly functions: number; readonly globalState: number; readonly asserted: number };
}

/** The page's content policy keeps strangers out; the browser's own tools may look. */
async function accessibilityFaults(page: Page): Promise<string[]> {
  await page.evaluate(`{ const module = undefined; const define = undefined; ${axe.source} }`);
  return await page.evaluate(`axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => id + ': ' + html.slice(0, 200) + ' ' + failureSummary)))`);
}

const rowsIn = (page: Page): Promise<string[]> => page.locator('.rows .row').allInnerTexts();

describe.skipIf(chromiumPath === undefined)('the page of the report', () => {
  let browser: Browser;
  let folder = '';
  let audit: AuditJson;
  const opened = (hash = '', options: Parameters<typeof open>[3] = {}): Promise<Opened> => open(browser, path.join(folder, 'audit.html'), hash, options);
  const ofRule = (rule: string): AuditJson['findings'][number] => audit.findings.find((found) => found.rule === rule) as AuditJson['findings'][number];

  beforeAll(async () => {
    browser = await launch();
    folder = fs.mkdtempSync(path.join(fs.realpathSync('/tmp'), 'gsio-report-'));
    const { status, out, err } = await gsio(POSTED, ['report', '--output', path.join(folder, 'audit.html')]);
    expect([status, out]).toEqual([0, '']);
    expect(err).toMatch(/audit\.html and .*audit\.json: 10 errors, 1 info in 28 files, \d+ functions\.\n$/);
    audit = JSON.parse(fs.readFileSync(path.join(folder, 'audit.json'), 'utf8')) as AuditJson;
  });
  afterAll(async () => {
    await browser.close();
    fs.rmSync(folder, { recursive: true, force: true });
  });

  test('shows where the code base stands, and leads to what is behind the figures', async () => {
    const { page, faults } = await opened();
    expect(await page.locator('.tile').allInnerTexts()).toEqual([expect.stringMatching(/^10\s/), expect.stringMatching(/^0\s/), expect.stringMatching(/^1\s/)]);
    expect(await page.locator('.meter', { hasText: 'Global State functions that assert' }).innerText()).toContain(`${String(audit.coverage.asserted)} of ${String(audit.coverage.globalState)}`);
    await page.locator('.bars a', { hasText: 'perm-change-in-io' }).click();
    await page.locator('.count', { hasText: '3 findings of 11' }).waitFor();
    expect(await rowsIn(page)).toHaveLength(3);
    await page.goBack();
    await page.locator('.tile.error').click();
    await page.locator('.count', { hasText: '10 findings of 11' }).waitFor();
    expect(faults).toEqual([]);
  });

  test('shows a finding with its path in the source, the reason of each hop, and the repair', async () => {
    const found = ofRule('perm-change-in-io');
    const { page, faults } = await opened(`#finding/${found.fingerprint}`);
    expect(await page.locator('.message').innerText()).toBe(found.message);
    const hops = page.locator('.way > li');
    expect(await hops.locator('strong').allInnerTexts()).toEqual(found.path.map((hop) => hop.function));
    expect(await hops.locator('.reason').allInnerTexts()).toEqual(['starts here; I/O by its own tag', 'called; I/O from its use', 'called; Global State by its own tag']);
    expect(await hops.last().locator('mark').innerText()).toBe('blkGetPerm(blk)');
    expect(await hops.first().locator('mark').innerText()).toBe('fuseSetattr');
    expect(await page.locator('.repair').innerText()).toContain('Return an error such as EPERM');
    await page.locator('.repair summary').click();
    expect(await page.locator('.repair details').innerText()).not.toContain('`');
    expect(faults).toEqual([]);
  });

  test('draws the calls around it: classes by shape and colour, the path in its order, neighbours on request', async () => {
    const found = ofRule('perm-change-in-io');
    const { page, faults } = await opened(`#finding/${found.fingerprint}`);
    const node = (name: string): ReturnType<Page['locator']> => page.locator('.canvas .node', { has: page.locator(`.name:text-is("${name}")`) });
    expect(await page.locator('.canvas .node').count()).toBe(3);
    expect(await page.locator('.canvas .edge.path').count()).toBe(2);
    expect(await node('fuseSetattr').locator('ellipse').count()).toBe(1);
    expect(await node('blkGetPerm').locator('rect').count()).toBe(1);
    const colour = (name: string): Promise<unknown> => page.evaluate(`getComputedStyle([...document.querySelectorAll('.canvas .node')].find((node) => node.querySelector('.name').textContent === '${name}').querySelector('ellipse, rect')).stroke`);
    expect(await colour('fuseSetattr')).not.toBe(await colour('blkGetPerm'));
    const top = async (name: string): Promise<number> => (await node(name).boundingBox())?.y ?? 0;
    expect(await top('fuseSetattr')).toBeLessThan(await top('fuseDoTruncate'));
    expect(await top('fuseDoTruncate')).toBeLessThan(await top('blkGetPerm'));
    await page.getByRole('button', { name: 'Add neighbours of fuseDoTruncate' }).focus();
    await page.keyboard.press('Enter');
    await node('fuseEnsureLength').waitFor();
    expect(await page.locator('.canvas .node').count()).toBe(6);
    await node('fuseEnsureLength').click();
    await page.locator('h1', { hasText: 'fuseEnsureLength' }).waitFor();
    expect(await page.locator('.columns').innerText()).toContain('fuseDoTruncate');
    expect(faults).toEqual([]);
  });

  test('finds: by words, by filters, by an address that was sent', async () => {
    const { page, faults } = await opened('#findings?rule=gs-from-io&module=scsi%2Fscsi-disk.ts');
    expect(await rowsIn(page)).toHaveLength(3);
    await page.getByRole('link', { name: 'Clear' }).click();
    await page.locator('.count', { hasText: /^11 findings$/ }).waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type('blkEject');
    await page.locator('.count', { hasText: '1 finding of 11' }).waitFor();
    expect(page.url()).toContain('#findings?q=blkEject');
    await page.locator('#search').fill('nothing has this name');
    await page.getByText('No finding fits these filters.').waitFor();
    await page.locator('#search').fill('');
    await page.locator('.count', { hasText: /^11 findings$/ }).waitFor();
    await page.getByLabel('Root', { exact: true }).selectOption('fuseSetattr');
    await page.locator('.count', { hasText: '3 findings of 11' }).waitFor();
    expect(faults).toEqual([]);
  });

  test('works from the keyboard alone', async () => {
    const { page, faults } = await opened('#findings');
    await page.locator('.rows .row').first().focus();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('j');
    await page.keyboard.press('k');
    expect(await page.evaluate("document.activeElement.getAttribute('data-index')")).toBe('1');
    await page.keyboard.press('End');
    expect(await page.evaluate("document.activeElement.getAttribute('data-index')")).toBe('10');
    await page.keyboard.press('Home');
    await page.keyboard.press('Enter');
    await page.locator('.pager', { hasText: '1 of 11' }).waitFor();
    await page.keyboard.press(']');
    await page.locator('.pager', { hasText: '2 of 11' }).waitFor();
    await page.keyboard.press('[');
    await page.locator('.pager', { hasText: '1 of 11' }).waitFor();
    await page.keyboard.press('?');
    expect(await page.locator('dialog[open]').innerText()).toContain('previous and next finding');
    await page.keyboard.press('Escape');
    expect(faults).toEqual([]);
  });

  test('lists the API, with what is missing, the slots and the waivers', async () => {
    const { page, faults } = await opened('#inventory');
    await page.locator('.count', { hasText: `${String(audit.coverage.functions)} functions` }).waitFor();
    await page.getByLabel('Only', { exact: true }).selectOption('missing');
    const missing = audit.functions.filter((fn) => fn.listed && fn.class === 'globalState' && fn.hasBody && fn.assertion === null);
    expect(missing.length).toBeGreaterThan(0);
    await page.locator('.count', { hasText: `${String(missing.length)} functions of ${String(audit.coverage.functions)}` }).waitFor();
    expect(await rowsIn(page)).toEqual(missing.map((fn) => expect.stringContaining(fn.function) as string));
    await page.getByLabel('Class', { exact: true }).selectOption('io');
    await page.getByText('No function fits these filters.').waitFor();
    await page.getByRole('link', { name: 'Slots' }).click();
    await page.locator('h1', { hasText: 'Slots' }).waitFor();
    expect((await rowsIn(page)).join('\n')).toContain('BlockDriver.bdrvOpen');
    await page.getByRole('link', { name: 'Waivers' }).click();
    await page.getByText('Nothing is waived.').waitFor();
    expect(faults).toEqual([]);
  });

  test('has no serious fault of accessibility, in light and dark, wide and narrow', async () => {
    const found = ofRule('perm-change-in-io');
    const fn = audit.functions.findIndex((candidate) => candidate.function === 'fuseDoTruncate');
    for (const hash of ['#overview', '#findings', `#finding/${found.fingerprint}`, '#inventory', '#slots', '#waivers', `#function/${String(fn)}`]) {
      for (const options of [{}, { dark: true, width: 420 }]) {
        const { page, faults } = await opened(hash, options);
        expect(await accessibilityFaults(page), `${hash} ${JSON.stringify(options)}`).toEqual([]);
        // Nothing but tables, source and drawings scrolls sideways.
        expect(await page.evaluate('document.documentElement.scrollWidth <= document.documentElement.clientWidth'), `${hash} ${JSON.stringify(options)}`).toBe(true);
        expect(faults).toEqual([]);
        await page.close();
      }
    }
  });

  test('follows the theme of the system, and a choice', async () => {
    const { page } = await opened('', { dark: true });
    const background = (): Promise<string> => page.evaluate('getComputedStyle(document.body).backgroundColor');
    const dark = await background();
    await page.getByRole('button', { name: /^Theme/ }).click();
    expect(await background()).not.toBe(dark);
    await page.getByRole('button', { name: /^Theme/ }).click();
    expect(await background()).toBe(dark);
  });

  test('prints what it shows', async () => {
    const { page } = await opened('#findings');
    const pdf = await page.pdf();
    expect(pdf.subarray(0, 5).toString()).toBe('%PDF-');
    await page.emulateMedia({ media: 'print' });
    expect(await page.locator('header').isVisible()).toBe(false);
    expect(await page.locator('.rows .row').last().isVisible()).toBe(true);
  });

  test('tells what is new and what is gone since an earlier report', async () => {
    const earlier = JSON.parse(fs.readFileSync(path.join(folder, 'audit.json'), 'utf8')) as { findings: { rule: string; fingerprint: string; message: string }[]; coverage: { classified: number } };
    const [first] = earlier.findings;
    const before = { ...earlier, findings: [{ ...first, fingerprint: 'gone', message: 'long gone' }, ...earlier.findings.slice(1)], coverage: { ...earlier.coverage, classified: earlier.coverage.classified - 20 } };
    const cwd = temporaryFolder({ 'last-week.json': JSON.stringify(before), 'none.json': '{}' });
    expect((await gsio(cwd, ['report', '--project', POSTED, '--compare', 'last-week.json', '-o', 'now.html'])).status).toBe(0);
    const { page, faults } = await open(browser, path.join(cwd, 'now.html'));
    expect(await page.locator('main').innerText()).toMatch(/1 new, 1 gone, 10 as before\./);
    expect(await page.locator('.meter').first().innerText()).toMatch(/\(\+\d/);
    await page.locator('summary', { hasText: '1 finding gone' }).click();
    expect(await page.locator('main').innerText()).toContain('long gone');
    await page.getByRole('link', { name: '1 new' }).click();
    await page.locator('.count', { hasText: '1 finding of 11' }).waitFor();
    expect(await page.locator('.rows .row .new').count()).toBe(1);
    expect(faults).toEqual([]);
    expect(await gsio(cwd, ['report', '--project', POSTED, '--compare', 'none.json'])).toMatchObject({ status: 2, err: expect.stringContaining('none.json is no report of gsio in JSON.') as string });
    expect(await gsio(cwd, ['report', '--project', POSTED, '--compare', 'missing.json'])).toMatchObject({ status: 2, err: expect.stringContaining('cannot be read') as string });
  });

  test('is what check --format html writes, without the inventory', async () => {
    const cwd = temporaryFolder({});
    expect((await gsio(cwd, ['check', '--project', POSTED, '--format', 'html=check.html', '--format', 'json'])).status).toBe(1);
    const { page, faults } = await open(browser, path.join(cwd, 'check.html'));
    expect(await page.locator('.tabs a').allInnerTexts()).toEqual(['Overview', 'Findings']);
    await page.goto(`${page.url().split('#')[0] ?? ''}#finding/${ofRule('perm-change-in-io').fingerprint}`);
    await page.locator('.way').waitFor();
    expect(await page.locator('.canvas .node').count()).toBe(3);
    expect(faults).toEqual([]);
  });

  test('nothing that source can hold does anything', async () => {
    const cwd = temporaryFolder({});
    const { report, options } = hostileAudit(reportPage());
    const file = path.join(cwd, 'hostile.html');
    fs.writeFileSync(file, formatHtml(report, options));
    const { page, faults } = await open(browser, file);
    const ids = report.findings.map((found) => found.fingerprint);
    for (const hash of ['#overview', '#findings', '#inventory', '#slots', '#waivers', '#function/0', '#function/2', '#finding/%', '#finding/<b>', ...ids.map((id) => `#finding/${id}`)]) {
      await page.evaluate(`location.hash = ${JSON.stringify(hash)}`);
      await page.locator('main h1').waitFor();
      expect(await page.evaluate("[typeof window.pwned, document.querySelectorAll('main img, main script, main iframe, [onerror], [onload]').length]")).toEqual(['undefined', 0]);
    }
    expect(await page.locator('main').innerText()).toContain(report.findings.at(-1)?.hint.slice(0, 20) ?? '');
    await page.evaluate("location.hash = '#finding/e0'");
    await page.locator('.message', { hasText: '</script><script>window.pwned = 1</script>' }).waitFor();
    expect(faults).toEqual([]);
  });

  test('holds 10 000 findings and 100 000 functions, and renders what is in sight', async () => {
    const cwd = temporaryFolder({});
    const { report, options } = largeAudit(10_000, 100_000, reportPage());
    const file = path.join(cwd, 'large.html');
    fs.writeFileSync(file, formatHtml(report, options));
    const { page, faults } = await open(browser, file, '#findings');
    await page.locator('.count', { hasText: /^10 000 findings$/ }).waitFor();
    expect(await page.locator('.rows .row').count()).toBeLessThan(100);
    await page.locator('.rows .row').first().focus();
    await page.keyboard.press('End');
    await page.locator('.rows .row[data-index="9999"]').waitFor();
    expect(await page.locator('.rows .row').count()).toBeLessThan(100);
    await page.evaluate("location.hash = '#inventory?q=readSector99999'");
    await page.locator('.count', { hasText: '1 function of 100 000' }).waitFor();
    await page.locator('.rows .row').first().click();
    await page.locator('.canvas .node').first().waitFor();
    expect(await page.locator('h1').innerText()).toContain('readSector99999');
    expect(faults).toEqual([]);
  });
});
