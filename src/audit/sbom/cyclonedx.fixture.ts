import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { Ajv, type AnySchemaObject, type ValidateFunction } from 'ajv'

/** By the official schema of 1.6, as the CycloneDX project's own library has it. */
export function cycloneDxValidator(): ValidateFunction {
  const manifest = createRequire(import.meta.url).resolve('@cyclonedx/cyclonedx-library/package.json')
  const read = (name: string) =>
    JSON.parse(
      readFileSync(join(dirname(manifest), `res/schema/${name}.SNAPSHOT.schema.json`), 'utf8'),
    ) as AnySchemaObject
  const ajv = new Ajv({ strict: false, validateFormats: false })
  for (const name of ['spdx', 'jsf-0.82', 'cryptography-defs'])
    // They name each other by their files' names.
    ajv.addSchema({ ...read(name), $id: `http://cyclonedx.org/schema/${name}.SNAPSHOT.schema.json` })
  return ajv.compile(read('bom-1.6'))
}
