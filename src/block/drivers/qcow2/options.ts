/**
 * The options of a qcow2 node.
 *
 * In: flat options of open or reopen. Out: settings, checked against each other and the image. Leaves to others: acting on them.
 */
import { BDRV_O_UNMAP, type OpenFlags } from '../../model/constants.ts';
import { blockError } from '../../model/errors.ts';
import { OptionBag, type BlockOptions } from '../../model/options.ts';
import { hasFeature, COMPAT_LAZY_REFCOUNTS } from './header.ts';
import { OVERLAP_OPTIONS, OVERLAP_TEMPLATES } from './overlap.ts';
import type { DiscardType, OverlapChecks, Qcow2State } from './state.ts';

/** How an open image is used. */
export interface Qcow2Settings {
  readonly useLazyRefcounts: boolean;
  readonly discardPassthrough: Record<DiscardType, boolean>;
  readonly overlapChecks: OverlapChecks;
  /** Tables that each cache holds. */
  readonly l2CacheTables: number;
  readonly refcountCacheTables: number;
  /** Entries of an L2 table that are read and written as one. */
  readonly sliceEntries: number;
  readonly cacheCleanInterval: number;
}

/** Options that a reopen may change. */
export const MUTABLE_OPTIONS: readonly string[] = [
  'lazy-refcounts', 'pass-discard-request', 'pass-discard-snapshot', 'pass-discard-other', 'overlap-check', 'overlap-check.template',
  ...OVERLAP_OPTIONS.map(([name]) => name), 'cache-size', 'l2-cache-size', 'l2-cache-entry-size', 'refcount-cache-size', 'cache-clean-interval', 'encrypt.key-secret',
];

const DEFAULT_ENTRY_BYTES = 4096;
const MAX_L2_CACHE_BYTES = 32 * 2 ** 20;
const MIN_L2_TABLES = 2;
const MIN_REFCOUNT_TABLES = 4;
const DEFAULT_CLEAN_INTERVAL = 600;

/** Takes the options out of `options`. */
export function takeSettings(s: Qcow2State, options: BlockOptions, flags: OpenFlags): Qcow2Settings {
  const bag = new OptionBag(options);
  const lazy = bag.takeBoolean('lazy-refcounts') ?? hasFeature(s.header.compatibleFeatures, COMPAT_LAZY_REFCOUNTS);
  if (lazy && s.header.version < 3) throw blockError('EINVAL', 'Lazy refcounts require a qcow2 image with at least qemu 1.1 compatibility level');
  const unmap = (flags & BDRV_O_UNMAP) !== 0;
  const discardPassthrough = {
    never: false, always: true, request: bag.takeBoolean('pass-discard-request') ?? unmap, snapshot: bag.takeBoolean('pass-discard-snapshot') ?? true,
    other: bag.takeBoolean('pass-discard-other') ?? false,
  };
  const interval = bag.takeSize('cache-clean-interval') ?? DEFAULT_CLEAN_INTERVAL;
  if (interval > 0xffffffff) throw blockError('EINVAL', 'Cache clean interval too big');
  return { useLazyRefcounts: lazy, discardPassthrough, overlapChecks: takeOverlapChecks(bag), cacheCleanInterval: interval, ...takeCacheSizes(s, bag) };
}

function takeOverlapChecks(bag: OptionBag): OverlapChecks {
  const templates = ['none', 'constant', 'cached', 'all'] as const;
  const plain = bag.takeChoice('overlap-check', templates);
  const template = bag.takeChoice('overlap-check.template', templates);
  if (plain !== undefined && template !== undefined && plain !== template) {
    throw blockError('EINVAL', `Conflicting values for qcow2 options 'overlap-check' ('${plain}') and 'overlap-check.template' ('${template}')`);
  }
  const checks = { ...OVERLAP_TEMPLATES[template ?? plain ?? 'cached'] };
  for (const [option, check] of OVERLAP_OPTIONS) checks[check] = bag.takeBoolean(option) ?? checks[check];
  return checks;
}

/** Splits a common size between the caches, as far as each is not given by itself. */
function takeCacheSizes(s: Qcow2State, bag: OptionBag): Pick<Qcow2Settings, 'l2CacheTables' | 'refcountCacheTables' | 'sliceEntries'> {
  const total = bag.takeSize('cache-size');
  const l2 = bag.takeSize('l2-cache-size');
  const refcount = bag.takeSize('refcount-cache-size');
  const entryBytes = bag.takeSize('l2-cache-entry-size') ?? Math.min(DEFAULT_ENTRY_BYTES, s.clusterSize);
  if (entryBytes < 512 || entryBytes > s.clusterSize || !Number.isInteger(Math.log2(entryBytes))) {
    throw blockError('EINVAL', `L2 cache entry size must be a power of two between 512 and the cluster size (${s.clusterSize})`);
  }
  if (total !== undefined) {
    if (l2 !== undefined && refcount !== undefined) throw blockError('EINVAL', 'cache-size, l2-cache-size and refcount-cache-size may not be set at the same time');
    if ((l2 ?? 0) > total) throw blockError('EINVAL', 'l2-cache-size may not exceed cache-size');
    if ((refcount ?? 0) > total) throw blockError('EINVAL', 'refcount-cache-size may not exceed cache-size');
  }
  const leastRefcount = MIN_REFCOUNT_TABLES * s.clusterSize;
  // All L2 tables of the disk, as far as the memory for them is reasonable.
  const useful = Math.ceil(s.header.size / s.clusterSize) * s.l2EntrySize;
  const wanted = l2 ?? (total === undefined ? MAX_L2_CACHE_BYTES : total - (refcount ?? Math.min(leastRefcount, total)));
  const l2Bytes = Math.min(wanted, useful);
  const refcountBytes = refcount ?? (total === undefined || l2 === undefined ? leastRefcount : total - l2);
  const l2CacheTables = Math.max(MIN_L2_TABLES, Math.ceil(l2Bytes / entryBytes));
  const refcountCacheTables = Math.max(MIN_REFCOUNT_TABLES, Math.ceil(refcountBytes / s.clusterSize));
  if (l2CacheTables > 0x7fffffff) throw blockError('EINVAL', 'L2 cache size too big');
  if (refcountCacheTables > 0x7fffffff) throw blockError('EINVAL', 'Refcount cache size too big');
  return { l2CacheTables, refcountCacheTables, sliceEntries: entryBytes / s.l2EntrySize };
}
