import { createHash } from 'node:crypto'
import type { Component } from './components.ts'

/** What is listed, and of what. */
export interface Bill {
  readonly run: string
  /** Of one step of the run alone. */
  readonly step?: string
  /** RFC 3339: how far it goes. */
  readonly time: string
  readonly repository?: string | undefined
  readonly commit?: string | undefined
  /** Sorted by their `ref`. */
  readonly components: readonly Component[]
}

/** CycloneDX 1.6 (ECMA-424), as JSON. */
export function toCycloneDx(bill: Bill, toolVersion: string): Record<string, unknown> {
  const { run, step, time, repository, commit, components } = bill
  const ref = step ?? run
  return {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    serialNumber: `urn:uuid:${uuidOf(JSON.stringify([run, step, time, repository, commit, components]))}`,
    version: 1,
    metadata: {
      timestamp: time,
      tools: { components: [{ type: 'application', name: 'mayfly', version: toolVersion }] },
      component: {
        type: 'application',
        'bom-ref': ref,
        name: repository ?? run,
        ...(commit === undefined ? {} : { version: commit }),
      },
      properties: [
        { name: 'mayfly:run', value: run },
        ...(step === undefined ? [] : [{ name: 'mayfly:step', value: step }]),
      ],
    },
    components: components.map(componentOf),
    dependencies: [{ ref, dependsOn: components.map(({ ref }) => ref) }],
    // What the gateway saw, and nothing that came another way.
    compositions: [{ aggregate: 'incomplete', assemblies: [ref] }],
  }
}

function componentOf(component: Component): Record<string, unknown> {
  const { ref, purl, type, name, version, digests, integrity, verifiedBy, connections } = component
  const at = name.lastIndexOf('/')
  return {
    type: type === 'oci' ? 'container' : 'library',
    'bom-ref': ref,
    ...(at === -1 ? {} : { group: name.slice(0, at) }),
    name: name.slice(at + 1),
    ...(version === undefined ? {} : { version }),
    hashes: digests.map(({ algorithm, hex }) => ({ alg: algorithm, content: hex })),
    purl,
    properties: [
      { name: 'mayfly:integrity', value: integrity },
      ...verifiedBy.map((value) => ({ name: 'mayfly:verified-by', value })),
      ...connections.map((value) => ({ name: 'mayfly:connection', value })),
    ],
  }
}

/** The same for the same content: version 8 (RFC 9562), of its SHA-256. */
function uuidOf(content: string): string {
  const bytes = createHash('sha256').update(content).digest().subarray(0, 16)
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6)
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8)
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}
