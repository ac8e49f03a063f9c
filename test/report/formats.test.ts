/** The formats for machines and code hosts: valid, within their limits, and not to be broken by what a source holds. */
import { micromark } from 'micromark';
import { gfm, gfmHtml } from 'micromark-extension-gfm';
import type { Log, Result } from 'sarif';
import { describe, expect, test } from 'vitest';
import type { Finding } from '../../src/model/finding.ts';
import { FORMATS, render, type RenderOptions } from '../../src/report/formats.ts';
import { finding, HOSTILE, hostileFindings, manyFindings, OPTIONS, reportOf } from '../support/reports.ts';
import { junitFaults, sarifValidator } from '../support/schemas.ts';

const sarifFaults = sarifValidator();
const warning: Finding = { ...finding, level: 'warning', line: 9, endLine: 9, fingerprint: 'f000000000000000' };
const info: Finding = { ...finding, level: 'info', line: 11, endLine: 11, fingerprint: 'f000000000000001' };

const rendered = (format: (typeof FORMATS)[number], findings: readonly Finding[], options: Partial<RenderOptions> = {}): string =>
  render(format, reportOf(findings), { ...OPTIONS, ...options });

describe.each(FORMATS)('%s', (format) => {
  test('ends with a newline, says the same twice, and holds no control characters', () => {
    for (const findings of [[], [finding, warning, info], hostileFindings()]) {
      const text = rendered(format, findings);
      expect(text.endsWith('\n')).toBe(true);
      expect(text.endsWith('\n\n')).toBe(false);
      expect(rendered(format, findings)).toBe(text);
      // eslint-disable-next-line no-control-regex -- control characters are what is looked for
      if (format !== 'json') expect(text).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/);
    }
  });
});

describe.each(['sarif', 'github', 'gitlab', 'junit', 'markdown'] as const)('%s', (format) => {
  test('names files from the root of the repository', () => {
    const text = rendered(format, [{ ...finding, path: [] }, { ...warning, path: [], file: '../net/link.ts' }], { prefix: 'packages/disk/' });
    expect(text).toContain('packages/disk/src/disk.ts');
    expect(text).toContain('packages/net/link.ts');
    expect(text).not.toContain('..');
  });
});

describe('sarif', () => {
  const log = (findings: readonly Finding[], options: Partial<RenderOptions> = {}): Log => JSON.parse(rendered('sarif', findings, options)) as Log;
  const results = (findings: readonly Finding[]): readonly Result[] => log(findings).runs[0]?.results ?? [];

  test.each([['nothing', []], ['findings of all levels', [finding, warning, info]], ['hostile text', hostileFindings()]])('is valid with %s', (_, findings) => {
    expect(sarifFaults(log(findings))).toEqual([]);
  });

  test('holds place, way, start, level, fingerprint and the rule', () => {
    const [result] = results([{ ...finding, message: 'see [a] \\ b' }]);
    expect(result).toMatchObject({
      ruleId: 'gs-from-io', level: 'error', message: { text: 'see \\[a\\] \\\\ b To fix: Call resizeImage where the main thread runs.' },
      partialFingerprints: { 'gsioFingerprint/v1': finding.fingerprint },
      locations: [{ physicalLocation: { artifactLocation: { uri: 'src/disk.ts', uriBaseId: 'SRCROOT' }, region: { startLine: 4, startColumn: 3, endLine: 4, endColumn: 25 } } }],
    });
    expect(result?.relatedLocations).toMatchObject([{ physicalLocation: { region: { startLine: 2 } }, message: { text: 'readSector: starts here; I/O by its own tag.' } }]);
    expect(result?.codeFlows?.[0]?.threadFlows[0]?.locations.map(({ location }) => location?.physicalLocation?.region?.startLine)).toEqual([2, 40, 4]);
    const driver = log([finding]).runs[0]?.tool.driver;
    expect(driver?.rules?.[result?.ruleIndex ?? -1]?.id).toBe('gs-from-io');
    expect(driver).toMatchObject({ name: 'gsio', semanticVersion: '1.2.3' });
  });

  test('explains every rule, without links to files that the viewer does not have', () => {
    for (const rule of log([]).runs[0]?.tool.driver.rules ?? []) {
      expect(rule.help?.markdown).toContain('See another.');
      expect(rule.help?.markdown).not.toContain('# ');
      expect(rule.help?.text).toContain(`gsio explain ${rule.id}`);
      expect(rule.shortDescription?.text).not.toBe('');
    }
  });

  test('has relative addresses only', () => {
    for (const { locations } of results(hostileFindings())) {
      const uri = locations?.[0]?.physicalLocation?.artifactLocation?.uri ?? '';
      expect(new URL(uri, 'file:///root/').href.startsWith('file:///root/src/')).toBe(true);
      expect(uri).toMatch(/^[\w!'()*~.%/-]+$/);
    }
  });

  test('puts the worst first, and leaves out what no upload takes', () => {
    expect(results([info, warning, finding]).map(({ level }) => level)).toEqual(['error', 'warning', 'note']);
    const many = log([...manyFindings(25_000, 'info'), finding]);
    expect(many.runs[0]?.results).toHaveLength(25_000);
    expect(many.runs[0]?.results?.[0]?.level).toBe('error');
    expect(many.runs[0]?.invocations?.[0]?.toolExecutionNotifications?.[0]?.message.text).toContain('1 further finding left out');
  });

  test('keeps both ends of a very long way', () => {
    const path = Array.from({ length: 12_000 }, (_, index) => ({ ...finding.path[1], line: index + 1 }) as Finding['path'][number]);
    const steps = results([{ ...finding, path }])[0]?.codeFlows?.[0]?.threadFlows[0]?.locations ?? [];
    expect(steps).toHaveLength(1000);
    expect(steps.at(-1)?.location?.physicalLocation?.region?.startLine).toBe(12_000);
  });
});

describe('github', () => {
  test('writes a command for each finding, and closes with a notice', () => {
    expect(rendered('github', [finding, warning])).toBe(
      '::error file=src/disk.ts,line=4,endLine=4,col=3,endColumn=25,title=gsio gs-from-io::readSector is I/O code, and calls resizeImage, which is Global State. To fix: Call resizeImage where the main thread runs.\n'
      + '::warning file=src/disk.ts,line=9,endLine=9,col=3,endColumn=25,title=gsio gs-from-io::readSector is I/O code, and calls resizeImage, which is Global State. To fix: Call resizeImage where the main thread runs.\n'
      + '::notice title=gsio::1 error, 1 warning in 2 files.\n',
    );
    expect(rendered('github', [])).toBe('gsio: nothing found in 2 files.\n');
  });

  test('shows ten errors and ten warnings of a step, and logs the rest', () => {
    const lines = rendered('github', [...manyFindings(12), ...manyFindings(11, 'warning'), ...manyFindings(30, 'info')]).trimEnd().split('\n');
    const count = (start: string): number => lines.filter((line) => line.startsWith(start)).length;
    expect([count('::error '), count('::warning '), count('::notice ')]).toEqual([10, 10, 10]);
    expect(lines).toHaveLength(12 + 11 + 30 + 1);
    expect(lines.at(-1)).toContain('12 errors, 11 warnings, 30 info in 2 files. GitHub shows 10 errors');
  });

  test('lets no name or message become a command', () => {
    const lines = rendered('github', Array.from({ length: 4 }, hostileFindings).flat()).trimEnd().split('\n');
    expect(lines).toHaveLength(4 * HOSTILE.length + 1);
    for (const line of lines) {
      expect(line).toMatch(/^(?:::(?:error|warning|notice) |(?:error|warning|info) )/);
      if (!line.startsWith('::')) expect(line).not.toContain('##[');
      expect(line.length).toBeLessThan(320_000);
      const properties = /^::\w+ (.*?)::/.exec(line)?.[1] ?? '';
      for (const part of properties.split(',').filter((part) => part !== '')) expect(part).toMatch(/^(?:file|line|endLine|col|endColumn|title)=[^:]*$/);
    }
  });
});

describe('gitlab', () => {
  test('is a list with the keys that GitLab reads', () => {
    expect(JSON.parse(rendered('gitlab', [finding, warning, info]))).toMatchObject([
      { check_name: 'gs-from-io', severity: 'major', fingerprint: finding.fingerprint, location: { path: 'src/disk.ts', lines: { begin: 4, end: 4 } } },
      { severity: 'minor' }, { severity: 'info' },
    ]);
    expect(rendered('gitlab', [])).toBe('[]\n');
  });

  test('tells all findings apart, and has a description of one line', () => {
    const entries = JSON.parse(rendered('gitlab', hostileFindings())) as { description: string; fingerprint: string; location: { path: string } }[];
    expect(new Set(entries.map(({ fingerprint }) => fingerprint)).size).toBe(HOSTILE.length);
    for (const { description, location } of entries) {
      expect(description).not.toMatch(/[\r\n]/);
      expect(location.path).toMatch(/^src\/[^\n]*\.ts$/);
    }
  });
});

describe('junit', () => {
  test.each([['nothing', []], ['findings of all levels', [finding, warning, info]], ['hostile text', hostileFindings()]])('is valid with %s', async (_, findings) => {
    expect(await junitFaults(rendered('junit', findings))).toEqual([]);
  });

  test('is a suite for each file, and a case for each finding', () => {
    expect(rendered('junit', [finding, { ...warning, file: 'src/grow.ts' }])).toMatchInlineSnapshot(`
      "<?xml version="1.0" encoding="UTF-8"?>
      <testsuites name="gsio" tests="2" failures="1" errors="0" time="0">
        <testsuite name="src/disk.ts" tests="1" failures="1" errors="0" skipped="0" time="0">
          <testcase name="gs-from-io: readSector, resizeImage" classname="src/disk.ts" time="0">
            <failure type="error gs-from-io" message="readSector is I/O code, and calls resizeImage, which is Global State.">src/disk.ts:4:3
      readSector is I/O code, and calls resizeImage, which is Global State.
        1. readSector  src/disk.ts:2  starts here; I/O by its own tag
        2. grow  src/grow.ts:40  run as a callback; no class of its own
        3. resizeImage  src/disk.ts:4  called; Global State by the tag of its module
      To fix: Call resizeImage where the main thread runs.</failure>
          </testcase>
        </testsuite>
        <testsuite name="src/grow.ts" tests="1" failures="0" errors="0" skipped="1" time="0">
          <testcase name="gs-from-io: readSector, resizeImage" classname="src/grow.ts" time="0">
            <skipped type="warning gs-from-io" message="readSector is I/O code, and calls resizeImage, which is Global State."/>
          </testcase>
        </testsuite>
      </testsuites>
      "
    `);
  });

  test('fails what fails the check, and is a case that passes where nothing was found', () => {
    expect(rendered('junit', [warning], { fails: () => true })).toContain('<failure type="warning gs-from-io"');
    expect(rendered('junit', [])).toMatchInlineSnapshot(`
      "<?xml version="1.0" encoding="UTF-8"?>
      <testsuites name="gsio" tests="1" failures="0" errors="0" time="0">
        <testsuite name="gsio" tests="1" failures="0" errors="0" skipped="0" time="0">
          <testcase name="nothing found" classname="gsio" time="0"/>
        </testsuite>
      </testsuites>
      "
    `);
  });

  test('has one name for each case of a file, without line numbers', () => {
    const names = [...rendered('junit', [finding, warning, { ...info, function: 'open/callback@12' }, { ...info, function: 'open/callback@15' }]).matchAll(/testcase name="([^"]*)"/g)].map(([, name]) => name);
    expect(names).toEqual(['gs-from-io: readSector, resizeImage', 'gs-from-io: readSector, resizeImage (2)', 'gs-from-io: open/callback, resizeImage', 'gs-from-io: open/callback, resizeImage (2)']);
  });
});

describe('markdown', () => {
  const BYTES = 65_536;

  test('tells each finding with its way', () => {
    expect(rendered('markdown', [warning, finding])).toMatchInlineSnapshot(`
      "### gsio: 1 error, 1 warning

      In 2 files: 12 345 functions, 3 calls.

      **error** \`gs-from-io\` \`src/disk.ts:4:3\`

      readSector is I/O code, and calls resizeImage, which is Global State.

      <details>
      <summary>The way there, from the nearest of 3 roots</summary>

      1. \`readSector\` \`src/disk.ts:2\` starts here; I/O by its own tag
      2. \`grow\` \`src/grow.ts:40\` run as a callback; no class of its own
      3. \`resizeImage\` \`src/disk.ts:4\` called; Global State by the tag of its module

      </details>

      *To fix:* Call resizeImage where the main thread runs.

      **warning** \`gs-from-io\` \`src/disk.ts:9:3\`

      readSector is I/O code, and calls resizeImage, which is Global State.

      <details>
      <summary>The way there, from the nearest of 3 roots</summary>

      1. \`readSector\` \`src/disk.ts:2\` starts here; I/O by its own tag
      2. \`grow\` \`src/grow.ts:40\` run as a callback; no class of its own
      3. \`resizeImage\` \`src/disk.ts:4\` called; Global State by the tag of its module

      </details>

      *To fix:* Call resizeImage where the main thread runs.
      "
    `);
    expect(rendered('markdown', [])).toContain('### gsio: nothing found\n');
  });

  test('fits a comment and a summary, and counts what does not', () => {
    for (const findings of [manyFindings(10_000), hostileFindings(), Array.from({ length: 300 }, () => ({ ...finding, message: '漢字👩‍👩‍👧‍👦@a '.repeat(1000) }))]) {
      const text = rendered('markdown', findings);
      expect(Buffer.byteLength(text)).toBeLessThanOrEqual(BYTES);
      const told = text.match(/^\*\*(?:error|warning|info)\*\* /gm)?.length ?? 0;
      const left = Number(/… and ([\d ]+) further finding/.exec(text)?.[1]?.replaceAll(' ', '') ?? 0);
      expect(told + left).toBe(findings.length);
    }
  });

  test('mentions nobody, and lets no name or message become markup', () => {
    // As GitHub reads it: addresses are links, even without brackets around them.
    const html = micromark(rendered('markdown', hostileFindings()), { allowDangerousHtml: true, extensions: [gfm()], htmlExtensions: [gfmHtml()] });
    const tags = new Set(html.match(/<[a-z]+\d?/g));
    expect([...tags].sort()).toEqual(['<code', '<details', '<em', '<h3', '<li', '<ol', '<p', '<strong', '<summary']);
    expect(html.match(/<details>/g)).toHaveLength(HOSTILE.length);
    expect(html.match(/<h3/g)).toHaveLength(1);
    expect(html.replace(/<code>[^]*?<\/code>/g, '')).not.toMatch(/[@#]\w/);
    expect(html).toContain('<p>[link](javascript:alert(1)) ![x](y) <code>@globalState</code> <code>@user</code>');
  });
});
