import { MayflyError } from '../../lib/index.ts'
import type { AuditClient } from '../../audit/client/index.ts'
import { stepEvent, type SeenFile, type Step, type StoredFirstSeen } from '../../broker/index.ts'
import type { Connection } from '../../connections/index.ts'

/** A file of a registry is what it was when the first step had it, whoever pins it to something else since. */
export interface FirstSeenCheck {
  /**
   * Whether it is seen for the first time, with these bytes. Throws `denied` where it was another file then, which is recorded as
   * a finding; and what the store throws: what cannot be compared is not given.
   */
  check(step: Step, connection: Connection, file: SeenFile, digest: string): Promise<{ first: boolean }>
}

/** Findings of one step; what it asks for again and again is refused without one. */
const maxFindings = 100

export function createFirstSeenCheck(deps: {
  audit: AuditClient
  firstSeen: StoredFirstSeen
}): FirstSeenCheck {
  const found = new WeakMap<Step, Set<string>>()

  function recordChange(step: Step, key: string, data: Readonly<Record<string, unknown>>): void {
    const known = found.get(step) ?? new Set<string>()
    found.set(step, known)
    if (known.has(key) || known.size >= maxFindings) return
    known.add(key)
    // The refusal stands whether or not it can be recorded.
    deps.audit.append(stepEvent(step, 'package.changed', data)).catch(() => undefined)
  }

  return {
    async check(step, { name }, file, digest) {
      const seen = await deps.firstSeen.see(file, digest)
      if (seen.digest === digest) return { first: !seen.recorded }
      const { registry, purl, path } = file
      const was = { digest: seen.digest, seen: new Date(seen.seenMs).toISOString() }
      recordChange(step, `${registry} ${path} ${digest}`, {
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

/** The registry by where it is: a connection may be renamed, and is the same registry. */
export function registryOf({ host, port, basePath }: Connection): string {
  return `${host}:${port}${basePath}`
}
