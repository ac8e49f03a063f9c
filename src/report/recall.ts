/** How a trace compares with the call graph, for people and as JSON. A report computes nothing but shares and averages. */
import type { FanOut, JudgedViolation, Miss, MissCause, Recall } from '../model/trace.ts';

const CAUSES: Readonly<Record<MissCause, string>> = {
  'unresolved': 'nothing is known that the call could run',
  'other-targets': 'the graph has other functions at the call',
  'through-library': 'a library runs the function',
  'unknown-site': 'the analysis has no call at this place',
  'unknown-function': 'the analysis has no such function',
};

export function formatRecallJson(recall: Recall, version: string): string {
  const { calls, atSite, inCaller, scheduled, untraced, misses, precision, violations, foreignViolations } = recall;
  const shares = { recall: share(atSite + inCaller, calls), recallAtSite: share(atSite, calls), targetsPerCallSite: average(precision.targets, precision.callSites) };
  return `${JSON.stringify({ schemaVersion: 1, tool: { name: 'gsio', version }, ...shares, calls, atSite, inCaller, scheduled, untraced, misses, precision, violations, foreignViolations }, null, 2)}\n`;
}

export function formatRecall(recall: Recall): string {
  const { calls, atSite, inCaller, scheduled, untraced, misses, precision, violations, foreignViolations } = recall;
  const lines = [
    `Recall      ${percent(atSite + inCaller, calls)} of ${count(calls, 'recorded call')} between functions of the project are in the call graph`,
    `            ${percent(atSite, calls)} at the very call${inCaller === 0 ? '' : `; ${String(inCaller)} only at another call of the same function`}`,
    ...(scheduled === 0 ? [] : [`            Not among them: ${String(scheduled)} of callbacks that @runs hands to another context, where they begin`]),
    ...(untraced === 0 ? [] : [`            Not among them: ${String(untraced)} that code outside of the project made`]),
    ...missLines(misses),
    '',
    `Precision   ${average(precision.targets, precision.callSites).toFixed(2)} targets for each of ${count(precision.callSites, 'call site')} that call code of the project`,
    ...(precision.libraryCalls === 0 ? [] : [`            ${average(precision.libraryTargets, precision.libraryCalls).toFixed(2)} functions for each of ${count(precision.libraryCalls, 'call')} of libraries that may run what they are handed`]),
    `            ${average(precision.tracedTargets, precision.tracedCallSites).toFixed(2)} for each of ${count(precision.tracedCallSites, 'call site')} that ran; ${percent(precision.seen, precision.tracedTargets)} of these targets were seen`,
    ...fanOutLines(precision.fanOuts),
    '',
    ...violationLines(violations, foreignViolations),
  ];
  return `${lines.join('\n')}\n`;
}

function missLines(misses: readonly Miss[]): string[] {
  const lines: string[] = [];
  const groups = new Map<string, Miss[]>();
  for (const miss of misses) {
    const group = miss.cause === 'unresolved' ? `${CAUSES[miss.cause]} (${miss.detail})` : CAUSES[miss.cause];
    groups.set(group, [...(groups.get(group) ?? []), miss]);
  }
  for (const [group, members] of groups) {
    lines.push('', `  Missed: ${group}: ${String(members.length)}`);
    for (const { file, line, column, caller, function: fn, declared, cause, detail } of members) {
      const note = cause === 'unresolved' || detail === '' ? '' : cause === 'through-library' ? `, by ${detail}` : `; the graph has ${detail}`;
      lines.push(`    ${file}:${String(line)}:${String(column)}  ${caller} runs ${fn} (${declared.file}:${String(declared.line)})${note}`);
    }
  }
  return lines;
}

function fanOutLines(fanOuts: readonly FanOut[]): string[] {
  if (fanOuts.length === 0) return [];
  const rows = fanOuts.map(({ file, line, column, caller, text, targets, seen }) => [String(targets), String(seen), text, `${file}:${String(line)}:${String(column)}`, caller]);
  return ['', '  Most targets:', ...table([['targets', 'seen', 'call', 'at', 'in'], ...rows]).map((line) => `    ${line}`)];
}

function violationLines(violations: readonly JudgedViolation[], foreign: number): string[] {
  const missed = violations.filter(({ predictedBy }) => predictedBy === null);
  const lines = [`Violations  ${String(violations.length)} recorded, ${String(missed.length)} of them without a finding that tells of it${foreign === 0 ? '' : `; not among them ${String(foreign)} in code outside of the project`}`];
  for (const violation of violations) {
    const { function: fn, assertion, runsIn, stack, predictedBy } = violation;
    const at = stack[0] === undefined ? '' : ` at ${stack[0].file}:${String(stack[0].line)}`;
    if (predictedBy !== null) {
      lines.push(`    ${fn} (${assertion}) in ${runsIn}${at}: ${predictedBy.rule} ${predictedBy.file}:${String(predictedBy.line)}`);
      continue;
    }
    lines.push(`  ! ${fn} (${assertion}) in ${runsIn}${at}: no finding`);
    for (const frame of stack.slice(1)) lines.push(`        called from ${frame.file}:${String(frame.line)}`);
  }
  return lines;
}

function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ').trimEnd());
}

function share(part: number, whole: number): number {
  return whole === 0 ? 1 : Math.round((part / whole) * 10_000) / 10_000;
}

function average(sum: number, number: number): number {
  return number === 0 ? 0 : Math.round((sum / number) * 100) / 100;
}

/** Rounded down: 100 % means all. */
function percent(part: number, whole: number): string {
  return `${(whole === 0 ? 100 : Math.floor((part / whole) * 1000) / 10).toFixed(1)} %`;
}

function count(number: number, noun: string): string {
  return `${String(number)} ${noun}${number === 1 ? '' : 's'}`;
}
