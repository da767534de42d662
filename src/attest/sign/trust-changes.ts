import { leafId, leafOf, logSpkiId, pemKeyId, type TrustContent } from './trust-content.ts'

interface Named {
  readonly id: string
  readonly line: string
  /** What may change without it being another one. */
  readonly end: string | undefined
}

/** Keys of one content, each as a line for people. */
function namedIn(content: TrustContent): Named[] {
  const { trustedRoot, keys, root, revoked } = content
  const short = (id: string) => id.slice(0, 16)
  const hosts = new Map(
    trustedRoot.tlogs.map(({ logId, baseUrl }) => [logId.keyId, new URL(baseUrl).hostname]),
  )
  const nameOf = (log = '') => (hosts.has(log) ? `${hosts.get(log)} ` : '')
  return [
    ...root.map((pem) => ({
      id: `root ${pemKeyId(pem)}`,
      line: `root key ${pemKeyId(pem)}`,
      end: undefined,
    })),
    ...trustedRoot.certificateAuthorities.map((one) => ({
      id: `ca ${leafId(one)}`,
      line: `CA ${short(leafId(one))} (${one.subject.commonName}, its certificate ends ${leafOf(one).validToDate.toISOString()})`,
      end: one.validFor.end,
    })),
    ...keys.map(({ publicKey, validFor }) => ({
      id: `key ${pemKeyId(publicKey)}`,
      line: `signing key ${short(pemKeyId(publicKey))}`,
      end: validFor.end,
    })),
    ...trustedRoot.tlogs.map((one) => ({
      id: `log ${one.logId.keyId}`,
      line: `log ${new URL(one.baseUrl).hostname} (key ${short(logSpkiId(one))})`,
      end: one.publicKey.validFor.end,
    })),
    ...trustedRoot.timestampAuthorities.map((one) => ({
      id: `tsa ${leafId(one)}`,
      line: `timestamp authority ${short(leafId(one))} (${one.subject.commonName})`,
      end: one.validFor.end,
    })),
    ...revoked.map(({ key, from, treeSize, log, reason }) => ({
      id: `revoked ${key} ${from} ${treeSize} ${log}`,
      line: `revoked: key ${short(key)} from ${from} on, and from entry ${treeSize} of the log ${nameOf(log)}on: ${reason}`,
      end: undefined,
    })),
  ]
}

/** What a document changes, one line each, for whoever signs it; nothing but the times of one that is signed anew. */
export function trustChanges(before: TrustContent | undefined, after: TrustContent): string[] {
  const old = before === undefined ? [] : namedIn(before)
  const now = namedIn(after)
  const was = new Map(old.map((one) => [one.id, one]))
  const is = new Set(now.map(({ id }) => id))
  return [
    ...now.flatMap(({ id, line, end }) => {
      const known = was.get(id)
      if (known === undefined) return [`+ ${line}`]
      return known.end === end ? [] : [`~ ${line}: ends ${end ?? 'no more'}`]
    }),
    ...old.filter(({ id }) => !is.has(id)).map(({ line }) => `- ${line}`),
  ]
}

/** Says whether a new document is needed: another end alone is told with the next one. */
export function isSameTrust(before: TrustContent, after: TrustContent): boolean {
  const idsOf = (content: TrustContent) =>
    namedIn(content)
      .map(({ id }) => id)
      .toSorted()
      .join('\n')
  return idsOf(before) === idsOf(after)
}

/** All keys, one line each. */
export function trustKeys(content: TrustContent): string[] {
  return namedIn(content).map(({ line, end }) => `${line}${end === undefined ? '' : `, until ${end}`}`)
}
