/**
 * Runs the slice of a block layer in `fixtures/projects/fuse-export`: as posted, each request in an iothread fails an
 * assertion; repaired, each gives what its user asked for. In the main loop both work.
 */
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { beforeEach, describe, expect, test } from 'vitest';

type Loop = 'main' | 'iothread';
type Export = Promise<{ reply: { error?: string; written?: number }; length: number }>;

/** What `scenarios.ts` of both variants exports. */
interface Scenarios {
  installContexts(): void;
  truncateExport(loop: Loop, size: number): Export;
  allocateInExport(loop: Loop, length: number): Export;
  growExport(loop: Loop, offset: number): Export;
  truncateMovedExport(size: number): Export;
  senseWriteCache(loop: Loop): Promise<number>;
  lockCd(loop: Loop): Promise<boolean>;
  ejectCd(loop: Loop): Promise<object>;
  readCapacity(loop: Loop): Promise<number>;
  writeFirstSector(loop: Loop, format: string | undefined, bytes: Uint8Array): Promise<string>;
}

const MIB = 1024 * 1024;
const WRITE_CACHE_ENABLED = 4;
const TRAY_OPEN = { event: 'DEVICE_TRAY_MOVED', device: 'scsi0', id: 'scsi0', trayOpen: true };
const DATA = Uint8Array.of(0x55, 0xaa);
const LIKE_QCOW2 = Uint8Array.of(0x51, 0x46, 0x49, 0xfb);

// Not a plain import: the program is analysed and compiled as a project of its own.
async function scenariosOf(variant: 'posted' | 'repaired'): Promise<Scenarios> {
  const file = path.resolve(import.meta.dirname, '../../fixtures/projects/fuse-export', variant, 'scenarios.ts');
  return (await import(pathToFileURL(file).href)) as Scenarios;
}

/** The assertion that a scenario must fail: in `functionName`, run by the iothread. */
function violationIn(functionName: string): object {
  return expect.objectContaining({ code: 'GSIO_CONTEXT_VIOLATION', function: functionName, runsIn: 'iothread0' });
}

describe.each(['posted', 'repaired'] as const)('%s, in the main loop', async (variant) => {
  const scenarios = await scenariosOf(variant);
  beforeEach(() => scenarios.installContexts());

  test('an export is created, truncated and allocated in', async () => {
    expect(await scenarios.truncateExport('main', MIB)).toEqual({ reply: {}, length: MIB });
    expect(await scenarios.allocateInExport('main', MIB)).toEqual({ reply: {}, length: MIB });
  });

  test('a growable export grows by a write', async () => {
    expect(await scenarios.growExport('main', 8192)).toEqual({ reply: { written: 4 }, length: 8196 });
  });

  test('SCSI commands are emulated and passed through', async () => {
    expect(await scenarios.senseWriteCache('main')).toBe(WRITE_CACHE_ENABLED);
    expect(await scenarios.lockCd('main')).toBe(true);
    expect(await scenarios.ejectCd('main')).toEqual(TRAY_OPEN);
    expect(await scenarios.readCapacity('main')).toBe(4096);
  });

  test('an image opened by a guess keeps its format', async () => {
    expect(await scenarios.writeFirstSector('main', undefined, DATA)).toBe('written');
    expect(await scenarios.writeFirstSector('main', undefined, LIKE_QCOW2)).toBe('EPERM');
    expect(await scenarios.writeFirstSector('main', 'raw', LIKE_QCOW2)).toBe('written');
  });
});

describe('posted, in an iothread', async () => {
  const scenarios = await scenariosOf('posted');
  beforeEach(() => scenarios.installContexts());

  test('requests that change permissions break below the waived assertions', async () => {
    await expect(scenarios.truncateExport('iothread', MIB)).rejects.toEqual(violationIn('bdrvChildTrySetPerm'));
    await expect(scenarios.allocateInExport('iothread', MIB)).rejects.toEqual(violationIn('bdrvChildTrySetPerm'));
    await expect(scenarios.truncateMovedExport(MIB)).rejects.toEqual(violationIn('bdrvChildTrySetPerm'));
  });

  test('a growable export needs no permission and grows', async () => {
    expect(await scenarios.growExport('iothread', 8192)).toEqual({ reply: { written: 4 }, length: 8196 });
  });

  test('each SCSI command breaks', async () => {
    await expect(scenarios.senseWriteCache('iothread')).rejects.toEqual(violationIn('blkEnableWriteCache'));
    await expect(scenarios.lockCd('iothread')).rejects.toEqual(violationIn('blkLockMedium'));
    await expect(scenarios.ejectCd('iothread')).rejects.toEqual(violationIn('blkEject'));
    await expect(scenarios.readCapacity('iothread')).rejects.toEqual(violationIn('blkSetGuestBlockSize'));
  });

  test('a write to the start of an image breaks only where its format was guessed', async () => {
    await expect(scenarios.writeFirstSector('iothread', undefined, DATA)).rejects.toEqual(violationIn('bdrvProbeAll'));
    expect(await scenarios.writeFirstSector('iothread', 'raw', DATA)).toBe('written');
  });
});

describe('repaired, in an iothread', async () => {
  const scenarios = await scenariosOf('repaired');
  beforeEach(() => scenarios.installContexts());

  test('an export created for the iothread holds the permission to resize', async () => {
    expect(await scenarios.truncateExport('iothread', MIB)).toEqual({ reply: {}, length: MIB });
    expect(await scenarios.allocateInExport('iothread', MIB)).toEqual({ reply: {}, length: MIB });
    expect(await scenarios.growExport('iothread', 8192)).toEqual({ reply: { written: 4 }, length: 8196 });
  });

  test('an export moved there later is refused', async () => {
    expect(await scenarios.truncateMovedExport(MIB)).toEqual({ reply: { error: 'EPERM' }, length: 4096 });
  });

  test('SCSI commands are emulated and passed through', async () => {
    expect(await scenarios.senseWriteCache('iothread')).toBe(WRITE_CACHE_ENABLED);
    expect(await scenarios.lockCd('iothread')).toBe(true);
    expect(await scenarios.ejectCd('iothread')).toEqual(TRAY_OPEN);
    expect(await scenarios.readCapacity('iothread')).toBe(4096);
  });

  test('an image opened by a guess keeps its format', async () => {
    expect(await scenarios.writeFirstSector('iothread', undefined, DATA)).toBe('written');
    expect(await scenarios.writeFirstSector('iothread', undefined, LIKE_QCOW2)).toBe('EPERM');
  });
});
