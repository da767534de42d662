import type { Selectable } from 'kysely'
import type { Clock, StepId } from '../lib/index.ts'
import { insertOnce, type Store, type Tables } from '../store/index.ts'
import type { Step } from './model.ts'

/** A file that the step was given and whose digest held, or a commit that it asked a Git server for. */
export interface KeptMaterial {
  /** A package URL, or `git+https://HOST/PATH`. */
  readonly uri: string
  /** Subresource Integrity text, Go's `h1:BASE64`, or `gitCommit:HEX`. */
  readonly integrity: string
  /** Of the bytes that passed, in hex. */
  readonly sha256?: string | undefined
  /** What named the digest. */
  readonly by: string
  readonly connection: string
  readonly part?: true | undefined
}

/** What a registry took from the step. */
export interface KeptPublication {
  /** A package URL. */
  readonly name: string
  /** `sha256:HEX` of what went over the wire. */
  readonly digest: string
  readonly connection: string
  readonly bytes?: number | undefined
  readonly tag?: string | undefined
}

/** What a step took in and gave out through the gateway, as its attestations say it. */
export interface StepMaterials {
  readonly materials: readonly {
    readonly uri: string
    readonly digest: Readonly<Record<string, string>>
    readonly integrity?: string
    readonly by: string
    readonly connection: string
    readonly part?: true
  }[]
  /** Further ones that there was no room for. */
  readonly materialsOmitted: number
  /** A server carried something for it and did not bring that to the store: it may have had more than is here. */
  readonly materialsIncomplete?: true
  readonly published: readonly {
    readonly name: string
    readonly digest: string
    readonly connection: string
    readonly bytes?: number
    readonly tags?: readonly string[]
  }[]
}

/** Of all servers, since each gateway carries a part of a step's traffic. */
export interface StoredStepMaterials {
  /** Before the step gets the end of anything: from now on this carrier owes the store what it gave to the step. */
  carry(step: Pick<Step, 'id'>, carrier: string): Promise<void>
  /** Twice is once. `settled`: with these that carrier owes nothing more. */
  keep(
    step: Pick<Step, 'id' | 'session'>,
    kept: { readonly materials?: readonly KeptMaterial[]; readonly published?: readonly KeptPublication[] },
    settled?: string,
  ): Promise<void>
  of(step: StepId): Promise<StepMaterials>
}

/** Of one step; a step that takes more has the rest counted, and its provenance says so. */
export const maxMaterials = 20_000
const maxPublished = 10_000
/** Longer than any run, and than an attestation may wait for its log. */
const keptMs = 7 * 86_400_000
const perWrite = 80

export function createStoredStepMaterials(deps: { store: Store; clock: Clock }): StoredStepMaterials {
  const { store, clock } = deps
  return {
    async carry({ id }, carrier) {
      const row = { step_id: id, carrier, created_ms: clock.nowMs() }
      await store.writeAll(() => [insertOnce('step_carriers', row)])
    },
    async keep({ id, session }, { materials = [], published = [] }, settled) {
      if (materials.length + published.length === 0 && settled === undefined) return
      const now = clock.nowMs()
      const place = { step_id: id, run_id: session.runId, created_ms: now }
      await store.write(async (tx) => {
        for (const table of ['step_materials', 'step_publications', 'step_carriers'] as const)
          await tx
            .deleteFrom(table)
            .where('created_ms', '<', now - keptMs)
            .execute()
        for (const rows of groups(materials.map((one) => ({ ...place, ...materialRow(one) }))))
          await tx
            .insertInto('step_materials')
            .values(rows)
            .onConflict((conflict) => conflict.doNothing())
            .execute()
        for (const rows of groups(published.map((one) => ({ ...place, ...publicationRow(one) }))))
          await tx
            .insertInto('step_publications')
            .values(rows)
            .onConflict((conflict) => conflict.doNothing())
            .execute()
        if (settled !== undefined)
          await tx
            .deleteFrom('step_carriers')
            .where('step_id', '=', id)
            .where('carrier', '=', settled)
            .execute()
      })
    },
    async of(step) {
      const rows = await store.read
        .selectFrom('step_materials')
        .selectAll()
        .where('step_id', '=', step)
        .orderBy('purl')
        .orderBy('path')
        .limit(maxMaterials + 1)
        .execute()
      const published = await store.read
        .selectFrom('step_publications')
        .selectAll()
        .where('step_id', '=', step)
        .orderBy('name')
        .orderBy('tag')
        .limit(maxPublished)
        .execute()
      const carrier = store.find('step_carriers', { step_id: step })
      const count = rows.length <= maxMaterials ? rows.length : await countOf(store, step)
      return {
        materials: rows.slice(0, maxMaterials).map(materialIn),
        materialsOmitted: Math.max(0, count - maxMaterials),
        ...(carrier === undefined ? {} : { materialsIncomplete: true as const }),
        published: publicationsIn(published),
      }
    },
  }
}

async function countOf(store: Store, step: StepId): Promise<number> {
  const row = await store.read
    .selectFrom('step_materials')
    .select((e) => e.fn.countAll<number>().as('count'))
    .where('step_id', '=', step)
    .executeTakeFirst()
  return row?.count ?? 0
}

function groups<T>(rows: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(rows.length / perWrite) }, (_, at) =>
    rows.slice(at * perWrite, (at + 1) * perWrite),
  )
}

/** Files of one version are told apart by what they are. */
function materialRow({ uri, integrity, sha256, by, connection, part }: KeptMaterial) {
  return {
    ...{ purl: uri, path: sha256 ?? integrity, digest: integrity, sha256: sha256 ?? null, by, connection },
    part: part === true ? 'metadata' : null,
  }
}

function publicationRow({ name, digest, connection, bytes, tag }: KeptPublication) {
  return { name, digest, connection, bytes: bytes ?? null, tag: tag ?? '' }
}

function materialIn({ purl, digest, sha256, by, connection, part }: Selectable<Tables['step_materials']>) {
  return {
    uri: purl,
    digest: { ...(sha256 === null ? {} : { sha256 }), ...digestIn(digest ?? '') },
    ...(digest === null ? {} : { integrity: digest }),
    ...{ by, connection },
    ...(part === null ? {} : { part: true as const }),
  }
}

const hexChars: Readonly<Record<string, number>> = { sha256: 64, sha384: 96, sha512: 128 }

/** The digest that an integrity names, in hex; of several it is not known which held. */
function digestIn(integrity: string): Record<string, string> {
  const commit = /^gitCommit:(?<hex>[0-9a-f]{40}|[0-9a-f]{64})$/.exec(integrity)?.groups?.['hex']
  if (commit !== undefined) return { gitCommit: commit }
  const { name = '', base64 = '' } =
    /^(?<name>sha(?:256|384|512))-(?<base64>[A-Za-z0-9+/]+=*)$/.exec(integrity)?.groups ?? {}
  const hex = Buffer.from(base64, 'base64').toString('hex')
  return hexChars[name] === hex.length ? { [name]: hex } : {}
}

function publicationsIn(
  rows: readonly Selectable<Tables['step_publications']>[],
): StepMaterials['published'] {
  const byKey = Map.groupBy(rows, ({ name, digest, connection }) =>
    JSON.stringify([name, digest, connection]),
  )
  return [...byKey.values()].flatMap((same) => {
    const [first] = same
    if (first === undefined) return []
    const { name, digest, connection, bytes } = first
    const tags = same.flatMap(({ tag }) => (tag === '' ? [] : [tag]))
    return [
      {
        ...{ name, digest, connection },
        ...(bytes === null ? {} : { bytes }),
        ...(tags.length === 0 ? {} : { tags }),
      },
    ]
  })
}
