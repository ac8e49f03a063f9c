/**
 * What --format and --output ask for.
 *
 * In: their words. Out: formats, each with the file that it goes to or, at most once, none: that one goes to the terminal.
 * A word that means nothing, or two outputs for one place, are a `UsageError`, told before the analysis.
 */
import { UsageError } from '../model/errors.ts';
import { FORMATS, type Format } from '../report/formats.ts';
import { oneOf } from './choice.ts';
import { outputFile } from './output.ts';

export interface Output {
  readonly format: Format;
  readonly file: { readonly path: string; readonly written: string } | undefined;
}

export function outputsOf(formats: readonly string[] | undefined, output: string | undefined, cwd: string): Output[] {
  const asked = (formats ?? ['pretty']).map((written): { format: Format; to: string | undefined } => {
    const [name = '', ...file] = written.split('=');
    const to = file.join('=');
    if (file.length > 0 && to === '') throw new UsageError('invalid-option', `--format ${written} names no file.`, `Write --format ${name}=FILE, or --format ${name} for the terminal.`);
    return { format: oneOf('format', name, FORMATS), to: file.length > 0 ? to : undefined };
  });
  const plain = asked.filter(({ to }) => to === undefined).map(({ format }) => format);
  if (plain.length > 1) {
    throw new UsageError('invalid-option', `Only one format can go to ${output === undefined ? 'the terminal' : 'the file after --output'}, not ${plain.join(' and ')}.`, `Give the others their files: --format ${plain[1] ?? ''}=FILE.`);
  }
  if (output !== undefined && plain.length === 0) {
    throw new UsageError('invalid-option', 'With --output, one format must come without a file.', 'Leave out --output, or add the format that goes there.');
  }
  const outputs = asked.map(({ format, to = output }): Output => ({ format, file: to === undefined ? undefined : { path: outputFile(to, cwd), written: to } }));
  const twice = outputs.find(({ file }, index) => file !== undefined && outputs.findIndex((other) => other.file?.path === file.path) < index);
  if (twice?.file !== undefined) throw new UsageError('invalid-option', `Two formats go to the file ${twice.file.written}.`, 'Name a file for each.');
  return outputs;
}
