/**
 * Where the rules of `blkdebug` come from: a file of sections, or options.
 *
 * In: text such as `[inject-error]` and lines `event = "read_aio"`; options such as `inject-error.0.event`. Out: rules. Leaves to others:
 * what they do.
 */
import { blockError, type Errno } from '../../model/errors.ts';
import { OptionBag, nestOptions, type BlockOptions } from '../../model/options.ts';
import { constants as osConstants } from 'node:os';
import { IO_TYPES, NO_EVENT, type Rule } from './rules.ts';

/** Points of the code that rules can name. */
const EVENTS = new Set([
  'l1_update', 'l1_grow_alloc_table', 'l1_grow_write_table', 'l1_grow_activate_table', 'l2_load', 'l2_update', 'l2_update_compressed', 'l2_alloc_cow_read',
  'l2_alloc_write', 'read_aio', 'read_backing_aio', 'read_compressed', 'write_aio', 'write_compressed', 'vmstate_load', 'vmstate_save', 'cow_read', 'cow_write',
  'reftable_load', 'reftable_grow', 'reftable_update', 'refblock_load', 'refblock_update', 'refblock_update_part', 'refblock_alloc', 'refblock_alloc_hookup',
  'refblock_alloc_write', 'refblock_alloc_write_blocks', 'refblock_alloc_write_table', 'refblock_alloc_switch_table', 'cluster_alloc', 'cluster_alloc_bytes',
  'cluster_free', 'flush_to_os', 'flush_to_disk', 'pwritev_rmw_head', 'pwritev_rmw_after_head', 'pwritev_rmw_tail', 'pwritev_rmw_after_tail', 'pwritev',
  'pwritev_zero', 'pwritev_done', 'empty_image_prepare', 'l1_shrink_write_table', 'l1_shrink_free_l2_clusters', 'cor_write', 'cluster_alloc_space', NO_EVENT,
]);

const SECTOR = 512;

/** @throws BlockError `EINVAL` where there is no such event @common */
export function knownEvent(name: string | undefined): string {
  if (name === undefined) throw blockError('EINVAL', "Missing event name for rule");
  if (!EVENTS.has(name)) throw blockError('EINVAL', `Invalid event name "${name}" for rule`);
  return name;
}

/** The rules of a configuration file. @throws BlockError `EINVAL` with the number of the line @common */
export function parseConfig(content: string): Rule[] {
  const sections: { readonly name: string; readonly options: BlockOptions }[] = [];
  for (const [index, raw] of content.split('\n').entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    const section = /^\[([a-z-]+)(?:\s+"[^"]*")?\]$/.exec(line)?.[1];
    const assignment = /^([a-z_-]+)\s*=\s*"([^"]*)"$/.exec(line);
    if (section !== undefined) sections.push({ name: section, options: {} });
    else if (assignment?.[1] !== undefined && sections.length > 0) Object.assign(sections.at(-1)?.options ?? {}, { [assignment[1]]: assignment[2] });
    else throw blockError('EINVAL', `Could not parse blkdebug config file: line ${index + 1}`);
  }
  return sections.map(({ name, options }) => parseRule(name, options));
}

/** Takes the rules out of a node's options. @throws BlockError `EINVAL` @common */
export function takeRules(bag: OptionBag): Rule[] {
  return ['inject-error', 'set-state'].flatMap((kind) => {
    const list = nestOptions({ rules: bag.takeSubtree(kind) })['rules'];
    return Array.isArray(list) ? list.map((one) => parseRule(kind, one as BlockOptions)) : [];
  });
}

function parseRule(kind: string, options: BlockOptions): Rule {
  const bag = new OptionBag({ ...options });
  const event = knownEvent(bag.takeString('event'));
  const state = bag.takeSize('state') ?? 0;
  const rule = kind === 'inject-error' ? parseInjectError(bag, event, state) : parseSetState(bag, kind, event, state);
  for (const name of Object.keys(bag.rest())) throw blockError('EINVAL', `Invalid parameter '${name}' of a rule ${kind}`);
  return rule;
}

function parseInjectError(bag: OptionBag, event: string, state: number): Rule {
  const sector = Number(bag.takeString('sector') ?? -1);
  return {
    action: 'inject-error', event, state,
    errno: errnoNamed(bag.takeSize('errno')),
    iotype: bag.takeChoice('iotype', IO_TYPES) ?? null,
    offset: sector < 0 ? null : sector * SECTOR,
    once: bag.takeBoolean('once') ?? false,
    immediately: bag.takeBoolean('immediately') ?? false,
  };
}

function parseSetState(bag: OptionBag, kind: string, event: string, state: number): Rule {
  if (kind !== 'set-state') throw blockError('EINVAL', `There is no option group '${kind}'`);
  return { action: 'set-state', event, state, newState: bag.takeSize('new_state') ?? 0 };
}

/** The host's numbers of errors, as rules have them; without one it is `EIO`. */
function errnoNamed(number: number | undefined): Errno {
  if (number === undefined) return 'EIO';
  const found = Object.entries(osConstants.errno).find(([, value]) => value === number)?.[0];
  if (found === undefined) throw blockError('EINVAL', `There is no error number ${number}`);
  return found === 'EOPNOTSUPP' ? 'ENOTSUP' : (found as Errno);
}
