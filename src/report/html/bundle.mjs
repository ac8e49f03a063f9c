// Makes the page of the report of src/report/html/app: one file with everything in it, but for the data.
//
// Scripts that may run are named by their hash, and nothing may be loaded, so that no text in a report can do anything.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';

const root = path.resolve(import.meta.dirname, '../../..');
const app = path.join(root, 'src/report/html/app');
const page = path.join(root, 'dist/src/report/html/page.html');

const bundled = async (entry) => {
  const { outputFiles } = await build({ entryPoints: [path.join(app, entry)], bundle: true, minify: true, write: false, target: ['chrome115', 'firefox115', 'safari16.4'], format: 'iife', legalComments: 'none' });
  return outputFiles[0].text.trim();
};

const license = fs.readFileSync(path.join(root, 'node_modules/@dagrejs/dagre/LICENSE'), 'utf8').trim();
const script = `/* Holds @dagrejs/dagre:\n${license}\n*/\n${await bundled('main.ts')}`;
const style = await bundled('style.css');
const hash = createHash('sha256').update(script).digest('base64');

const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'sha256-${hash}'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">
<title>gsio</title>
<style>${style}</style>
</head>
<body>
<noscript>This report needs JavaScript; it runs in the page alone and loads nothing. The JSON file beside it holds the same.</noscript>
<!-- gsio:data -->
<script>${script}</script>
</body>
</html>
`;
fs.mkdirSync(path.dirname(page), { recursive: true });
fs.writeFileSync(page, html);
