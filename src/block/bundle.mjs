// Makes one file of each command of the block layer, in place of the one that the compiler made: a command that has to find and load some
// 250 modules spends most of a short run on that.
import path from 'node:path';
import { build } from 'esbuild';

const commands = path.resolve(import.meta.dirname, '../../dist/src/block');

await build({
  entryPoints: ['img/bin.js'].map((entry) => path.join(commands, entry)),
  outbase: commands,
  outdir: commands,
  allowOverwrite: true,
  bundle: true,
  packages: 'external',
  platform: 'node',
  target: 'node20',
  format: 'esm',
});
