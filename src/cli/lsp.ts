/** `gsio lsp`: the language server over standard input and output, until the editor ends it. */
import { rules } from '../../rules/index.ts';
import { serve } from '../lsp/server.ts';
import { packageVersion } from './package.ts';

export function lsp(): Promise<number> {
  serve(process.stdin, process.stdout, rules, packageVersion());
  // The editor's last word ends the process.
  return new Promise(() => { /* stays open */ });
}
