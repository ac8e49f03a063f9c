/**
 * Findings as editors show them.
 *
 * In: findings and the folder that their files are relative to. Out: for every file its diagnostics; each carries the whole path as places
 * to go to, or in its words where the editor has none for that.
 */
import path from 'node:path';
import { DiagnosticSeverity, type Diagnostic, type DiagnosticRelatedInformation, type Range } from 'vscode-languageserver/node';
import type { Finding, Hop, Level } from '../model/finding.ts';
import { shortWay } from '../model/short-way.ts';
import { reasonOf } from '../report/words.ts';
import { uriOf } from './uris.ts';

export interface DiagnosticStyle {
  readonly version: string;
  /** Whether the editor can show places beside the message. */
  readonly relatedInformation: boolean;
}

const SEVERITIES: Readonly<Record<Level, DiagnosticSeverity>> = { error: DiagnosticSeverity.Error, warning: DiagnosticSeverity.Warning, info: DiagnosticSeverity.Information };

export function diagnosticOf(finding: Finding, root: string, style: DiagnosticStyle): Diagnostic {
  const { rule, level, message, hint, path: way } = finding;
  const words = [message, ...(style.relatedInformation ? [] : [shortWay(way)]), hint].filter((part) => part !== '');
  return {
    range: rangeOf(finding),
    severity: SEVERITIES[level],
    source: 'gsio',
    code: rule,
    codeDescription: { href: `https://unpkg.com/gsio@${style.version}/rules/${rule}/README.md` },
    message: words.join(' '),
    ...(style.relatedInformation && way.length > 0 ? { relatedInformation: way.map((hop, index) => placeOf(hop, index, root)) } : {}),
  };
}

export function rangeOf({ line, column, endLine, endColumn }: Pick<Finding, 'line' | 'column' | 'endLine' | 'endColumn'>): Range {
  return { start: { line: line - 1, character: column - 1 }, end: { line: endLine - 1, character: endColumn - 1 } };
}

function placeOf(hop: Hop, index: number, root: string): DiagnosticRelatedInformation {
  const start = { line: hop.line - 1, character: hop.column - 1 };
  return {
    location: { uri: uriOf(path.posix.join(root, hop.file)), range: { start, end: { line: start.line, character: start.character + lengthOf(hop) } } },
    message: `${String(index + 1)}. ${hop.function}: ${reasonOf(hop)}`,
  };
}

/** At the root stands its name; at the others a call, of which nobody knows here how long it is. */
function lengthOf({ edge, function: name }: Hop): number {
  return edge === 'root' && /^[\w$.]+$/.test(name) ? name.length - (name.lastIndexOf('.') + 1) : 0;
}
