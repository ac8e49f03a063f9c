/**
 * What devices have done, counted. Re-exports only.
 */
export {
  blockAcctDone, blockAcctFailed, blockAcctIdleTimeNs, blockAcctInvalid, blockAcctMergeDone, blockAcctSetup, blockAcctStart, type BlockAcctCookie,
} from './backend/accounting.ts';
