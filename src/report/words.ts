/** The words that all reports for people use for classes, calls and counts. */
import type { EdgeKind, Hop, Report, Why } from '../model/finding.ts';
import type { ClassTag, CoroutineTag } from '../model/summary.ts';

export const CLASS_NAMES: Readonly<Record<ClassTag, string>> = { globalState: 'Global State', io: 'I/O', ioOrGs: 'I/O or GS', common: 'Common' };
export const COROUTINE_NAMES: Readonly<Record<CoroutineTag, string>> = {
  coroutine: 'coroutine', coroutineMixed: 'in and out of coroutines', coroutineWrapper: 'coroutine wrapper', noCoroutine: 'not in coroutines',
};
export const WHY: Readonly<Record<Why, string>> = {
  declared: 'by its own tag',
  inherited: 'by the tag it inherits',
  module: 'by the tag of its module',
  model: 'by a model in the configuration or of the platform',
  inferred: 'from its use',
};
export const EDGES: Readonly<Record<EdgeKind, string>> = {
  root: 'starts here', call: 'called', slot: 'called through a slot', callback: 'run as a callback', construct: 'constructed', accessor: 'run by a property access',
};

/** `starts here; I/O by its own tag`. */
export function reasonOf(hop: Hop): string {
  const what = hop.class === null ? 'no class of its own' : `${CLASS_NAMES[hop.class]} ${WHY[hop.why]}`;
  return `${EDGES[hop.edge]}; ${what}`;
}

/** `2 errors, 1 warning`; `nothing found` where there is none. */
export function verdict({ summary }: Report): string {
  const { error, warning, info } = summary.findings;
  const counts = [
    ...(error > 0 ? [counted(error, 'error')] : []),
    ...(warning > 0 ? [counted(warning, 'warning')] : []),
    ...(info > 0 ? [`${number(info)} info`] : []),
  ];
  return counts.length === 0 ? 'nothing found' : counts.join(', ');
}

/** What the verdict is about: `since origin/main in 28 files, beside 12 known findings in the baseline`. */
export function scope({ summary, known = 0, since }: Report): string {
  return `${since === undefined ? '' : `since ${since} `}in ${counted(summary.files, 'file')}${known === 0 ? '' : `, beside ${counted(known, 'known finding')} in the baseline`}`;
}

export function counted(count: number, noun: string): string {
  return `${number(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** Digits in groups of three, the same in every locale. */
export function number(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ' ');
}
