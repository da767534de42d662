import type { Refused } from './refused.fixture.ts'
import type { BundleJson, EntryJson } from './shapes.fixture.ts'

const lastOfTwo = 'JSON.parse takes the last'

/** A good bundle in former formats, and what is not JSON as everybody reads it. */
export function refusedFormats(good: BundleJson): readonly Refused<unknown>[] {
  const text = JSON.stringify(good)
  const { certificate, ...material } = good.verificationMaterial
  const chain = { x509CertificateChain: { certificates: [certificate] } }
  const kinds = ['dsse 0.0.1', 'dsse 0.0.2', 'intoto 0.0.2', 'hashedrekord 0.0.1']
  return [
    ['bundle of version 0.1', 'unsupported_format', { ...good, mediaType: mediaType('0.1') }],
    [
      ...(['bundle of version 0.2', 'unsupported_format'] as const),
      { ...good, mediaType: mediaType('0.2') },
      'it reads the certificate of version 0.3 there, too',
    ],
    [
      'chain of certificates',
      'unsupported_format',
      { ...good, verificationMaterial: { ...material, ...chain } },
    ],
    ...kinds.map((one): Refused<unknown> => {
      const [kind = '', version = ''] = one.split(' ')
      return [
        `entry of kind ${one}`,
        'unsupported_format',
        withEntry(good, { kindVersion: { kind, version } }),
      ]
    }),
    [
      ...(['entry with a time of its own', 'unsupported_format'] as const),
      withEntry(good, { integratedTime: '1700000000' }),
      'without a promise it does not count it',
    ],
    [
      ...(['entry with a promise', 'unsupported_format'] as const),
      withEntry(good, { inclusionPromise: { signedEntryTimestamp: 'AAAA' } }),
    ],
    ['bundle with a name twice', 'name_twice', text.replace('{', '{"mediaType":"x",'), lastOfTwo],
    [
      ...(['bundle with a name twice, one escaped', 'name_twice'] as const),
      text.replace('{', String.raw`{"media\u0054ype":"x",`),
      lastOfTwo,
    ],
    ['no JSON', 'malformed', text.slice(1)],
    ['byte order mark', 'malformed', `\ufeff${text}`],
    ['not in UTF-8', 'malformed', Buffer.concat([Buffer.from(text), Buffer.of(0xff)])],
    ['too long', 'too_large', `${text}${' '.repeat(24_000_000)}`, 'it has no bound'],
    ['an empty object for a bundle', 'unsupported_format', {}],
    ...[undefined, null, 1, [], 'null', '"a'].map((one): Refused<unknown> => [
      `${JSON.stringify(one)} for a bundle`,
      'malformed',
      one,
    ]),
  ]
}

function mediaType(version: string): string {
  return `application/vnd.dev.sigstore.bundle+json;version=${version}`
}

function withEntry(bundle: BundleJson, fields: Partial<EntryJson> & { inclusionPromise?: object }): unknown {
  const changed = structuredClone(bundle)
  Object.assign(changed.verificationMaterial.tlogEntries[0]!, fields)
  return changed
}
