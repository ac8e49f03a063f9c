/**
 * Legacy drives. Re-exports only (seed patch 16).
 */
export {
  blkByLegacyDinfo, blkLegacyDinfo, blkSetLegacyDinfo, blockdevAutoDel, blockdevMarkAutoDel, driveCheckOrphaned, driveGet, driveGetByIndex, driveGetMaxBus, driveGetNext, driveNew,
  overrideMaxDevs, type BlockInterfaceType, type DriveInfo,
} from './blockdev/drives.ts';
