/**
 * `gsio why FROM TO`: how one function comes to call another.
 *
 * In: two names and filters. Out: 0 where there is a path, 1 where there is none.
 * Leaves to others: finding paths (`engine`), words (`report`).
 */
import { findWays } from '../engine/questions/paths.ts';
import { UsageError } from '../model/errors.ts';
import type { EdgeKind } from '../model/finding.ts';
import type { Ways } from '../model/questions.ts';
import { formatWays, formatWaysJson } from '../report/ways.ts';
import { askProjects, placeNamed, placesNamed } from './ask.ts';
import { oneOf, wholeNumber } from './choice.ts';
import type { ProjectOptions } from './on-projects.ts';
import { wantsColour, type Streams } from './streams.ts';

export interface WhyOptions extends ProjectOptions {
  readonly paths?: string;
  readonly through?: readonly string[];
  readonly avoid?: readonly string[];
  readonly kind?: readonly string[];
  readonly format?: string;
  readonly color: boolean;
}

const KINDS = ['call', 'slot', 'callback', 'construct', 'accessor'] as const;
const MOST_THROUGH = 6;

export async function why(fromName: string, toName: string, options: WhyOptions, streams: Streams): Promise<0 | 1> {
  const format = oneOf('format', options.format ?? 'pretty', ['pretty', 'json']);
  const count = options.paths === undefined ? 1 : wholeNumber('--paths', options.paths, 1);
  const kinds = kindsOf(options.kind);
  if ((options.through ?? []).length > MOST_THROUGH) {
    throw new UsageError('invalid-option', `--through is taken ${String(MOST_THROUGH)} times at most.`, 'Ask for the path in parts.');
  }

  const models = await askProjects([], options, streams);
  const [from, to] = [placeNamed(models, fromName), placeNamed(models, toName)];
  const keys = (name: string): ReadonlySet<string> => new Set(placesNamed(models, name).map(({ key }) => key));
  const through = (options.through ?? []).map(keys);
  const avoid = new Set((options.avoid ?? []).flatMap((name) => [...keys(name)]));
  const answers = models.flatMap((model) => findWays(model, { from, to, through, avoid, kinds, count }) ?? []);
  if (answers.length === 0) {
    throw new UsageError('no-body', `${fromName} has no body that could call anything.`, 'Name a function with a body first, and the function that it may reach second.');
  }
  const ways = merged(answers, count);
  streams.out(format === 'json' ? formatWaysJson(ways) : formatWays(ways, wantsColour(streams, options.color)));
  return ways.paths.length > 0 ? 0 : 1;
}

function kindsOf(written: readonly string[] | undefined): ReadonlySet<EdgeKind> | null {
  if (written === undefined) return null;
  return new Set(written.flatMap((list) => list.split(',')).map((kind) => oneOf('kind', kind.trim(), KINDS)));
}

/** What several projects answer, as one. */
function merged(answers: readonly Ways[], count: number): Ways {
  const [first] = answers as readonly [Ways, ...Ways[]];
  const paths = new Map(answers.flatMap((answer) => answer.paths).map((path) => [JSON.stringify(path), path]));
  const sorted = [...paths.values()].sort((a, b) => a.length - b.length);
  return {
    ...first,
    paths: sorted.slice(0, count),
    more: sorted.length > count || answers.some(({ more }) => more),
    cut: sorted.length > 0 ? null : answers.find(({ cut }) => cut !== null)?.cut ?? null,
  };
}
