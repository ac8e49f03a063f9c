/**
 * Tables of an image in memory, written back late and in an order that a crash can't harm.
 *
 * In: offsets of tables. Out: their bytes; changes reach the file when the cache is flushed, or when room is needed. A cache can depend
 * on another one: nothing of it is written before the other has been flushed. Example: an L2 entry that points to a new cluster must not
 * be in the file before the cluster's refcount is, else the cluster could be handed out again after a crash. So the cache of L2 tables is
 * made to depend on the cache of refcount blocks.
 *
 * Leaves to others: locking (all calls come under the image's lock), and what the tables mean.
 */
import { bdrvCoFlush } from '../../requests/flush.ts';
import { bdrvCoPread } from '../../requests/read.ts';
import { bdrvCoPwrite } from '../../requests/write.ts';
import { blkdbgEvent } from '../../open/debug.ts';
import { viewOf } from './header.ts';
import { checkWriteOverlap } from './overlap.ts';
import { fileOf, nodeAt, refuseUnusable, type OverlapChecks, type Qcow2State } from './state.ts';

/** A table in memory. Whoever got it gives it back. */
export interface CachedTable {
  readonly offset: number;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  isDirty: boolean;
  users: number;
}

/** What differs between the two caches of an image. */
export interface CacheKind {
  readonly loadEvent: string;
  readonly writeEvent: string;
  /** The check that finds these very tables, so that it is left out when they are written. */
  readonly ownCheck: keyof OverlapChecks;
}

export const L2_TABLES: CacheKind = { loadEvent: 'l2_load', writeEvent: 'l2_update', ownCheck: 'activeL2' };
export const REFCOUNT_BLOCKS: CacheKind = { loadEvent: 'refblock_load', writeEvent: 'refblock_update_part', ownCheck: 'refcountBlock' };

/** At most `capacity` tables of one length. */
export class TableCache {
  readonly tableSize: number;
  readonly #state: Qcow2State;
  readonly #kind: CacheKind;
  readonly #flushed: () => void;
  readonly capacity: number;
  /** In the order of their last use. */
  readonly #tables = new Map<number, CachedTable>();
  #dependency: TableCache | null = null;
  #dependsOnFlush = false;

  /** @param flushed - told whenever the disk has all changes */
  constructor(state: Qcow2State, kind: CacheKind, capacity: number, tableSize: number, flushed: () => void) {
    this.#state = state;
    this.#flushed = flushed;
    this.#kind = kind;
    this.capacity = Math.max(capacity, 4);
    this.tableSize = tableSize;
  }

  /** The table at `offset` if it is in memory. */
  peek(offset: number): CachedTable | undefined {
    const table = this.#tables.get(offset);
    if (table === undefined) return undefined;
    this.#tables.delete(offset);
    this.#tables.set(offset, table);
    table.users++;
    return table;
  }

  /** The table at `offset`, read if need be. */
  async get(offset: number): Promise<CachedTable> {
    const known = this.peek(offset);
    if (known) return known;
    await blkdbgEvent(this.#state.bs.file, this.#kind.loadEvent);
    const bytes = await this.#takeBuffer();
    await bdrvCoPread(fileOf(this.#state), offset, bytes, 0);
    return this.#add(offset, bytes);
  }

  /** A table of zeroes at `offset`, which the file need not have yet. */
  async getEmpty(offset: number): Promise<CachedTable> {
    const known = this.peek(offset);
    if (known) {
      known.bytes.fill(0);
      return known;
    }
    const bytes = await this.#takeBuffer();
    return this.#add(offset, bytes.fill(0));
  }

  /** Gives a table back. */
  put(table: CachedTable): void {
    table.users--;
  }

  markDirty(table: CachedTable): void {
    table.isDirty = true;
  }

  /** Forgets the table at `offset`, changed or not: its cluster is free. */
  discard(offset: number): void {
    const table = this.#tables.get(offset);
    if (table !== undefined && table.users === 0) this.#tables.delete(offset);
  }

  /** Nothing of this cache is written before `other` has been flushed. */
  async setDependency(other: TableCache): Promise<void> {
    // Chains are cut to one link: what the other one depends on is settled now.
    if (other.#dependency !== null) await other.#flushDependency();
    if (this.#dependency !== null && this.#dependency !== other) await this.#flushDependency();
    this.#dependency = other;
  }

  /** Nothing of this cache is written before the file has been flushed. */
  dependOnFlush(): void {
    this.#dependsOnFlush = true;
  }

  /** Writes all changes, without waiting for the disk. */
  async write(): Promise<void> {
    for (const table of [...this.#tables.values()].filter((one) => one.isDirty).sort((a, b) => a.offset - b.offset)) await this.#writeTable(table);
  }

  /** Writes all changes and waits until the disk has them. */
  async flush(): Promise<void> {
    await this.write();
    await bdrvCoFlush(nodeAt(fileOf(this.#state)));
    this.#flushed();
  }

  /** Forgets all tables and what they were to be. */
  forget(): void {
    this.#tables.clear();
    this.#dependency = null;
    this.#dependsOnFlush = false;
  }

  #add(offset: number, bytes: Uint8Array): CachedTable {
    const table: CachedTable = { offset, bytes, view: viewOf(bytes), isDirty: false, users: 1 };
    this.#tables.set(offset, table);
    return table;
  }

  /** A buffer for one more table: that of the table which was not used for the longest time, if there are enough. */
  async #takeBuffer(): Promise<Uint8Array> {
    if (this.#tables.size < this.capacity) return Buffer.alloc(this.tableSize);
    for (const table of this.#tables.values()) {
      if (table.users > 0) continue;
      await this.#writeTable(table);
      this.#tables.delete(table.offset);
      return table.bytes;
    }
    // All are in use, which is a matter of a few: one more does no harm.
    return Buffer.alloc(this.tableSize);
  }

  async #writeTable(table: CachedTable): Promise<void> {
    if (!table.isDirty) return;
    refuseUnusable(this.#state);
    if (this.#dependency !== null) await this.#flushDependency();
    else if (this.#dependsOnFlush) await bdrvCoFlush(nodeAt(fileOf(this.#state)));
    this.#dependsOnFlush = false;
    await checkWriteOverlap(this.#state, table.offset, this.tableSize, this.#kind.ownCheck);
    await blkdbgEvent(this.#state.bs.file, this.#kind.writeEvent);
    await bdrvCoPwrite(fileOf(this.#state), table.offset, table.bytes, 0);
    table.isDirty = false;
  }

  async #flushDependency(): Promise<void> {
    await this.#dependency?.flush();
    this.#dependency = null;
    this.#dependsOnFlush = false;
  }
}
