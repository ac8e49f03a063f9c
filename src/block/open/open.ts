/**
 * Opening: from a file name, a reference or options to a node, with the nodes below it.
 *
 * In: what users write: names (plain, with a protocol, `json:`), names of nodes that exist, options, flags. Out: a node whose driver has
 * opened its image, held once by the caller. Leaves to others: what the driver does (its slot), setting one node up with its driver
 * (`open-driver.ts`), what options and flags mean (`open-options.ts`), guessing formats (`probe.ts`), edges and permissions (`graph/`).
 *
 * A child option is either the child's options (`file.driver`, …), or the name of a node (`file`).
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { bdrvAttachChild } from '../graph/edges.ts';
import { childOfBds } from '../graph/child-of-bds.ts';
import { bdrvNew } from '../graph/node-lists.ts';
import { bdrvLookupBs } from '../graph/node-queries.ts';
import { bdrvRef, bdrvUnref } from '../graph/nodes.ts';
import { bdrvAppend, bdrvSetBackingHd } from '../graph/replace.ts';
import {
  BDRV_CHILD_COW, BDRV_CHILD_FILTERED, BDRV_CHILD_IMAGE, BDRV_CHILD_PRIMARY, BDRV_O_ALLOW_RDWR, BDRV_O_NO_BACKING, BDRV_O_PROTOCOL, BDRV_O_RDWR, BDRV_O_SNAPSHOT,
  type BdrvChildRole, type OpenFlags,
} from '../model/constants.ts';
import type { BdrvChildClass, BlockDriver, InheritedOptions } from '../model/driver.ts';
import { blockError, prefixError } from '../model/errors.ts';
import type { BdrvChild, BlockDriverState } from '../model/node.ts';
import { defaultOption, flattenOptions, OptionBag, optionOf, stringOption, type BlockOptions } from '../model/options.ts';
import { bdrvGetlength } from '../requests/length.ts';
import { bdrvCreate } from './create.ts';
import { bdrvFindFormat } from './drivers.ts';
import { bdrvGetBackingPath, bdrvRefreshFilename, getTmpFilename } from './filenames.ts';
import { openCommon, openWithDriver } from './open-driver.ts';
import { fillOptions, parseJsonFilename, temporaryOverlayOptions } from './open-options.ts';
import { bdrvInheritedOptions } from './inherit-options.ts';
import { findImageFormat } from './probe.ts';

/** Longest backing chain that is opened. */
const MAX_CHAIN_LENGTH = 256;

/** What a node is opened as: a tree of its own, or a child of a node. */
interface Parent {
  readonly node: BlockDriverState;
  readonly klass: BdrvChildClass;
  readonly role: BdrvChildRole;
}

/**
 * Opens a node: by file name, as a reference to a node that exists, or by options.
 *
 * @param options flat or nested; the object stays as it is
 * @throws BlockError
 * @globalState
 */
export async function bdrvOpen(filename: string | null, reference: string | null, options: BlockOptions | null, flags: OpenFlags): Promise<BlockDriverState> {
  GLOBAL_STATE_CODE('bdrvOpen');
  return openInherit(filename, reference, flattenOptions(options ?? {}), flags, null);
}

/**
 * Opens the node that a child option tells of, and attaches it to the parent.
 *
 * @param options the parent's, flat: what belongs to the child is taken out
 * @returns `null` where nothing tells of a child and none is needed
 * @throws BlockError
 * @globalState
 */
export async function bdrvOpenChild(
  filename: string | null, options: BlockOptions, bdrefKey: string, parent: BlockDriverState, childClass: BdrvChildClass, childRole: BdrvChildRole, allowNone: boolean,
): Promise<BdrvChild | null> {
  GLOBAL_STATE_CODE('bdrvOpenChild');
  const bs = await openChildNode(filename, options, bdrefKey, { node: parent, klass: childClass, role: childRole }, allowNone);
  return bs && bdrvAttachChild(parent, bs, bdrefKey, childClass, childRole);
}

/**
 * Opens a node by what QMP calls a reference: the name of a node that exists, or options.
 *
 * @throws BlockError
 * @globalState
 */
export async function bdrvOpenBlockdevRef(ref: string | BlockOptions): Promise<BlockDriverState> {
  GLOBAL_STATE_CODE('bdrvOpenBlockdevRef');
  if (typeof ref === 'string') return bdrvOpen(null, ref, null, 0);
  return openInherit(null, null, withMonitorDefaults(ref, { 'auto-read-only': 'off' }), 0, null);
}

/**
 * Opens a node by options of the monitor: whatever is not given is off, not as the flags have it.
 *
 * @throws BlockError
 * @globalState
 */
export async function bdsTreeInit(options: BlockOptions): Promise<BlockDriverState> {
  GLOBAL_STATE_CODE('bdsTreeInit');
  return openInherit(null, null, withMonitorDefaults(options, {}), 0, null);
}

function withMonitorDefaults(options: BlockOptions, more: Readonly<Record<string, string>>): BlockOptions {
  return { 'cache.direct': 'off', 'cache.no-flush': 'off', 'read-only': 'off', ...more, ...flattenOptions(options) };
}

/**
 * Makes a node of a driver, as code does that puts a filter in.
 *
 * @param options the node's and the driver's
 * @throws BlockError
 * @globalState
 */
export async function bdrvNewOpenDriverOpts(
  drv: BlockDriver, nodeName: string | null, options: BlockOptions | null, flags: OpenFlags,
): Promise<BlockDriverState> {
  GLOBAL_STATE_CODE('bdrvNewOpenDriverOpts');
  const bs = bdrvNew();
  try {
    bs.openFlags = flags;
    bs.options = flattenOptions(options ?? {});
    bs.explicitOptions = { ...bs.options };
    const left = { ...bs.options };
    await openWithDriver(bs, drv, nodeName, left, flags);
    refuseUnknown(bs, drv, left);
  } catch (error) {
    await bdrvUnref(bs);
    throw error;
  }
  bdrvRefreshFilename(bs);
  return bs;
}

/**
 * Makes a node of a driver that needs no options.
 *
 * @throws BlockError
 * @globalState
 */
export async function bdrvNewOpenDriver(drv: BlockDriver, nodeName: string | null, flags: OpenFlags): Promise<BlockDriverState> {
  GLOBAL_STATE_CODE('bdrvNewOpenDriver');
  return bdrvNewOpenDriverOpts(drv, nodeName, null, flags);
}

/**
 * Opens the backing file of a node and attaches it: the one that options tell of, else the one that the image mentions. Nothing where
 * there is neither, or where the node has its backing file already.
 *
 * @param parentOptions the node's, flat: what belongs to the backing file is taken out
 * @throws BlockError
 * @globalState
 */
export async function bdrvOpenBackingFile(bs: BlockDriverState, parentOptions: BlockOptions | null, bdrefKey: string): Promise<void> {
  GLOBAL_STATE_CODE('bdrvOpenBackingFile');
  if (bs.backing) return;
  const bag = new OptionBag(parentOptions ?? {});
  const options = bag.takeSubtree(bdrefKey);
  const reference = bag.takeString(bdrefKey) ?? null;
  const isGiven = reference !== null || Object.keys(options).length > 0;
  if (!isGiven && bs.backingFile === '') return;
  const namedByImage = reference === null && !Object.hasOwn(options, 'file.filename');
  try {
    const filename = namedByImage ? bdrvGetBackingPath(bs) : null;
    refuseLoop(bs, filename);
    if (bs.drv?.supportsBacking !== true) throw blockError('EINVAL', "Driver doesn't support backing files");
    if (reference === null && bs.backingFormat !== '') defaultOption(options, 'driver', bs.backingFormat);
    await attachBacking(bs, await openInherit(filename, reference, options, 0, { node: bs, klass: childOfBds, role: backingRole(bs) }), namedByImage);
  } catch (error) {
    bs.openFlags |= BDRV_O_NO_BACKING;
    throw prefixError('Could not open backing file', error);
  }
}

/** Images that mention each other would be opened for ever; the second test is for those whose names grow on the way. */
function refuseLoop(bs: BlockDriverState, filename: string | null): void {
  let length = 1;
  for (let above: BlockDriverState | null = bs; above; above = above.inheritsFrom) {
    if (filename !== null && above.filename === filename) throw blockError('EINVAL', `Image '${filename}' is in its own backing chain`);
    length++;
  }
  if (length > MAX_CHAIN_LENGTH) throw blockError('EINVAL', `The backing chain is longer than ${MAX_CHAIN_LENGTH} images`);
}

/** Takes over the caller's hold on `backing`. @globalState */
async function attachBacking(bs: BlockDriverState, backing: BlockDriverState, namedByImage: boolean): Promise<void> {
  GLOBAL_STATE_CODE('attachBacking');
  try {
    if (namedByImage && bs.autoBackingFile === bs.backingFile && bs.backingFile !== '') {
      // The image mentions the name as it was given then; from now on it is compared with the name that the node has.
      bdrvRefreshFilename(backing);
      bs.autoBackingFile = backing.filename;
    }
    await bdrvSetBackingHd(bs, backing);
  } finally {
    await bdrvUnref(backing);
  }
}

function backingRole(bs: BlockDriverState): BdrvChildRole {
  return bs.drv?.isFilter === true ? BDRV_CHILD_FILTERED | BDRV_CHILD_PRIMARY : BDRV_CHILD_COW;
}

/** Opens the node that a child option tells of. @globalState */
async function openChildNode(filename: string | null, options: BlockOptions, key: string, parent: Parent, allowNone: boolean): Promise<BlockDriverState | null> {
  GLOBAL_STATE_CODE('openChildNode');
  const bag = new OptionBag(options);
  const childOptions = bag.takeSubtree(key);
  const reference = bag.takeString(key) ?? null;
  if (filename === null && reference === null && Object.keys(childOptions).length === 0) {
    if (allowNone) return null;
    throw blockError('EINVAL', `A block device must be specified for "${key}"`);
  }
  return openInherit(filename, reference, childOptions, 0, parent);
}

/** Opens a node by any of the ways to name one. @globalState */
async function openInherit(
  filename: string | null, reference: string | null, options: BlockOptions, flags: OpenFlags, parent: Parent | null,
): Promise<BlockDriverState> {
  GLOBAL_STATE_CODE('openInherit');
  if (reference === null) return openNew(filename, options, flags, parent);
  if (filename !== null || Object.keys(options).length > 0) {
    throw blockError('EINVAL', 'Cannot reference an existing block device with additional options or a new filename');
  }
  const bs = bdrvLookupBs(reference, reference);
  bdrvRef(bs);
  return bs;
}

/** Opens a node that does not exist yet. @globalState */
async function openNew(filename: string | null, options: BlockOptions, flags: OpenFlags, parent: Parent | null): Promise<BlockDriverState> {
  GLOBAL_STATE_CODE('openNew');
  const bs = bdrvNew();
  try {
    const overlay = await openInto(bs, filename, options, flags, parent);
    return overlay ? await appendTemporaryOverlay(bs, overlay) : bs;
  } catch (error) {
    await bdrvUnref(bs);
    throw error;
  }
}

/** Opens `bs` itself; says how to open the temporary overlay that it is to get, if any. @globalState */
async function openInto(
  bs: BlockDriverState, name: string | null, given: BlockOptions, givenFlags: OpenFlags, parent: Parent | null,
): Promise<InheritedOptions | null> {
  GLOBAL_STATE_CODE('openInto');
  const inherited: InheritedOptions = { flags: givenFlags, options: given };
  const filename = parseJsonFilename(name, inherited.options);
  bs.explicitOptions = { ...inherited.options };
  if (parent) {
    bs.inheritsFrom = parent.node;
    parent.klass.inheritOptions?.(parent.role, parent.node.drv?.isFormat ?? true, inherited, parent.node.openFlags, parent.node.options);
  }
  fillOptions(inherited, filename);
  setWritability(inherited);
  const overlay = (inherited.flags & BDRV_O_SNAPSHOT) === 0 ? null : temporaryOverlayOptions(inherited);
  if (overlay) becomeBackingOfOverlay(inherited);
  bs.openFlags = inherited.flags;
  bs.options = { ...inherited.options };
  await openTree(bs, filename, inherited.options);
  return overlay;
}

function setWritability(inherited: InheritedOptions): void {
  const readOnly = new OptionBag({ ...inherited.options }).takeBoolean('read-only') ?? false;
  if (readOnly) inherited.flags &= ~BDRV_O_RDWR;
  else inherited.flags |= BDRV_O_RDWR | BDRV_O_ALLOW_RDWR;
}

/** @globalState */
function becomeBackingOfOverlay(inherited: InheritedOptions): void {
  GLOBAL_STATE_CODE('becomeBackingOfOverlay');
  Reflect.deleteProperty(inherited.options, 'read-only');
  bdrvInheritedOptions(BDRV_CHILD_COW, true, inherited, inherited.flags, { ...inherited.options });
  if (optionOf(inherited.options, 'read-only') === 'on') inherited.flags &= ~BDRV_O_RDWR;
}

/** Finds the driver, opens the node with it, and the backing file. @globalState */
async function openTree(bs: BlockDriverState, filename: string | null, options: BlockOptions): Promise<void> {
  GLOBAL_STATE_CODE('openTree');
  dropEmptyBacking(bs, options);
  const named = stringOption(options, 'driver');
  const isProtocol = (bs.openFlags & BDRV_O_PROTOCOL) !== 0;
  const file = isProtocol ? null : await openChildNode(filename, options, 'file', { node: bs, klass: childOfBds, role: BDRV_CHILD_IMAGE }, true);
  try {
    if (file) options['file'] = file.nodeName;
    const drv = named === undefined ? await guessDriver(bs, file, options) : bdrvFindFormat(named);
    if (!drv) throw blockError('EINVAL', `Unknown driver: '${named ?? ''}'`);
    await openCommon(bs, drv, file, options);
  } finally {
    if (file) await bdrvUnref(file);
  }
  if ((bs.openFlags & BDRV_O_NO_BACKING) === 0) await bdrvOpenBackingFile(bs, options, 'backing');
  forgetChildOptions(bs);
  if (bs.drv) refuseUnknown(bs, bs.drv, options);
  bdrvRefreshFilename(bs);
  for (const child of bs.parents) child.klass.changeMedia?.(child, true);
}

/** `backing` that is null (or, as it used to be written, empty) means: none, whatever the image mentions. */
function dropEmptyBacking(bs: BlockDriverState, options: BlockOptions): void {
  const backing = optionOf(options, 'backing');
  if (backing !== null && backing !== '') return;
  bs.openFlags |= BDRV_O_NO_BACKING;
  for (const one of [options, bs.options, bs.explicitOptions]) Reflect.deleteProperty(one, 'backing');
}

/** @globalState */
async function guessDriver(bs: BlockDriverState, file: BlockDriverState | null, options: BlockOptions): Promise<BlockDriver> {
  GLOBAL_STATE_CODE('guessDriver');
  if (!file) throw blockError('EINVAL', 'Must specify either driver or file');
  const drv = await findImageFormat(file);
  bs.probed = true;
  bs.options['driver'] = drv.formatName;
  options['driver'] = drv.formatName;
  return drv;
}

/** The children have their options; the node keeps only its own. */
function forgetChildOptions(bs: BlockDriverState): void {
  for (const options of [bs.options, bs.explicitOptions]) {
    for (const child of bs.children) {
      const bag = new OptionBag(options);
      bag.takeSubtree(child.name);
      bag.take(child.name);
    }
  }
}

function refuseUnknown(bs: BlockDriverState, drv: BlockDriver, left: BlockOptions): void {
  const [name] = Object.keys(left);
  if (name === undefined) return;
  const kind = (bs.openFlags & BDRV_O_PROTOCOL) === 0 ? 'format' : 'protocol';
  const verb = kind === 'format' ? 'does not' : "doesn't";
  throw blockError('EINVAL', `Block ${kind} '${drv.formatName}' ${verb} support the option '${name}'`);
}

/** Puts a temporary qcow2 image above a node, that takes the writes. Takes over the caller's hold on the node. @globalState */
async function appendTemporaryOverlay(bs: BlockDriverState, overlay: InheritedOptions): Promise<BlockDriverState> {
  GLOBAL_STATE_CODE('appendTemporaryOverlay');
  const size = await bdrvGetlength(bs);
  const filename = getTmpFilename();
  const qcow2 = bdrvFindFormat('qcow2');
  if (!qcow2) throw blockError('ENOTSUP', 'A temporary overlay needs the driver qcow2');
  try {
    await bdrvCreate(qcow2, filename, { size });
  } catch (error) {
    throw prefixError(`Could not create temporary overlay '${filename}'`, error);
  }
  const options = { ...overlay.options, driver: 'qcow2', 'file.driver': 'file', 'file.filename': filename };
  const top = await openInherit(null, null, options, overlay.flags, null);
  try {
    await bdrvAppend(top, bs);
  } catch (error) {
    await bdrvUnref(top);
    throw error;
  }
  await bdrvUnref(bs);
  return top;
}
