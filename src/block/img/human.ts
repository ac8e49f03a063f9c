/** Numbers and tables as people read them, in `qemu-img`'s forms. */
import type { SnapshotInfo } from '../model/driver.ts';

const UNITS = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];

/** `10 MiB`, `1.5 GiB`, `0 B`: three digits, and a unit in which the number is below 1000. */
export function humanSize(bytes: number): string {
  let unit = 0;
  let value = bytes;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${Number(value.toPrecision(3))} ${UNITS[unit] ?? ''}B`;
}

/** Two decimals as C prints them: a number that lies exactly between two goes to the even one (0.125 is 0.12). */
export function twoDecimals(value: number): string {
  const liesBetween = Number.isInteger(value * 8) && (value * 8) % 2 === 1;
  if (!liesBetween) return value.toFixed(2);
  const below = Math.floor(value * 100);
  return ((below % 2 === 0 ? below : below + 1) / 100).toFixed(2);
}

/** The table of internal snapshots, with its title line. */
export function snapshotTable(snapshots: readonly SnapshotInfo[]): string {
  const header = `${'ID'.padEnd(10)}${'TAG'.padEnd(17)}${'VM SIZE'.padStart(8)}${'DATE'.padStart(20)}${'VM CLOCK'.padStart(13)}${'ICOUNT'.padStart(11)}\n`;
  return `Snapshot list:\n${header}${snapshots.map(snapshotRow).join('')}`;
}

function snapshotRow(snapshot: SnapshotInfo): string {
  const icount = snapshot.icount === null ? '' : String(snapshot.icount);
  const columns = [humanSize(snapshot.vmStateSize).padStart(8), localTime(snapshot.dateSec).padStart(20), clock(snapshot.vmClockNsec).padStart(13), icount.padStart(11)];
  return `${snapshot.idStr.padEnd(9)} ${snapshot.name.padEnd(16)} ${columns.join('')}\n`;
}

function localTime(seconds: number): string {
  const date = new Date(seconds * 1000);
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

function clock(nanoseconds: bigint): string {
  const milliseconds = Number(nanoseconds / 1_000_000n);
  const seconds = Math.floor(milliseconds / 1000);
  const part = (value: number, digits = 2): string => String(value).padStart(digits, '0');
  return `${part(Math.floor(seconds / 3600))}:${part(Math.floor(seconds / 60) % 60)}:${part(seconds % 60)}.${part(milliseconds % 1000, 3)}`;
}
