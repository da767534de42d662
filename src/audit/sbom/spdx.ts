import { createHash } from 'node:crypto'
import type { Collected } from './collect.ts'
import type { Component } from './components.ts'

/** SPDX 2.3 (ISO/IEC 5962), as JSON. */
export function toSpdx(collected: Collected, toolVersion: string): Record<string, unknown> {
  const { run, time, repository, commit, components } = collected
  const packages = components.map((component, i) => ({ id: `SPDXRef-Package-${i + 1}`, component }))
  const unique = createHash('sha256').update(JSON.stringify(collected)).digest('hex').slice(0, 32)
  return {
    spdxVersion: 'SPDX-2.3',
    dataLicense: 'CC0-1.0',
    SPDXID: 'SPDXRef-DOCUMENT',
    name: `packages of ${run}`,
    documentNamespace: `https://mayfly.invalid/spdx/${encodeURIComponent(run)}-${unique}`,
    comment: 'What the steps of the run were given and held its digest, by the audit log.',
    creationInfo: {
      // Without fractions (section 6.9).
      created: time.replace(/\.\d+Z$/, 'Z'),
      creators: [`Tool: mayfly-${toolVersion}`],
    },
    packages: [
      {
        SPDXID: 'SPDXRef-Run',
        name: repository ?? run,
        ...(commit === undefined ? {} : { versionInfo: commit }),
        ...unknown,
      },
      ...packages.map(({ id, component }) => packageOf(id, component)),
    ],
    relationships: [
      relate('SPDXRef-DOCUMENT', 'DESCRIBES', 'SPDXRef-Run'),
      ...packages.map(({ id }) => relate('SPDXRef-Run', 'DEPENDS_ON', id)),
    ],
  }
}

/** What a log of downloads does not say. */
const unknown = {
  downloadLocation: 'NOASSERTION',
  filesAnalyzed: false,
  licenseConcluded: 'NOASSERTION',
  licenseDeclared: 'NOASSERTION',
  copyrightText: 'NOASSERTION',
} as const

function packageOf(id: string, component: Component): Record<string, unknown> {
  const { purl, name, version, digests, integrity, verifiedBy, connections } = component
  return {
    SPDXID: id,
    name,
    ...(version === undefined ? {} : { versionInfo: version }),
    ...unknown,
    checksums: digests.map(({ algorithm, hex }) => ({
      algorithm: algorithm.replace('-', ''),
      checksumValue: hex,
    })),
    externalRefs: [{ referenceCategory: 'PACKAGE-MANAGER', referenceType: 'purl', referenceLocator: purl }],
    comment: `${integrity}, verified by ${verifiedBy.join(', ')}, through ${connections.join(', ')}`,
  }
}

function relate(from: string, relationshipType: string, to: string): Record<string, string> {
  return { spdxElementId: from, relationshipType, relatedSpdxElement: to }
}
