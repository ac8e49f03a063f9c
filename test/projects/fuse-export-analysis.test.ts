/**
 * Analyses `fixtures/projects/fuse-export`: as posted, the review's defects and nothing else, each with the way to it;
 * repaired, nothing.
 */
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { rules } from '../../rules/index.ts';
import { defaultConfig } from '../../src/model/config.ts';
import type { Finding } from '../../src/model/finding.ts';
import { analyzeProgram } from '../../src/engine/analyze.ts';
import { ts } from '../../src/project/compiler.ts';
import { expectationsIn } from './expectations.ts';

interface ExpectedPath {
  readonly file: string;
  readonly rule: string;
  readonly function: string;
  readonly target: string;
  readonly root: string;
  readonly path: readonly string[];
}

const project = path.resolve(import.meta.dirname, '../../fixtures/projects/fuse-export');

/** Errors and warnings; what gsio merely suggests is no finding about the program. */
function findingsOf(variant: string): Finding[] {
  const root = path.join(project, variant);
  const read = ts.readConfigFile(path.join(root, 'tsconfig.json'), ts.sys.readFile);
  const { fileNames, options } = ts.parseJsonConfigFileContent(read.config, ts.sys, root);
  const program = ts.createProgram({ rootNames: fileNames, options });
  const own = new Set(fileNames);
  const input = { compiler: ts, program, root, reports: (file: string) => own.has(file) };
  return analyzeProgram(input, defaultConfig, rules).findings.filter((finding) => finding.level !== 'info');
}

function placesOf(findings: readonly Finding[]): string[] {
  return findings.map(({ file, line, rule }) => `${file}:${line} ${rule}`).sort();
}

describe('as posted', () => {
  const findings = findingsOf('posted');

  test('every defect is found at its call, and nothing else', () => {
    expect(placesOf(findings)).toEqual(expectationsIn(path.join(project, 'posted')));
  });

  test('each call is reached from the nearest root on a shortest path', () => {
    const expected = JSON.parse(fs.readFileSync(path.join(project, 'posted-paths.json'), 'utf8')) as ExpectedPath[];
    const found = findings
      .filter((finding) => finding.rule === 'gs-from-io' || finding.rule === 'perm-change-in-io')
      .map((finding): ExpectedPath => ({
        file: finding.file,
        rule: finding.rule,
        function: finding.function,
        target: finding.target,
        root: finding.path[0]?.function ?? '',
        path: finding.path.map((hop) => hop.function),
      }));
    expect(found).toEqual(expected);
  });
});

test('repaired, nothing is found', () => {
  expect(placesOf(findingsOf('repaired'))).toEqual([]);
});
