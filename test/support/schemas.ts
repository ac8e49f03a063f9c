/** Validators for what gsio writes: each gives the faults that it finds, as text. */
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import Ajv04 from 'ajv-draft-04';
import addFormats from 'ajv-formats';
import Ajv2020, { type ValidateFunction } from 'ajv/dist/2020.js';
import { validateXML } from 'xmllint-wasm';

type Validator = (document: unknown) => string[];

const require = createRequire(import.meta.url);

/** The schema of the SARIF committee, as its package for tests ships it. */
export function sarifValidator(): Validator {
  const schema = readJson(require.resolve('@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json'));
  const ajv = new Ajv04.default({ strict: false, allErrors: true, unicodeRegExp: false });
  addFormats.default(ajv);
  return faultsOf(ajv.compile(schema));
}

/** The schema that the package ships. */
export function reportValidator(): Validator {
  const schema = readJson(path.resolve(import.meta.dirname, '../../src/report/report.schema.json'));
  return faultsOf(new Ajv2020.default({ strict: true, allErrors: true }).compile(schema));
}

export async function junitFaults(xml: string): Promise<string[]> {
  const schema = fs.readFileSync(path.join(import.meta.dirname, 'junit.xsd'), 'utf8');
  const { errors } = await validateXML({ xml: [{ fileName: 'report.xml', contents: xml }], schema: [schema] });
  return errors.map(({ rawMessage }) => rawMessage);
}

function faultsOf(validate: ValidateFunction): Validator {
  return (document) => (validate(document) ? [] : (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message ?? ''}`));
}

function readJson(file: string): Record<string, unknown> {
  return JSON.parse(fs.readFileSync(file, 'utf8')) as Record<string, unknown>;
}
