/**
 * The write threshold of nodes. Re-exports only.
 */
export { bdrvWriteThresholdGet, bdrvWriteThresholdSet } from './requests/write-threshold.ts';
