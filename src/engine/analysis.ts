/** The view of an analysed program that rules get. */
import type { ValueFlow } from '../callgraph/flow.ts';
import type { Program } from '../link/link.ts';
import type { Config } from '../model/config.ts';
import type { Analysis, FunctionNode } from '../model/rule.ts';
import type { Value } from '../model/summary.ts';
import type { OffMain } from '../propagate/off-main.ts';

export function buildAnalysis(program: Program, flow: ValueFlow, offMain: OffMain, config: Config): Analysis {
  const slotIsGlobal = (value: Value): boolean =>
    value.k === 'member' ? program.slot(value.key)?.classification.class === 'globalState' : value.k === 'any' && value.of.some(slotIsGlobal);
  return {
    config,
    files: program.files,
    functions: program.functions,
    slots: program.slots,
    functionByKey: (key) => {
      const id = program.functionId(key);
      return id === undefined ? undefined : program.functions[id];
    },
    slotByKey: (key) => program.slot(key),
    ioCalls: offMain.calls(),
    callsGlobalState: (fn: FunctionNode) => (program.sitesOf[fn.id] ?? []).some((site) => slotIsGlobal(site.summary.callee) || flow.callees(site).some((target) => (
      target.kind === 'function' ? program.functions[target.fn]?.classification.class === 'globalState' : target.kind === 'external' && target.tags.class === 'globalState'))),
  };
}
