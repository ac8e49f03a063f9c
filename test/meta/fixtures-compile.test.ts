/** Fixtures are programs that people read: they must mean what they say to the compiler too. */
import path from 'node:path';
import { expect, it } from 'vitest';
import { ts } from '../../src/project/compiler.ts';
import { createSourceHost } from '../../src/project/source-host.ts';
import { FIXTURES, parseTsconfig } from '../support/fixture-programs.ts';

it('the small fixtures have no type errors', () => {
  const { fileNames, options } = parseTsconfig(path.join(FIXTURES, 'tsconfig.json'));
  const program = ts.createProgram(fileNames, options, createSourceHost(options));
  const messages = ts.getPreEmitDiagnostics(program).map((diagnostic) => {
    const { file, start } = diagnostic;
    const at = file === undefined ? '' : `${path.relative(FIXTURES, file.fileName)}:${String(file.getLineAndCharacterOfPosition(start ?? 0).line + 1)} `;
    return at + ts.flattenDiagnosticMessageText(diagnostic.messageText, ' ');
  });
  expect(messages).toEqual([]);
});
