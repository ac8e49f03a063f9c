import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import {
  defaultOption, flattenOptions, nestOptions, OptionBag, optionOf, parseSize, replaceOptions, stringOption, type BlockOptions,
} from '../../../src/block/model/options.ts';

const nested = { driver: 'qcow2', file: { driver: 'file', filename: 'a.img' }, children: [{ driver: 'null-co' }, 'node1'], size: 512, lazy: true, backing: null };
const flat = {
  driver: 'qcow2', 'file.driver': 'file', 'file.filename': 'a.img', 'children.0.driver': 'null-co', 'children.1': 'node1', size: 512, lazy: true, backing: null,
};

describe('options', () => {
  test('are the same nested and flat', () => {
    expect(flattenOptions(nested)).toEqual(flat);
    expect(nestOptions(flat)).toEqual(nested);
    expect(flattenOptions(flat)).toEqual(flat);
  });

  test('that contradict each other are refused', () => {
    expect(() => nestOptions({ file: 'node0', 'file.driver': 'raw' })).toThrow('Option "file.driver" contradicts "file"');
    expect(() => nestOptions({ 'file.driver': 'raw', 'file.driver.x': 1 })).toThrow('contradicts');
  });

  test('of any names survive the way there and back, and touch no prototype', () => {
    const name = fc.stringMatching(/^[a-z_]{1,8}$/).filter((text) => !/^\d+$/.test(text));
    fc.assert(fc.property(fc.dictionary(fc.oneof(name, fc.constantFrom('__proto__', 'constructor', 'toString')), fc.oneof(fc.string(), fc.integer(), fc.boolean())), (options) => {
      const back = flattenOptions(nestOptions(options));
      expect(Object.entries(back).sort()).toEqual(Object.entries(options).sort());
      expect(Object.getPrototypeOf(nestOptions(options))).toBe(Object.prototype);
    }));
  });

  test('that are not given have no value, whatever objects inherit', () => {
    expect([optionOf({}, 'toString'), stringOption({}, 'constructor'), stringOption({ size: 1 }, 'size'), stringOption({ name: 'x' }, 'name')]).toEqual([
      undefined, undefined, undefined, 'x',
    ]);
  });

  test('have defaults', () => {
    const options: BlockOptions = { given: 'yes' };
    defaultOption(options, 'given', 'no');
    defaultOption(options, 'missing', 'no');
    expect(options).toEqual({ given: 'yes', missing: 'no' });
    replaceOptions(options, { other: 1 });
    expect(options).toEqual({ other: 1 });
  });
});

describe('a bag of options', () => {
  test('takes them out of the object it was made of', () => {
    const options: BlockOptions = structuredClone(nested);
    const bag = new OptionBag(options);
    expect(bag.has('file.filename')).toBe(true);
    expect(bag.takeSubtree('file')).toEqual({ driver: 'file', filename: 'a.img' });
    expect([bag.takeString('driver'), bag.takeSize('size'), bag.takeBoolean('lazy'), bag.take('backing'), bag.take('backing')]).toEqual(['qcow2', 512, true, null, undefined]);
    expect(options).toEqual({ 'children.0.driver': 'null-co', 'children.1': 'node1' });
    expect(bag.rest()).toEqual(options);
    expect(() => bag.refuseRest('qcow2')).toThrow("Block format 'qcow2' does not support the option 'children.0.driver'");
    new OptionBag({}).refuseRest('qcow2');
  });

  test.each([['on', true], ['yes', true], ['true', true], [true, true], ['off', false], ['no', false], ['false', false], [false, false], [null, undefined]] as const)(
    'reads %s as %s', (value, expected) => expect(new OptionBag({ value }).takeBoolean('value')).toBe(expected),
  );

  test('refuses what it can not read', () => {
    expect(() => new OptionBag({ value: 'maybe' }).takeBoolean('value')).toThrow("Parameter 'value' expects 'on' or 'off'");
    expect(() => new OptionBag({ value: '-5' }).takeSize('value')).toThrow("Parameter 'value' expects a size");
    expect(() => new OptionBag({ value: 'c' }).takeChoice('value', ['a', 'b'])).toThrow("Parameter 'value' does not accept value 'c'");
  });

  test('knows one of several words', () => {
    const bag = new OptionBag({ value: 'b' });
    expect([bag.takeChoice('value', ['a', 'b']), bag.takeChoice('value', ['a', 'b'])]).toEqual(['b', undefined]);
    expect([new OptionBag({}).takeSize('value'), new OptionBag({}).takeString('value')]).toEqual([undefined, undefined]);
  });
});

test.each([
  ['0', 0], ['512', 512], ['1k', 1024], ['64K', 65_536], ['1.5G', 1_610_612_736], ['2M', 2_097_152], ['1T', 2 ** 40], ['1P', 2 ** 50], ['10b', 10], ['0x200', 512],
  ['1E', undefined], ['-1', undefined], ['', undefined], ['1KB', undefined], ['big', undefined], ['1 k', undefined],
])('the size %j is %s', (text, bytes) => expect(parseSize(text)).toBe(bytes));
