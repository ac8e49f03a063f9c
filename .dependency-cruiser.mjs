// Who may import whom. One rule a row of the table in src/ARCHITECTURE.md; each comment tells what to do instead.

const COMPILERS = '(^|/)node_modules/(typescript|ts-morph|@ts-morph|eslint|@typescript-eslint)/';

/** Files of `from` import, of this repository, only what `may` names. */
const layer = (name, from, may, comment) => ({
  name: `layer-${name}`,
  comment,
  severity: 'error',
  from: { path: `^${from}/` },
  to: { path: '^(src|rules|test)/', pathNot: [`^${from}/`, ...may.map((folder) => `^${folder}/`)] },
});

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    layer('model', 'src/model', [], 'The model is data that everybody shares. What needs more than types belongs to the stage that needs it.'),
    layer('runtime', 'src/runtime', [], 'Users ship the runtime with their programs. It holds its own few types, and depends on nothing.'),
    layer('classify', 'src/classify', ['src/model'], 'Classes follow from summaries alone. Have the front end put what is missing into the summary.'),
    layer('link', 'src/link', ['src/model', 'src/classify'], 'Linking ties summaries, and gives every function its class. Have the front end put what is missing into the summary.'),
    layer('callgraph', 'src/callgraph', ['src/model', 'src/link'], 'The graph is made of the linked program. What rules or contexts need of it is a query of the graph.'),
    layer('propagate', 'src/propagate', ['src/model', 'src/classify', 'src/link', 'src/callgraph'], 'Contexts flow over the call graph. Add a query to the graph, or a field to the model.'),
    layer('policy', 'src/policy', ['src/model'], 'Policy judges findings by their own data. Put what it needs into the finding or the waiver.'),
    layer('report', 'src/report', ['src/model'], 'A report prints what it is given. Compute it earlier, and put it into the Report.'),
    layer('config', 'src/config', ['src/model'], 'The configuration is read before any analysis. Hand rule ids and folders in as arguments.'),
    layer('rules', 'rules', ['src/model', 'src/callgraph', 'src/propagate'], 'A rule is a pure function of the Analysis. If a fact is missing there, add it to the model and the engine.'),
    layer('frontend', 'src/frontend', ['src/model', 'src/classify'], 'A front end tells facts and judges nothing. Judging belongs to a rule.'),
    {
      name: 'layer-engine',
      comment: 'The engine works on what it is handed. Finding and loading belongs to `project`, printing to `cli`.',
      severity: 'error',
      from: { path: '^src/engine/' },
      to: { path: '^src/(project|cli|eslint|report|block)/' },
    },
    layer('project', 'src/project', ['src/engine', 'src/config', 'src/model'], 'Projects are loaded for any shell. What only the command needs stays in `cli`.'),
    layer('trace', 'src/trace', ['src/project', 'src/engine', 'src/frontend', 'src/link', 'src/model'], 'Recording and comparing work on any project. What is shown belongs to `report`, options to `cli`.'),
    layer('fix', 'src/fix', ['src/project', 'src/engine', 'src/model', 'rules'], 'Repairs follow from the analysis of any project. Options, files and diffs belong to `cli` and `report`.'),
    layer('repair', 'src/repair', ['src/model'], 'Repairs of one finding look at its file alone. What they need of the program belongs into the finding.'),
    layer('init', 'src/init', ['src/project', 'src/model'], 'Setting up looks at a folder and plans files. Asking, showing and writing belong to `cli`.'),
    layer('cli', 'src/cli', ['src/init', 'src/project', 'src/engine', 'src/trace', 'src/fix', 'src/config', 'src/report', 'src/policy', 'src/lsp', 'src/model', 'rules'], 'The command is a thin shell. Reach the front end through `project` and `engine`.'),
    layer('lsp', 'src/lsp', ['src/project', 'src/engine', 'src/repair', 'src/report', 'src/model'], 'The server is a thin shell. What decides about findings belongs to a rule or to `policy`, what mends them to `repair`.'),
    layer(
      'eslint',
      'src/eslint',
      ['src/engine', 'src/frontend', 'src/repair', 'src/config', 'src/model', 'rules'],
      'The plugin is a thin shell. What decides about findings belongs to a rule or to `policy`. It reads the configuration itself, through `config`, because it has to follow the file while one types; `project` would bring a second compiler along.',
    ),
    {
      name: 'no-compiler-behind-the-front-end',
      comment: 'Only front ends and `project` know a compiler. Have the front end put what is missing into the FileSummary.',
      severity: 'error',
      from: { path: '^(src/(model|runtime|classify|link|callgraph|propagate|policy|report|config|cli)|rules)/' },
      to: { path: COMPILERS },
    },
    {
      name: 'front-ends-are-handed-their-compiler',
      comment: 'Instances of the compiler must not mix. Take it as an argument, and import its types only.',
      severity: 'error',
      from: { path: '^src/(frontend|engine|trace|repair)/' },
      to: { path: COMPILERS, dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'ts-morph-in-project-only',
      comment: 'The engine and the front ends work with any instance of the compiler. `project` hands them one. `fix` rewrites source with it.',
      severity: 'error',
      from: { pathNot: '^(src/(project|fix)|test)/' },
      to: { path: '(^|/)node_modules/(ts-morph|@ts-morph)/' },
    },
    {
      name: 'no-io-in-the-analysis',
      comment: 'Take file contents, clock and environment as arguments; shells read and write. `bundle.mjs` runs in the build, and is no part of the program.',
      severity: 'error',
      from: { path: '^(src/(model|classify|link|callgraph|propagate|policy|report|frontend|engine)|rules)/', pathNot: '^src/report/html/bundle\\.mjs$' },
      to: { path: '^(node:)?(fs|fs/promises|child_process|worker_threads|process|os|http|https|net)$' },
    },
    {
      name: 'no-analyzer-in-block',
      comment: 'The block layer is a library of its own; it asserts contexts through `src/runtime`.',
      severity: 'error',
      from: { path: '^src/block/' },
      to: { path: '^(src|rules)/', pathNot: '^src/(block|runtime)/' },
    },
    {
      name: 'no-block-in-analyzer',
      comment: 'The block layer is analysed, not used. Move what both need into `src/runtime`.',
      severity: 'error',
      from: { path: '^(src|rules)/', pathNot: '^src/block/' },
      to: { path: '^src/block/' },
    },
    {
      name: 'no-tests-in-source',
      comment: 'Source must work without its tests. Move what both need into `src`.',
      severity: 'error',
      from: { path: '^(src|rules)/' },
      to: { path: '^(test|fixtures)/' },
    },
    {
      name: 'no-cycles',
      comment: 'Move what both files need into a third one, or merge the two.',
      severity: 'error',
      from: {},
      // Types may refer to each other in a circle: nothing of them is left when the code runs.
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'page-is-bundled',
      comment: 'The page of the report runs in a browser. What both sides need stands beside it, as `page-data.ts` does.',
      severity: 'error',
      from: { pathNot: '^src/report/html/app/' },
      to: { path: '^src/report/html/app/' },
    },
    {
      name: 'no-undeclared-packages',
      comment: 'Declare the package in package.json: source uses dependencies, tests may use devDependencies too, and so may the page of the report, which is bundled, and what bundles it.',
      severity: 'error',
      from: { path: '^(src|rules)/', pathNot: '^src/(report/html/app/|(report/html|block)/bundle\\.mjs$)' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'no-unresolvable',
      comment: 'The file or package does not exist. Mend the path, or install the package.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|fixtures)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['types', 'import', 'node', 'default'] },
  },
};
