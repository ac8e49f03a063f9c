/** The list of all rules, sorted by id. Both shells, the docs and the reports take their rules from here. */
import type { Rule } from '../src/model/rule.ts';
import { assertionMismatch } from './assertion-mismatch/rule.ts';
import { assertionPlacement } from './assertion-placement/rule.ts';
import { blockingInCoroutine } from './blocking-in-coroutine/rule.ts';
import { callbackClass } from './callback-class/rule.ts';
import { coroutineContext } from './coroutine-context/rule.ts';
import { drainBalance } from './drain-balance/rule.ts';
import { dualUse } from './dual-use/rule.ts';
import { graphWrite } from './graph-write/rule.ts';
import { gsFromCoroutine } from './gs-from-coroutine/rule.ts';
import { gsFromIo } from './gs-from-io/rule.ts';
import { invalidAnnotation } from './invalid-annotation/rule.ts';
import { misfiledApi } from './misfiled-api/rule.ts';
import { missingAssertion } from './missing-assertion/rule.ts';
import { permChangeInIo } from './perm-change-in-io/rule.ts';
import { slotCallUnasserted } from './slot-call-unasserted/rule.ts';
import { suggestClass } from './suggest-class/rule.ts';
import { unclassifiedApi } from './unclassified-api/rule.ts';
import { unusedWaiver } from './unused-waiver/rule.ts';
import { waivedAssertion } from './waived-assertion/rule.ts';

/** Every rule of gsio, sorted by id. */
export const rules: readonly Rule[] = [
  assertionMismatch,
  assertionPlacement,
  blockingInCoroutine,
  callbackClass,
  coroutineContext,
  drainBalance,
  dualUse,
  graphWrite,
  gsFromCoroutine,
  gsFromIo,
  invalidAnnotation,
  misfiledApi,
  missingAssertion,
  permChangeInIo,
  slotCallUnasserted,
  suggestClass,
  unclassifiedApi,
  unusedWaiver,
  waivedAssertion,
];
