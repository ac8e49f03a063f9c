/**
 * Answers about nodes, for the monitor.
 *
 * In: names. Out: nodes, and descriptions of nodes and of the whole graph. Leaves to others: changing anything.
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { blkAllNext, blkByName } from '../backend/list.ts';
import type { BlockBackend } from '../model/backend.ts';
import { BDRV_O_NOCACHE, BDRV_O_NO_FLUSH } from '../model/constants.ts';
import { blockError } from '../model/errors.ts';
import type { BdrvChild, BlockDriverState } from '../model/node.ts';
import type { BlockDeviceInfo, XDbgBlockGraph } from '../model/queries.ts';
import { bdrvIsReadOnly } from '../open/queries.ts';
import { bdrvBackingChainNext, bdrvCowBs } from './chain-links.ts';
import { blockJobNext } from '../jobs/block-job.ts';
import { allNodes, bdrvFindNode, bdrvNextNode } from './node-lists.ts';
import { monitorPermNames } from './permissions.ts';

/**
 * The node of a device, or else the node of a name.
 *
 * @throws BlockError `ENOMEDIUM` where the device is empty, `ENOENT` where there is neither
 * @globalState
 */
export function bdrvLookupBs(device: string | null, nodeName: string | null): BlockDriverState {
  GLOBAL_STATE_CODE('bdrvLookupBs');
  const blk = device === null ? null : blkByName(device);
  if (blk) {
    if (!blk.root?.bs) throw blockError('ENOMEDIUM', `Device '${device ?? ''}' has no medium`);
    return blk.root.bs;
  }
  const bs = nodeName === null ? null : bdrvFindNode(nodeName);
  if (!bs) throw blockError('ENOENT', `Cannot find device='${device ?? ''}' nor node-name='${nodeName ?? ''}'`);
  return bs;
}

/**
 * All nodes with a name, for `query-named-block-nodes`.
 *
 * @param flat - leave out what is known of the nodes below
 * @globalState
 */
export function bdrvNamedNodesList(flat: boolean): BlockDeviceInfo[] {
  GLOBAL_STATE_CODE('bdrvNamedNodesList');
  const list: BlockDeviceInfo[] = [];
  for (let bs = bdrvNextNode(null); bs !== null; bs = bdrvNextNode(bs)) list.push(describe(bs, flat));
  return list;
}

/**
 * All backends, jobs, nodes and edges, for debugging.
 *
 * @globalState
 */
export function bdrvGetXdbgBlockGraph(): XDbgBlockGraph {
  GLOBAL_STATE_CODE('bdrvGetXdbgBlockGraph');
  const ids = new Map<unknown, number>();
  const nodes: XDbgBlockGraph['nodes'][number][] = [];
  const edges: XDbgBlockGraph['edges'][number][] = [];
  const add = (what: unknown, type: 'block-backend' | 'block-job' | 'block-driver', name: string): void => {
    ids.set(what, ids.size + 1);
    nodes.push({ id: ids.size, type, name });
  };
  for (let blk = blkAllNext(null); blk !== null; blk = blkAllNext(blk)) add(blk, 'block-backend', nameOfBackend(blk));
  const all = allNodes();
  for (let job = blockJobNext(null); job !== null; job = blockJobNext(job)) add(job, 'block-job', job.id ?? '');
  for (const bs of all) add(bs, 'block-driver', bs.nodeName);
  for (const edge of all.flatMap((bs) => bs.parents)) xdbgGraphAddEdge(edges, ids, edge);
  return { nodes, edges };
}

/** @globalState */
function xdbgGraphAddEdge(edges: XDbgBlockGraph['edges'][number][], ids: ReadonlyMap<unknown, number>, edge: BdrvChild): void {
  GLOBAL_STATE_CODE('xdbgGraphAddEdge');
  edges.push({
    parent: ids.get(edge.opaque) ?? 0, child: ids.get(edge.bs) ?? 0, name: edge.name, role: edge.role,
    perm: monitorPermNames(edge.perm), sharedPerm: monitorPermNames(edge.sharedPerm),
  });
}

/** @common */
function nameOfBackend(blk: BlockBackend): string {
  return blk.name === '' ? (blk.dev?.id ?? '') : blk.name;
}

/** @globalState */
function describe(bs: BlockDriverState, flat: boolean): BlockDeviceInfo {
  GLOBAL_STATE_CODE('describe');
  return {
    nodeName: bs.nodeName,
    driver: bs.drv?.formatName ?? '',
    file: bs.filename,
    readOnly: bdrvIsReadOnly(bs),
    backingFile: bdrvCowBs(bs)?.filename ?? null,
    backingFileDepth: flat ? 0 : depthOfChain(bs),
    encrypted: bs.encrypted,
    detectZeroes: bs.detectZeroes,
    openFlags: bs.openFlags,
    writeThreshold: bs.writeThresholdOffset,
    cache: {
      writeback: bs.enableWriteCache,
      direct: (bs.openFlags & BDRV_O_NOCACHE) !== 0,
      noFlush: (bs.openFlags & BDRV_O_NO_FLUSH) !== 0,
    },
  };
}

/** @globalState */
function depthOfChain(bs: BlockDriverState): number {
  GLOBAL_STATE_CODE('depthOfChain');
  let depth = 0;
  for (let below = bdrvBackingChainNext(bs); below !== null; below = bdrvBackingChainNext(below)) depth++;
  return depth;
}
