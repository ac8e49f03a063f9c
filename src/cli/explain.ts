/**
 * `gsio explain RULE` prints the page of a rule, `gsio explain FUNCTION` what is known of a function or slot.
 *
 * A name with a dash can only be that of a rule, and needs no project.
 */
import { rules } from '../../rules/index.ts';
import { nearestName } from '../config/nearest.ts';
import { knownNames, lookUp } from '../engine/questions/names.ts';
import { buildCard } from '../engine/questions/card.ts';
import { UsageError } from '../model/errors.ts';
import { formatCard } from '../report/card.ts';
import { askProjects, placeNamed, suggestion } from './ask.ts';
import type { ProjectOptions } from './on-projects.ts';
import { rulePage } from './package.ts';
import { wantsColour, type Streams } from './streams.ts';

export interface ExplainOptions extends ProjectOptions {
  readonly color: boolean;
}

export async function explain(written: string, options: ExplainOptions, streams: Streams): Promise<0> {
  const id = written.replace(/^gsio\//, '');
  const known = rules.map((rule) => rule.id);
  const rule = rules.find((candidate) => candidate.id === id);
  if (rule !== undefined) {
    const page = rulePage(id) ?? `# ${id}\n\n${rule.title}\n\n${rule.why}\n`;
    streams.out(page.endsWith('\n') ? page : `${page}\n`);
    return 0;
  }
  if (/^[a-z]+(?:-[a-z]+)+$/.test(id)) {
    throw new UsageError('unknown-rule', `Unknown rule "${written}"; did you mean "${nearestName(id, known) ?? ''}"?`, `Known rules: ${known.join(', ')}.`);
  }

  const models = await askProjects([], options, streams);
  if (lookUp(models, written).length === 0) {
    throw new UsageError('unknown-name', `No rule or function is called "${written}"${suggestion(written.slice(written.indexOf('#') + 1), [...known, ...knownNames(models)])}`, 'Functions are called as in findings: readSector, Disk.read, src/disk.ts#Disk.read.');
  }
  const place = placeNamed(models, written);
  const card = buildCard(models, place);
  if (card === undefined) {
    throw new UsageError('library-function', `${written} is a function of ${place.file}, of which the project holds no source.`, 'gsio why FROM TO tells how your code comes to call it.');
  }
  streams.out(formatCard(card, wantsColour(streams, options.color)));
  return 0;
}
