import { MayflyError, sha256Hex, type Clock } from '../lib/index.ts'
import type { AuditClient } from '../audit/client/index.ts'
import { configError, isPolicyFile, type PolicyDocument } from '../config/index.ts'
import type { Checks } from '../identity/index.ts'
import { isDuplicate, type Store } from '../store/index.ts'
import { failedTests, type CompiledDocument } from './compile-document.ts'
import { compileRules, type Rules } from './compile-rules.ts'
import { diffDocuments } from './policy-diff.ts'
import type { PolicySource } from './policy-source.ts'
import { recordedChanges } from './recorded-claims.ts'

export interface Applied {
  readonly version: number
  readonly changed: boolean
  readonly diff: readonly string[]
  readonly document: PolicyDocument
}

export interface RulesHolder {
  /** Throws `config_invalid` while no policy has been applied, or the stored one is refused. */
  current(): Rules
  readonly loaded: boolean
  /**
   * Validates, shows what changes and, unless `dryRun`, records and applies it. Throws `config_invalid` with every
   * problem, and `conflict` if another version than `expectedVersion` is in force.
   */
  apply(request: {
    text: string
    file: string
    by: string
    /** The same as it stands in the log, where a person's name is sealed. */
    recordedBy?: unknown
    dryRun: boolean
    expectedVersion?: number
    source?: PolicySource
    /** Who applies it may not change who people are and what they may do: then `denied`. */
    keepsPeople?: boolean
  }): Promise<Applied>
  /** Called once another policy is in force, before `apply` returns; `before` is undefined if none was. */
  onChange(listener: (before: Rules | undefined, after: Rules) => Promise<void>): void
  /** The change that was the last one when this server started: what follows from it may not have been done. */
  readonly lastChange: LastChange | undefined
}

export interface LastChange {
  /** Milliseconds since the Unix epoch. */
  readonly appliedMs: number
  /** Undefined if there was none, or this version of Mayfly refuses it. */
  before(): Promise<Rules | undefined>
}

export async function createRules(deps: {
  store: Store
  audit: AuditClient
  clock: Clock
  fetch: typeof fetch
  audience: () => string
  issuedSince?: () => number
  checks?: Checks
}): Promise<RulesHolder> {
  let rules: Rules | undefined
  let applying: Promise<unknown> = Promise.resolve()
  const listeners: ((before: Rules | undefined, after: Rules) => Promise<void>)[] = []
  const newest = await deps.store.read
    .selectFrom('policies')
    .selectAll()
    .orderBy('version', 'desc')
    .limit(1)
    .executeTakeFirst()
  // What an older Mayfly accepted may be refused now. Then nothing is granted, and a better policy can be applied.
  let refused: MayflyError | undefined
  if (newest !== undefined) {
    try {
      rules = compileRules(newest.text, 'mayfly.yaml', newest.version, deps)
    } catch (error) {
      if (!(error instanceof MayflyError) || error.code !== 'config_invalid') throw error
      refused = new MayflyError(
        'config_invalid',
        `version ${newest.version} of the policy is refused by this version of Mayfly, so nothing is granted: mend it and apply it again. ${error.message}`,
        { cause: error },
      )
    }
  }
  const versionNow = () => rules?.version ?? newest?.version ?? 0

  return {
    current() {
      if (rules === undefined)
        throw refused ?? new MayflyError('config_invalid', 'no policy is in force: mayfly apply mayfly.yaml')
      return rules
    },
    get loaded() {
      return rules !== undefined
    },
    // One after the other: two who saw the same version must not both apply to it.
    apply(request) {
      const mine = applying.then(() => apply(request))
      applying = mine.catch(() => undefined)
      return mine
    },
    onChange: (listener) => void listeners.push(listener),
    lastChange: newest && { appliedMs: newest.applied_ms, before: () => policyBefore(newest.version) },
  }

  async function policyBefore(version: number): Promise<Rules | undefined> {
    const row = await deps.store.read
      .selectFrom('policies')
      .selectAll()
      .where('version', '<', version)
      .orderBy('version', 'desc')
      .limit(1)
      .executeTakeFirst()
    try {
      return row && compileRules(row.text, 'mayfly.yaml', row.version, deps)
    } catch (error) {
      if (!(error instanceof MayflyError) || error.code !== 'config_invalid') throw error
      return undefined
    }
  }

  async function apply({
    text,
    file,
    by,
    recordedBy = by,
    dryRun,
    expectedVersion,
    source,
    keepsPeople = false,
  }: Parameters<RulesHolder['apply']>[0]): Promise<Applied> {
    const before = rules
    if (expectedVersion !== undefined && expectedVersion !== versionNow()) {
      throw new MayflyError(
        'conflict',
        `version ${versionNow()} of the policy is in force, not ${expectedVersion}: look at it and apply again`,
      )
    }
    const next = compileRules(text, file, versionNow() + 1, deps)
    if (keepsPeople && peopleOf(before) !== peopleOf(next))
      throw new MayflyError(
        'denied',
        'this changes people, groups or sign_in, and with them what operators may do: only an admin applies it',
      )
    const failed = failedTests(next.compiled)
    if (failed.length > 0) throw configError(failed)
    const diff = diffDocuments(
      before === undefined ? undefined : contentOf(before.compiled),
      contentOf(next.compiled),
    )
    const changed = before?.text !== text
    const { document } = next
    if (dryRun || !changed) return { version: versionNow(), changed, diff, document }
    await deps.audit.append({
      type: 'policy.applied',
      data: {
        by: recordedBy,
        version: next.version,
        sha256: sha256Hex(text),
        ...(source === undefined ? {} : { source }),
        changes: recordedChanges(diff)
          .slice(0, 120)
          .map((line) => line.slice(0, 300)),
        changeCount: diff.length,
      },
    })
    await deps.store
      .write((tx) =>
        tx
          .insertInto('policies')
          .values({
            version: next.version,
            text,
            applied_by: by,
            applied_ms: deps.clock.nowMs(),
            source: source === undefined ? null : JSON.stringify(source),
          })
          .execute(),
      )
      .catch((error: unknown) => {
        if (!isDuplicate(error)) throw error
        throw new MayflyError(
          'conflict',
          `version ${next.version} was applied by another server: look at it and apply again`,
        )
      })
    rules = next
    await Promise.all(listeners.map((listener) => listener(before, next)))
    return { version: next.version, changed, diff, document }
  }
}

function peopleOf(rules: Rules | undefined): string {
  const { people, groups, sign_in } = rules?.document ?? {}
  return JSON.stringify([people, groups, sign_in])
}

/** What a change of the policy is shown by: the document, and the lines of the files beside it. */
function contentOf({ document, bundle }: CompiledDocument): object {
  // A certificate file stands in the document already.
  const beside = Object.entries(bundle.files).filter(([name]) => isPolicyFile(name))
  const files = beside.map(([name, text]) => [name, text.split('\n')])
  return { ...document, ...Object.fromEntries(files) }
}
