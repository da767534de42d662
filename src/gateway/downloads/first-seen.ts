import { MayflyError } from '../../lib/index.ts'
import type { SeenFile, Step, StoredFirstSeen } from '../../broker/index.ts'
import type { Connection } from '../../connections/index.ts'
import type { Findings } from '../findings.ts'

/** A file of a registry is what it was when the first step had it, whoever pins it to something else since. */
export interface FirstSeenCheck {
  /**
   * Whether it is seen for the first time, with these bytes. Throws `denied` where it was another file then, which is recorded as
   * a finding; and what the store throws: what cannot be compared is not given.
   */
  check(
    step: Step,
    connection: Connection,
    file: SeenFile,
    now: { readonly digest: string; readonly path: string },
  ): Promise<{ first: boolean }>
}

export function createFirstSeenCheck(deps: {
  findings: Findings
  firstSeen: StoredFirstSeen
}): FirstSeenCheck {
  return {
    async check(step, { name }, file, { digest, path }) {
      const stored = await deps.firstSeen.see(file, digest)
      const seen = { ...stored, digest: canonical(stored.digest) }
      if (seen.digest === canonical(digest)) return { first: !seen.recorded }
      const { registry, purl } = file
      const was = { digest: seen.digest, seen: new Date(seen.seenMs).toISOString() }
      deps.findings.found(step, 'package.changed', `${registry} ${path} ${digest}`, {
        ...{ connection: name, registry, purl, path: path.slice(0, 1_000) },
        ...{ was, now: { digest } },
      })
      throw new MayflyError(
        'denied',
        `${purl} is another file than the registry had on ${was.seen.slice(0, 10)} (${was.digest.slice(0, 23)}…, now ${digest.slice(0, 23)}…): a version that was published does not change. Ask who runs the registry; if it is right, name it under may_change of connection "${name}"`,
      )
    },
  }
}

/** `sha256:HEX`: stores of earlier versions have the SHA-256 of some files as Subresource Integrity text. */
function canonical(digest: string): string {
  const base64 = /^sha256-([A-Za-z0-9+/]{43}=)$/.exec(digest)?.[1]
  return base64 === undefined ? digest : `sha256:${Buffer.from(base64, 'base64').toString('hex')}`
}

/** The registry by where it is: a connection may be renamed, and is the same registry. */
export function registryOf({ host, port, basePath }: Connection): string {
  return `${host}:${port}${basePath}`
}
