/**
 * What all questions share: loading the projects, and finding out which function a name stands for.
 *
 * In: options, and names as the user wrote them. Out: models, places. A name that fits nothing, or too much, is a `UsageError`.
 */
import { nearestName } from '../config/nearest.ts';
import { knownNames, lookUp } from '../engine/questions/names.ts';
import type { Model } from '../engine/model.ts';
import { UsageError } from '../model/errors.ts';
import type { NamedPlace } from '../model/questions.ts';
import { modelProjects } from '../project/analyze-projects.ts';
import { onProjects, type ProjectOptions } from './on-projects.ts';
import { outputFile, writeOutput } from './output.ts';
import type { Streams } from './streams.ts';

export async function askProjects(paths: readonly string[], options: ProjectOptions, streams: Streams): Promise<readonly Model[]> {
  const { models } = await onProjects(paths, options, streams, modelProjects);
  return models;
}

/** The one function, slot or library function that has the name. */
export function placeNamed(models: readonly Model[], written: string): NamedPlace {
  const places = placesNamed(models, written);
  const [only] = places;
  if (only !== undefined && places.length === 1) return only;
  throw new UsageError('ambiguous-name', `The name "${written}" fits ${String(places.length)} functions.`, `Write one of: ${distinctNames(places).join(', ')}.`);
}

/** All that have the name; at least one. */
export function placesNamed(models: readonly Model[], written: string): NamedPlace[] {
  const places = lookUp(models, written);
  if (places.length > 0) return places;
  const name = written.slice(written.indexOf('#') + 1);
  throw new UsageError('unknown-function', `No function is called "${written}"${suggestion(name, knownNames(models))}`, 'Functions are called as in findings: readSector, Disk.read, src/disk.ts#Disk.read.');
}

/** The end of a sentence about a name that nothing has. A member is easily named without its class. */
export function suggestion(written: string, known: readonly string[]): string {
  const lower = written.toLowerCase();
  const members = known.filter((name) => name.toLowerCase().split(/[./]/).at(-1) === lower).slice(0, 3);
  const nearest = members.length > 0 ? undefined : nearestName(written, known);
  const names = nearest === undefined ? members : [nearest];
  return names.length === 0 ? '.' : `; did you mean ${names.map((name) => `"${name}"`).join(' or ')}?`;
}

const MOST_LISTED = 12;

function distinctNames(places: readonly NamedPlace[]): string[] {
  const short = places.map(({ file, function: name }) => `${file}#${name}`);
  const names = places.map(({ key }, index) => (short.filter((other) => other === short[index]).length > 1 ? key : short[index] ?? key));
  return names.length > MOST_LISTED ? [...names.slice(0, MOST_LISTED), `or ${String(names.length - MOST_LISTED)} more`] : names;
}

/** Writes an answer to the file after --output, or else to the terminal. `make` is told whether it is the terminal. */
export async function answer(written: string | undefined, streams: Streams, make: (toTerminal: boolean) => Promise<string>): Promise<void> {
  const file = written === undefined ? null : outputFile(written, streams.cwd);
  const text = await make(file === null);
  if (file === null) streams.out(text);
  else writeOutput(file, text, written ?? file);
}
