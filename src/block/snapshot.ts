/**
 * Internal snapshots. Re-exports only (seed patch 18).
 */
export {
  bdrvCanSnapshot, bdrvSnapshotCreate, bdrvSnapshotDelete, bdrvSnapshotFind, bdrvSnapshotFindByIdAndName, bdrvSnapshotGoto, bdrvSnapshotList, bdrvSnapshotLoadTmp,
  bdrvSnapshotLoadTmpByIdOrName,
} from './snapshot/snapshot.ts';
export {
  bdrvAllCanSnapshot, bdrvAllCreateSnapshot, bdrvAllDeleteSnapshot, bdrvAllFindVmstateBs, bdrvAllGotoSnapshot, bdrvAllHasSnapshot, type SnapshotDevices,
} from './snapshot/snapshot-groups.ts';
