/**
 * `npm run check`: runs the built command on real input and shows what it finds.
 *
 * In: `fixtures/projects/fuse-export` as posted and as repaired, and the source of gsio itself.
 * Out: the findings on the terminal; status 0 when they are the ones that must be found, 1 when not.
 */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { expectationsIn } from '../projects/expectations.ts';

const folder = path.resolve(import.meta.dirname, '../..');
const command = path.join(folder, 'dist/src/cli/bin.js');
const example = path.join(folder, 'fixtures/projects/fuse-export');

function gsio(...words: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [command, 'check', ...words], { cwd: folder, encoding: 'utf8', maxBuffer: 1 << 28 });
}

/** Shows the findings of a project, and compares them with what must be found. */
function demonstrate(title: string, project: string, expected: readonly string[], ...paths: string[]): boolean {
  const words = ['--project', path.relative(folder, project), ...paths];
  console.log(`\n=== ${title}\n    gsio check ${words.join(' ')}\n`);
  const shown = gsio(...words);
  console.log(shown.stdout + shown.stderr);
  if (shown.status === 2) return false;

  const report = JSON.parse(gsio(...words, '--format', 'json').stdout) as { findings: { rule: string; level: string; file: string; line: number }[] };
  const found = report.findings.filter(({ level }) => level !== 'info').map(({ file, line, rule }) => `${file}:${line} ${rule}`).sort();
  const missing = expected.filter((place) => !found.includes(place));
  const extra = found.filter((place) => !expected.includes(place));
  for (const place of missing) console.log(`MISSING  ${place} must be found, and is not.`);
  for (const place of extra) console.log(`EXTRA    ${place} is found, and must not be.`);
  const right = missing.length === 0 && extra.length === 0 && found.length === expected.length && shown.status === (expected.length > 0 ? 1 : 0);
  console.log(`${right ? 'As it must be' : 'NOT as it must be'}: ${found.length} of ${expected.length} expected findings.`);
  return right;
}

const results = [
  demonstrate('A block layer as it was posted for review', path.join(example, 'posted'), expectationsIn(path.join(example, 'posted'))),
  demonstrate('The same, repaired as the review agreed', path.join(example, 'repaired'), []),
  demonstrate('gsio itself', path.join(folder, 'tsconfig.json'), [], 'src', 'rules'),
];
process.exitCode = results.every(Boolean) ? 0 : 1;
